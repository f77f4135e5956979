"""HAT's SuperTransformer as a plain function of its weights: what a fixture's numbers come from.

Post-norm, sinusoidal positions, relu. A SubTransformer is HAT's nested dictionary; every weight is
cut to its leading rows and columns. Written from the description of the model (HAT, section 3.1),
without anything of ``hat.modules`` and ``hat.models``.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

PAD = 1


@dataclass
class PlainTransformer:
    """Runs one SubTransformer on the weights of a checkpoint.

    Args:
        weights: names as in HAT's checkpoints.
        full_dim: full width of both embeddings, which the positions are made for.
        encoder_layers: full depth of the encoder.
        config: HAT's nested description of the SubTransformer.
    """

    weights: dict[str, Tensor]
    full_dim: int
    encoder_layers: int
    config: dict[str, dict[str, Any]]
    params: int = field(default=0, init=False)
    """Parameters that were used, without embeddings and output layer."""
    scalings: int = field(default=0, init=False)
    """Multiplications outside matrix products: of embeddings, of queries, in layer norms."""

    def encode(self, tokens: Tensor) -> list[Tensor]:
        """tokens: (B, S) -> what each layer gives, (B, S, E); skipped layers repeat the last."""
        arch = self.config["encoder"]
        x = self._embed("encoder", tokens, arch["encoder_embed_dim"])
        seen = tokens.ne(PAD)[:, None, None, :]
        outputs = []
        for index in range(arch["encoder_layer_num"]):
            name = f"encoder.layers.{index}"
            heads = arch["encoder_self_attention_heads"][index]
            x = self._norm(
                f"{name}.self_attn_layer_norm",
                x + self._attend(f"{name}.self_attn", x, x, heads, seen),
            )
            x = self._feed_forward(name, x, arch["encoder_ffn_embed_dim"][index])
            outputs.append(x)
        return outputs + [x] * (self.encoder_layers - len(outputs))

    def decode(self, tokens: Tensor, source: Tensor, encoded: list[Tensor]) -> Tensor:
        """tokens: (B, T) -> logits (B, T, V)."""
        arch = self.config["decoder"]
        width = arch["decoder_embed_dim"]
        x = self._embed("decoder", tokens, width)
        past = torch.ones(tokens.size(1), tokens.size(1), dtype=torch.bool).tril()
        for index in range(arch["decoder_layer_num"]):
            name = f"decoder.layers.{index}"
            heads = arch["decoder_self_attention_heads"][index]
            x = self._norm(
                f"{name}.self_attn_layer_norm",
                x + self._attend(f"{name}.self_attn", x, x, heads, past),
            )
            # -1: the last encoder layer; 1 and 2: also the one and the two before it
            span = {-1: 1, 1: 2, 2: 3}[arch["decoder_arbitrary_ende_attn"][index]]
            memory = torch.cat(encoded[-span:][::-1], dim=1)
            seen = source.ne(PAD).repeat(1, span)[:, None, None, :]
            heads = arch["decoder_ende_attention_heads"][index]
            x = self._norm(
                f"{name}.encoder_attn_layer_norm",
                x + self._attend(f"{name}.encoder_attn", x, memory, heads, seen),
            )
            x = self._feed_forward(name, x, arch["decoder_ffn_embed_dim"][index])
        output = self.weights.get("decoder.embed_out", self.weights["decoder.embed_tokens.weight"])
        return x @ output[:, :width].T

    def _embed(self, side: str, tokens: Tensor, width: int) -> Tensor:
        half = self.full_dim // 2
        present = tokens.ne(PAD)
        place = present.cumsum(1) + PAD
        speed = torch.exp(torch.arange(half) * (-math.log(10000) / (half - 1)))
        angle = place[..., None] * speed
        position = torch.cat([angle.sin(), angle.cos()], dim=-1) * present[..., None]
        vectors = self.weights[f"{side}.embed_tokens.weight"][tokens][..., :width]
        vectors = vectors * present[..., None]  # padding is zero and learns nothing
        self.scalings += vectors.numel()
        return math.sqrt(width) * vectors + position[..., :width]

    def _attend(self, name: str, x: Tensor, memory: Tensor, heads: int, seen: Tensor) -> Tensor:
        joint, bias = f"{name}.in_proj_weight", f"{name}.in_proj_bias"
        if joint in self.weights:
            matrices = self.weights[joint].chunk(3)
        else:
            matrices = tuple(self.weights[f"{name}.{part}_proj_weight"] for part in "qkv")
        q, k, v = (
            self._split(
                inputs @ self._use(matrix[:, : inputs.size(-1)]).T + self._use(shift), heads
            )
            for inputs, matrix, shift in zip(
                (x, memory, memory), matrices, self.weights[bias].chunk(3), strict=True
            )
        )
        self.scalings += q.numel()
        scores = (q @ k.transpose(-1, -2)) / math.sqrt(q.size(-1))
        mixed = scores.masked_fill(~seen, -math.inf).softmax(-1) @ v
        return self._linear(f"{name}.out_proj", mixed.transpose(1, 2).flatten(2), x.size(-1))

    def _split(self, x: Tensor, heads: int) -> Tensor:
        return x.view(x.size(0), x.size(1), heads, -1).transpose(1, 2)

    def _feed_forward(self, name: str, x: Tensor, inner: int) -> Tensor:
        hidden = self._linear(f"{name}.fc1", x, inner).relu()
        return self._norm(
            f"{name}.final_layer_norm", x + self._linear(f"{name}.fc2", hidden, x.size(-1))
        )

    def _linear(self, name: str, x: Tensor, outputs: int) -> Tensor:
        weight = self._use(self.weights[f"{name}.weight"][:outputs, : x.size(-1)])
        return x @ weight.T + self._use(self.weights[f"{name}.bias"][:outputs])

    def _norm(self, name: str, x: Tensor) -> Tensor:
        scale, shift = (
            self._use(self.weights[f"{name}.{part}"][: x.size(-1)]) for part in ("weight", "bias")
        )
        self.scalings += x.numel()
        centred = x - x.mean(-1, keepdim=True)
        return scale * centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt() + shift

    def _use(self, weight: Tensor) -> Tensor:
        self.params += weight.numel()
        return weight


def weight_shapes(
    full_dim: int, ffn_dim: int, qkv_dim: int, layers: int, vocabulary: int
) -> dict[str, tuple[int, ...]]:
    """The weights of a SuperTransformer without an output layer of its own, by HAT's names."""
    shapes: dict[str, tuple[int, ...]] = {}
    for side in ("encoder", "decoder"):
        shapes[f"{side}.embed_tokens.weight"] = (vocabulary, full_dim)
        for index in range(layers):
            layer = f"{side}.layers.{index}"
            blocks = ["self_attn"] if side == "encoder" else ["self_attn", "encoder_attn"]
            for block in blocks:
                shapes[f"{layer}.{block}.in_proj_weight"] = (3 * qkv_dim, full_dim)
                shapes[f"{layer}.{block}.in_proj_bias"] = (3 * qkv_dim,)
                shapes[f"{layer}.{block}.out_proj.weight"] = (full_dim, qkv_dim)
                shapes[f"{layer}.{block}.out_proj.bias"] = (full_dim,)
            shapes |= {f"{layer}.fc1.weight": (ffn_dim, full_dim), f"{layer}.fc1.bias": (ffn_dim,)}
            shapes |= {f"{layer}.fc2.weight": (full_dim, ffn_dim), f"{layer}.fc2.bias": (full_dim,)}
            for norm in (*(f"{block}_layer_norm" for block in blocks), "final_layer_norm"):
                shapes |= {f"{layer}.{norm}.{part}": (full_dim,) for part in ("weight", "bias")}
    return shapes
