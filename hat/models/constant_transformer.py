"""SubTransformers with one constant for all weights: the direct way to compute epsinas.

Slow, and there to prove the width-one twin in ``hat.scoring.collapsed.transformer`` right, whose
docstring says why tokens are normalised the way they are.
"""

import torch
from torch import Tensor, nn

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.models.cells.constant import fill_with_constant
from hat.models.config import SuperTransformerConfig
from hat.models.super_transformer import SuperTransformer
from hat.modules.layer_norm import LayerNormSuper


class TokenNormSuper(LayerNormSuper):
    """Normalises each channel over all tokens of the batch, as batch normalisation would.

    Args:
        embed_dim: largest width.
        centred: whether to subtract the mean.
    """

    def __init__(self, embed_dim: int, *, centred: bool = True) -> None:
        super().__init__(embed_dim)
        self.centred = centred

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T, active_dim) -> the same shape."""
        if self.centred:
            x = x - x.mean(dim=(0, 1))
        scale = (x.square().mean(dim=(0, 1)) + self.eps).rsqrt()
        return x * scale * self.weight[: self.active_dim] + self.bias[: self.active_dim]


class _NoNormSuper(LayerNormSuper):
    def forward(self, x: Tensor) -> Tensor:
        return x


class ConstantTransformer:
    """A SuperTransformer that is filled with constants and read out at both ends.

    Args:
        space: what the SuperTransformer must be able to hold.
        source: number of each source token, (B, S), float64.
        target: number of each target token, (B, T), float64.
        qkv_dim: joint width of all heads.
        norm: one of ``NORMS`` of ``hat.scoring.collapsed.transformer``.
        encoder_normalize_before: whether the encoder is pre-norm.
        decoder_normalize_before: whether the decoder is.
    """

    def __init__(
        self,
        space: SearchSpace,
        source: Tensor,
        target: Tensor,
        *,
        qkv_dim: int,
        norm: str,
        encoder_normalize_before: bool = False,
        decoder_normalize_before: bool = False,
    ) -> None:
        self._source, self._target, self._norm = source, target, norm
        largest = space.largest()
        config = SuperTransformerConfig(
            src_vocab_size=source.numel() + 1,
            tgt_vocab_size=target.numel() + 1,
            padding_idx=0,
            encoder_embed_dim=largest.encoder.embed_dim,
            encoder_ffn_dim=space.encoder_ffn_dims[0],
            encoder_layers=space.max_encoder_layers,
            encoder_heads=space.encoder_self_heads[-1],
            decoder_embed_dim=largest.decoder.embed_dim,
            decoder_ffn_dim=space.decoder_ffn_dims[0],
            decoder_layers=space.max_decoder_layers,
            decoder_heads=space.decoder_self_heads[-1],
            qkv_dim=qkv_dim,
            encoder_normalize_before=encoder_normalize_before,
            decoder_normalize_before=decoder_normalize_before,
            no_token_positional_embeddings=True,
        )
        self.model = SuperTransformer(config).double().eval()
        _replace_norms(self.model, norm)

    def outputs(self, arch: SubTransformerConfig, weight: float) -> tuple[Tensor, Tensor]:
        """Encoder output (B, S, E) and decoder output (B, T, E) of ``arch`` under ``weight``.

        All E channels are equal up to rounding. Score one of them: the metric leaves out the exact
        minimum, which rounding would leave to one channel of many.
        """
        model = self.model
        fill_with_constant(model, weight)
        if self._norm != "tokens-filled":
            for module in model.modules():
                if isinstance(module, LayerNormSuper):
                    nn.init.ones_(module.weight)
        model.set_sample_config(arch)
        encoder, decoder = model.encoder, model.decoder
        source_ids = _enter(encoder.embed_tokens, self._source / encoder.embed_scale)
        target_ids = _enter(decoder.embed_tokens, self._target / decoder.embed_scale)
        with torch.no_grad():
            encoded = encoder(source_ids)
            decoded = decoder.extract_features(target_ids, encoded)
        return encoded.states[0], decoded


def _enter(embedding: nn.Embedding, numbers: Tensor) -> Tensor:
    """Gives each token an identifier of its own whose whole vector is its number."""
    with torch.no_grad():
        embedding.weight[1:] = numbers.reshape(-1, 1)
    return torch.arange(1, numbers.numel() + 1).reshape(numbers.shape)


def _replace_norms(model: nn.Module, norm: str) -> None:
    if norm == "layer":
        return
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, LayerNormSuper):
                width = child.normalized_shape[0]
                replacement = (
                    _NoNormSuper(width)
                    if norm == "none"
                    else TokenNormSuper(width, centred=norm != "scale")
                )
                setattr(module, name, replacement.double())
