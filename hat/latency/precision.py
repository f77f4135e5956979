"""Running a network at another precision: 16-bit floats, or weights quantised to 8 bits."""

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from hat.models.super_transformer import SuperTransformer
from hat.modules.attention import MultiheadAttentionSuper
from hat.modules.linear import LinearSuper

_FLOATS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def at_precision(model: SuperTransformer, precision: str) -> SuperTransformer:
    """Converts ``model`` in place to compute at ``fp32``, ``bf16``, ``fp16`` or ``int8``.

    Args:
        model: a true-size model, as ``extract`` makes it, on the CPU for ``int8``.
        precision: ``int8`` quantises the weights of every matrix product, the output layer's
            included, per output and symmetrically; activations are quantised on the fly.
            Embeddings, attention scores, norms and residuals stay in single precision.
    """
    if precision in _FLOATS:
        return model.to(_FLOATS[precision])
    return _quantised(model)


class PackedWeight:
    """One matrix product with 8-bit weights in the layout that the CPU's kernel wants."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        """Args: weight: (out, in); bias: (out,) or None."""
        weight = weight.detach().float().contiguous()
        scales = weight.abs().amax(dim=1).clamp(min=1e-8).double() / 127
        zeros = torch.zeros(len(weight), dtype=torch.int64)
        with warnings.catch_warnings():
            # torch announces that quantised tensors will move to another package
            warnings.simplefilter("ignore", UserWarning)
            quantised = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
            self._packed = torch.ops.quantized.linear_prepack(
                quantised, None if bias is None else bias.detach().float()
            )

    def __call__(self, x: Tensor) -> Tensor:
        """x: (..., in) -> (..., out)."""
        output: Tensor = torch.ops.quantized.linear_dynamic(x.contiguous(), self._packed)
        return output


class _QuantisedLinear(nn.Module):
    def __init__(self, linear: LinearSuper) -> None:
        super().__init__()
        self._weight = PackedWeight(linear.weight, linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self._weight(x)


class _QuantisedAttention(MultiheadAttentionSuper):
    """The same attention with its projections quantised; made in place by ``_quantise``."""

    _of_self: PackedWeight | None
    _query: PackedWeight
    _memory: tuple[PackedWeight, ...]

    def packed_self(self, x: Tensor) -> Tensor:
        assert self._of_self is not None
        return self._of_self(x)

    def packed_cross(self, x: Tensor | None, memory: Tensor | None) -> tuple[Tensor, ...]:
        queries = () if x is None else (self._query(x),)
        if memory is None:
            return queries
        return (*queries, *(weight(memory) for weight in self._memory))


def _quantise_attention(attention: MultiheadAttentionSuper, is_self: bool) -> None:
    width, bias = attention.qkv_dim, attention.in_proj_bias
    packed: Any = attention
    packed._of_self = None
    if is_self:
        packed._of_self = PackedWeight(attention.in_proj_weight, bias)
    elif attention.has_joint_weight:
        weight = attention.in_proj_weight
        packed._query = PackedWeight(weight[:width], bias[:width])
        packed._memory = (PackedWeight(weight[width:], bias[width:]),)
    else:
        packed._query = PackedWeight(attention.q_proj_weight, bias[:width])
        packed._memory = (
            PackedWeight(attention.k_proj_weight, bias[width : 2 * width]),
            PackedWeight(attention.v_proj_weight, bias[2 * width :]),
        )
    attention.__class__ = _QuantisedAttention


def _quantised(model: SuperTransformer) -> SuperTransformer:
    for name, module in list(model.named_modules()):
        if isinstance(module, MultiheadAttentionSuper):
            _quantise_attention(module, is_self=name.endswith("self_attn"))
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, LinearSuper):
                # The layers are called, never looked into, once their shape is chosen.
                setattr(module, name, _QuantisedLinear(child))
    decoder: Any = model.decoder
    width = decoder.arch.embed_dim
    if decoder.config.share_decoder_input_output_embed:
        output_weight = decoder.embed_tokens.output_weight(width)
    else:
        output_weight = decoder.embed_out[:, :width]
    decoder.output_layer = PackedWeight(output_weight, None)
    return model
