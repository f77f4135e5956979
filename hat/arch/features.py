"""HAT's ten latency features: what its predictor and its CSV files know of an architecture."""

from collections.abc import Sequence
from statistics import fmean

from hat.arch.config import SubTransformerConfig


def latency_features(arch: SubTransformerConfig) -> dict[str, float]:
    """Returns the D=10 named features in the order of HAT's CSV columns.

    Per-layer decisions enter as their mean over the layers of the architecture. The mean span is
    over spans of 1..3, the number of encoder layers attended to, as in HAT's published files.
    """

    def mean(values: Sequence[int]) -> float:
        return float(fmean(values))

    encoder, decoder = arch.encoder, arch.decoder
    return {
        "encoder_embed_dim": float(encoder.embed_dim),
        "encoder_layer_num": float(encoder.num_layers),
        "encoder_ffn_embed_dim_avg": mean(encoder.ffn_dims),
        "encoder_self_attention_heads_avg": mean(encoder.self_heads),
        "decoder_embed_dim": float(decoder.embed_dim),
        "decoder_layer_num": float(decoder.num_layers),
        "decoder_ffn_embed_dim_avg": mean(decoder.ffn_dims),
        "decoder_self_attention_heads_avg": mean(decoder.self_heads),
        "decoder_ende_attention_heads_avg": mean(decoder.ende_heads),
        "decoder_arbitrary_ende_attn_avg": mean(decoder.ende_spans),
    }
