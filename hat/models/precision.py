"""Running a network at another precision: 16-bit floats, or weights quantised to 8 bits."""

import functools
from typing import Any

from torch import Tensor, nn

from hat.machine.instructions import float_type, int8_range
from hat.models.super_transformer import SuperTransformer
from hat.modules.attention import MultiheadAttentionSuper
from hat.modules.int8 import PackedWeight
from hat.modules.linear import LinearSuper


def at_precision(
    model: SuperTransformer, precision: str, range_of_int8: str | None = None
) -> SuperTransformer:
    """Converts ``model`` in place to compute at ``fp32``, ``bf16``, ``fp16`` or ``int8``.

    Args:
        model: a true-size model, as ``extract`` makes it, on the CPU for ``int8``.
        precision: ``int8`` quantises the weights of every matrix product, the output layer's
            included, per output and symmetrically; activations are quantised on the fly.
            Embeddings, attention scores, norms and residuals stay in single precision.
        range_of_int8: ``full`` or ``reduced``; by default the one that is right here.
    """
    if precision != "int8":
        return model.to(float_type(precision))
    return _quantised(model, range_of_int8 or int8_range())


class _QuantisedLinear(nn.Module):
    def __init__(self, linear: LinearSuper, range_of_int8: str) -> None:
        super().__init__()
        self._weight = PackedWeight(linear.weight, linear.bias, range_of_int8)

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


def _quantise_attention(
    attention: MultiheadAttentionSuper, range_of_int8: str, *, is_self: bool
) -> None:
    pack = functools.partial(PackedWeight, range_of_int8=range_of_int8)
    width, bias = attention.qkv_dim, attention.in_proj_bias
    packed: Any = attention
    packed._of_self = None
    if is_self:
        packed._of_self = pack(attention.in_proj_weight, bias)
    elif attention.has_joint_weight:
        weight = attention.in_proj_weight
        packed._query = pack(weight[:width], bias[:width])
        packed._memory = (pack(weight[width:], bias[width:]),)
    else:
        packed._query = pack(attention.q_proj_weight, bias[:width])
        packed._memory = (
            pack(attention.k_proj_weight, bias[width : 2 * width]),
            pack(attention.v_proj_weight, bias[2 * width :]),
        )
    attention.__class__ = _QuantisedAttention


def _quantised(model: SuperTransformer, range_of_int8: str) -> SuperTransformer:
    for name, module in list(model.named_modules()):
        if isinstance(module, MultiheadAttentionSuper):
            _quantise_attention(module, range_of_int8, is_self=name.endswith("self_attn"))
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, LinearSuper):
                # The layers are called, never looked into, once their shape is chosen.
                setattr(module, name, _QuantisedLinear(child, range_of_int8))
    decoder: Any = model.decoder
    width = decoder.arch.embed_dim
    if decoder.config.share_decoder_input_output_embed:
        output_weight = decoder.embed_tokens.output_weight(width)
    else:
        output_weight = decoder.embed_out[:, :width]
    decoder.output_layer = PackedWeight(output_weight, None, range_of_int8)
    return model
