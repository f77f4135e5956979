"""Parameters and FLOPs of an architecture by arithmetic: no model is built, nothing is run.

The rules are those of HAT's published table (ACL 2020, appendix), so its figures come out to the
printed digits: FLOPs are twice the multiply-accumulates of one teacher-forced pass over one
sentence. Counted are linear layers, batched matrix products, layer norms and elementwise products
(one multiply-accumulate per output element for the last two, as torchprofile counts); additions,
softmax, activations and table look-ups are not. The table leaves out embeddings and the last
projection, and uses 30 tokens on both sides for WMT and 23 for IWSLT.
"""

from dataclasses import dataclass

from hat.arch.config import SubTransformerConfig
from hat.models.config import SuperTransformerConfig


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Size and work of one architecture."""

    params: int
    """All parameters, shared ones once."""

    params_without_embeddings: int
    """Without token and position embeddings and without the output layer."""

    flops: int
    """Floating point operations of one pass over one sentence."""

    flops_without_last_layer: int
    """The same without the projection to the vocabulary."""


def cost(
    config: SuperTransformerConfig, arch: SubTransformerConfig, *, src_len: int, tgt_len: int
) -> Cost:
    """Counts parameters and FLOPs of ``arch`` for sentences of the given lengths in tokens.

    Raises:
        ConfigError: if ``arch`` is not a SubTransformer of ``config``.
    """
    config.check(arch)
    last_layer = tgt_len * arch.decoder.embed_dim * config.tgt_vocab_size
    macs = _encoder_macs(config, arch, src_len) + _decoder_macs(config, arch, src_len, tgt_len)
    return Cost(
        params=num_params(config, arch, include_embeddings=True),
        params_without_embeddings=num_params(config, arch, include_embeddings=False),
        flops=2 * (macs + last_layer),
        flops_without_last_layer=2 * macs,
    )


def num_params(
    config: SuperTransformerConfig, arch: SubTransformerConfig, *, include_embeddings: bool
) -> int:
    """Counts the parameters that ``extract`` keeps of ``arch``.

    Args:
        config: the SuperTransformer.
        arch: the architecture.
        include_embeddings: whether to count token and learned position embeddings and the output
            layer. HAT's table does not.

    Raises:
        ConfigError: if ``arch`` is not a SubTransformer of ``config``.
    """
    config.check(arch)
    encoder, decoder, qkv = arch.encoder, arch.decoder, config.qkv_dim

    def norm(dim: int) -> int:
        return 2 * dim

    def linear(inputs: int, outputs: int) -> int:
        return inputs * outputs + outputs

    def attention(dim: int, memory_dim: int) -> int:
        return linear(dim, qkv) + 2 * linear(memory_dim, qkv) + linear(qkv, dim)

    def feed_forward(dim: int, inner: int) -> int:
        return linear(dim, inner) + linear(inner, dim)

    e, d = encoder.embed_dim, decoder.embed_dim
    total = sum(attention(e, e) + feed_forward(e, f) + 2 * norm(e) for f in encoder.ffn_dims)
    total += sum(
        attention(d, d) + attention(d, e) + feed_forward(d, f) + 3 * norm(d)
        for f in decoder.ffn_dims
    )
    if config.encoder_normalize_before:
        total += norm(e)
    if config.decoder_normalize_before and not config.no_decoder_final_norm:
        total += norm(d)
    if include_embeddings:
        total += _embedding_params(config, e, d)
    return total


def _embedding_params(config: SuperTransformerConfig, e: int, d: int) -> int:
    if config.share_all_embeddings:
        total = config.src_vocab_size * max(e, d)
    else:
        total = config.src_vocab_size * e + config.tgt_vocab_size * d
    if not config.share_decoder_input_output_embed:
        total += config.tgt_vocab_size * d
    if not config.no_token_positional_embeddings:
        reserved = config.padding_idx + 1
        if config.encoder_learned_pos:
            total += (config.max_source_positions + reserved) * e
        if config.decoder_learned_pos:
            total += (config.max_target_positions + reserved) * d
    return total


def _attention_macs(qkv: int, *, dim: int, queries: int, memory_dim: int, memory: int) -> int:
    projections = queries * dim * qkv * 2 + memory * memory_dim * qkv * 2
    scaling = queries * qkv
    products = 2 * queries * memory * qkv  # scores and weighted sums, over all heads
    return projections + scaling + products


def _encoder_macs(config: SuperTransformerConfig, arch: SubTransformerConfig, length: int) -> int:
    dim = arch.encoder.embed_dim
    macs = length * dim  # scaling the embeddings
    for ffn_dim in arch.encoder.ffn_dims:
        macs += _attention_macs(
            config.qkv_dim, dim=dim, queries=length, memory_dim=dim, memory=length
        )
        macs += 2 * length * dim * ffn_dim
        macs += 2 * length * dim  # layer norms
    if config.encoder_normalize_before:
        macs += length * dim
    return macs


def _decoder_macs(
    config: SuperTransformerConfig, arch: SubTransformerConfig, src_len: int, tgt_len: int
) -> int:
    dim = arch.decoder.embed_dim
    macs = tgt_len * dim  # scaling the embeddings
    for ffn_dim, span in zip(arch.decoder.ffn_dims, arch.decoder.ende_spans, strict=True):
        macs += _attention_macs(
            config.qkv_dim, dim=dim, queries=tgt_len, memory_dim=dim, memory=tgt_len
        )
        macs += _attention_macs(
            config.qkv_dim,
            dim=dim,
            queries=tgt_len,
            memory_dim=arch.encoder.embed_dim,
            memory=span * src_len,
        )
        macs += 2 * tgt_len * dim * ffn_dim
        macs += 3 * tgt_len * dim  # layer norms
    if config.decoder_normalize_before and not config.no_decoder_final_norm:
        macs += tgt_len * dim
    return macs
