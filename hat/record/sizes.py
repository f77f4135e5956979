"""How large an architecture is: parameters, and bytes in fp32 and int8, by arithmetic."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from hat.arch.config import SubTransformerConfig
from hat.errors import ConfigError, DataError
from hat.models.config import SuperTransformerConfig
from hat.models.flops import num_params

INT8_RULE = (
    "int8: one byte for each weight of a matrix, embeddings and output layer included; four bytes "
    "for each bias, each weight of a norm and the scale of each row of a matrix"
)


def network_from(values: Any, where: str) -> SuperTransformerConfig:
    """Reads the SuperTransformer that a file describes by the fields of its configuration.

    Raises:
        DataError: naming ``where``, if it is none.
    """
    if not isinstance(values, Mapping):
        raise DataError(
            f"{where}: does not describe a SuperTransformer: expected its settings by name, but "
            f"found {values!r:.60}"
        )
    settings = fields(SuperTransformerConfig)
    wrong = next(iter(values.keys() - {each.name for each in settings}), None)
    if wrong is not None:
        raise DataError(f"{where}: does not describe a SuperTransformer: unknown {wrong!r:.60}")
    for each in settings:
        has_default = each.default is not MISSING or each.default_factory is not MISSING
        if each.name not in values and not has_default:
            raise DataError(f"{where}: does not describe a SuperTransformer: lacks {each.name}")
    try:
        return SuperTransformerConfig(**values)
    except (ConfigError, TypeError) as error:
        raise DataError(f"{where}: does not describe a SuperTransformer: {error}") from None


def vector_params(network: SuperTransformerConfig, arch: SubTransformerConfig) -> int:
    """Counts biases and weights of norms: what int8 leaves as it is."""
    e, d, qkv = arch.encoder.embed_dim, arch.decoder.embed_dim, network.qkv_dim

    def attention(dim: int) -> int:
        return 3 * qkv + dim

    total = sum(attention(e) + f + e + 4 * e for f in arch.encoder.ffn_dims)
    total += sum(2 * attention(d) + f + d + 6 * d for f in arch.decoder.ffn_dims)
    if network.encoder_normalize_before:
        total += 2 * e
    if network.decoder_normalize_before and not network.no_decoder_final_norm:
        total += 2 * d
    return total


def _rows(network: SuperTransformerConfig, arch: SubTransformerConfig) -> int:
    """Counts the rows of all matrices: each has a scale in int8."""
    e, d, qkv = arch.encoder.embed_dim, arch.decoder.embed_dim, network.qkv_dim
    rows = sum(3 * qkv + e + f + e for f in arch.encoder.ffn_dims)
    rows += sum(2 * (3 * qkv + d) + f + d for f in arch.decoder.ffn_dims)
    rows += network.src_vocab_size
    if not network.share_all_embeddings:
        rows += network.tgt_vocab_size
    if not network.share_decoder_input_output_embed:
        rows += network.tgt_vocab_size
    return rows


def sizes(network: SuperTransformerConfig, arch: SubTransformerConfig) -> tuple[int, int, int]:
    """Returns parameters, bytes in fp32 and bytes in int8 (see ``INT8_RULE``).

    Raises:
        ConfigError: if ``arch`` is not a SubTransformer of ``network``.
    """
    params = num_params(network, arch, include_embeddings=True)
    vectors = vector_params(network, arch)
    return params, 4 * params, params - vectors + 4 * (vectors + _rows(network, arch))
