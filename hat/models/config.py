"""What a SuperTransformer is: the full sizes and the choices that no SubTransformer changes."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from hat.arch.config import (
    MAX_EMBEDDING,
    MAX_LAYERS,
    MAX_WIDTH,
    DecoderConfig,
    EncoderConfig,
    SubTransformerConfig,
)
from hat.arch.model_options import ACTIVATION_NAMES
from hat.errors import ConfigError, suggestion


@dataclass(frozen=True, kw_only=True)
class SuperTransformerConfig:
    """Sizes and options of a SuperTransformer. Checks itself on creation."""

    src_vocab_size: int
    """Entries of the source dictionary."""

    tgt_vocab_size: int
    """Entries of the target dictionary."""

    padding_idx: int = 1
    """Padding token of both dictionaries."""

    encoder_embed_dim: int
    """Largest width of the encoder."""

    encoder_ffn_dim: int
    """Largest feed-forward width of each encoder layer."""

    encoder_layers: int
    """Layers of the deepest encoder."""

    encoder_heads: int
    """Heads of the encoder in ``largest_arch``."""

    decoder_embed_dim: int
    """Largest width of the decoder."""

    decoder_ffn_dim: int
    """Largest feed-forward width of each decoder layer."""

    decoder_layers: int
    """Layers of the deepest decoder."""

    decoder_heads: int
    """Heads of both attentions of the decoder in ``largest_arch``."""

    qkv_dim: int
    """Joint width of all heads of every attention. It never shrinks."""

    share_decoder_input_output_embed: bool = False
    """The output layer uses the decoder's embedding."""

    share_all_embeddings: bool = False
    """Encoder, decoder and output layer use one embedding."""

    encoder_normalize_before: bool = False
    """Pre-norm encoder, with one more layer norm at its end."""

    decoder_normalize_before: bool = False
    """Pre-norm decoder, with one more layer norm at its end."""

    no_decoder_final_norm: bool = False
    """Leaves out the layer norm at the end of a pre-norm decoder."""

    encoder_learned_pos: bool = False
    """Learned instead of sinusoidal positions in the encoder."""

    decoder_learned_pos: bool = False
    """Learned instead of sinusoidal positions in the decoder."""

    no_token_positional_embeddings: bool = False
    """No positions at all."""

    dropout: float = 0.1
    """Dropout at full width; narrower SubTransformers use proportionally less."""

    attention_dropout: float = 0.0
    """Dropout of attention weights, the same at every width."""

    activation_dropout: float = 0.0
    """Dropout after the activation at full width; scaled like ``dropout``."""

    activation_fn: str = "relu"
    """Activation of the feed-forward networks."""

    vocab_original_scaling: bool = False
    """Scales embeddings by the root of the full width instead of the sampled one."""

    max_source_positions: int = 1024
    """Longest source sentence in tokens."""

    max_target_positions: int = 1024
    """Longest target sentence in tokens."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is int and field.name != "padding_idx":
                _check_positive(field.name, value)
            elif field.type is float and not 0.0 <= value < 1.0:
                raise ConfigError(f"{field.name} must lie in [0, 1), but found {value!r}")
        for name in ("encoder_heads", "decoder_heads"):
            heads = getattr(self, name)
            if self.qkv_dim % heads:
                raise ConfigError(f"qkv_dim ({self.qkv_dim}) must be divisible by {name} ({heads})")
        smaller = min(self.src_vocab_size, self.tgt_vocab_size)
        if not 0 <= self.padding_idx < smaller:
            raise ConfigError(
                f"padding_idx must be a token of both dictionaries (0..{smaller - 1}), "
                f"but found {self.padding_idx}"
            )
        if self.share_all_embeddings:
            self._check_sharing()
        if self.activation_fn not in ACTIVATION_NAMES:
            hint = suggestion(self.activation_fn, ACTIVATION_NAMES)
            known = ", ".join(ACTIVATION_NAMES)
            raise ConfigError(
                f"unknown activation_fn {self.activation_fn!r:.60}; known: {known}{hint}"
            )

    def _check_sharing(self) -> None:
        if self.src_vocab_size != self.tgt_vocab_size:
            raise ConfigError(
                "share_all_embeddings needs one dictionary, but the source dictionary has "
                f"{self.src_vocab_size} entries and the target dictionary {self.tgt_vocab_size}"
            )
        if self.encoder_embed_dim != self.decoder_embed_dim:
            raise ConfigError(
                f"share_all_embeddings needs equal widths, but encoder_embed_dim is "
                f"{self.encoder_embed_dim} and decoder_embed_dim is {self.decoder_embed_dim}"
            )
        # Sharing all includes sharing the decoder's two, as in fairseq.
        object.__setattr__(self, "share_decoder_input_output_embed", True)

    def largest_arch(self) -> SubTransformerConfig:
        """The SubTransformer that uses every weight; its spans are 1, as in a plain Transformer."""
        encoder, decoder = self.encoder_layers, self.decoder_layers
        return SubTransformerConfig(
            encoder=EncoderConfig(
                embed_dim=self.encoder_embed_dim,
                ffn_dims=(self.encoder_ffn_dim,) * encoder,
                self_heads=(self.encoder_heads,) * encoder,
            ),
            decoder=DecoderConfig(
                embed_dim=self.decoder_embed_dim,
                ffn_dims=(self.decoder_ffn_dim,) * decoder,
                self_heads=(self.decoder_heads,) * decoder,
                ende_heads=(self.decoder_heads,) * decoder,
                ende_spans=(1,) * decoder,
            ),
        )

    def check(
        self, arch: SubTransformerConfig, *, within: SubTransformerConfig | None = None
    ) -> None:
        """Checks that ``arch`` is a SubTransformer of this SuperTransformer.

        Args:
            arch: the architecture.
            within: what there are weights for; the largest architecture if None.

        Raises:
            ConfigError: naming the first size that does not fit.
        """
        held = self.largest_arch() if within is None else within
        sides = (("encoder", arch.encoder, held.encoder), ("decoder", arch.decoder, held.decoder))
        for side, wanted, limit in sides:
            pairs = [
                ("embed_dim", wanted.embed_dim, limit.embed_dim),
                ("num_layers", wanted.num_layers, limit.num_layers),
                *(
                    ("ffn_dims", w, m)
                    for w, m in zip(wanted.ffn_dims, limit.ffn_dims, strict=False)
                ),
            ]
            for name, value, maximum in pairs:
                if value > maximum:
                    raise ConfigError(
                        f"{side}.{name} = {value} does not fit: the SuperTransformer has {maximum}"
                    )
        if max(arch.decoder.ende_spans) > self.encoder_layers:
            raise ConfigError(
                f"decoder.ende_spans = {max(arch.decoder.ende_spans)} does not fit: "
                f"the SuperTransformer's encoder has {self.encoder_layers} layers to attend to"
            )
        heads = (
            ("encoder.self_heads", arch.encoder.self_heads),
            ("decoder.self_heads", arch.decoder.self_heads),
            ("decoder.ende_heads", arch.decoder.ende_heads),
        )
        for name, values in heads:
            for value in values:
                if self.qkv_dim % value:
                    raise ConfigError(
                        f"{name} = {value} does not fit: qkv_dim is {self.qkv_dim}, "
                        "which heads must divide"
                    )


_OPTION_OF_FIELD = {
    "encoder_ffn_dim": "encoder_ffn_embed_dim",
    "encoder_heads": "encoder_attention_heads",
    "decoder_ffn_dim": "decoder_ffn_embed_dim",
    "decoder_heads": "decoder_attention_heads",
}
"""Where fairseq's name of an option is not the name of the field."""


def super_config_from_options(
    options: Mapping[str, Any],
    *,
    src_vocab_size: int,
    tgt_vocab_size: int,
    padding_idx: int = 1,
) -> SuperTransformerConfig:
    """Reads the configuration from fairseq's and HAT's option names, with underscores.

    An option that is absent or None takes fairseq's fallback: ``decoder_embed_dim`` and
    ``decoder_ffn_embed_dim`` those of the encoder, ``qkv_dim`` the embedding width.

    Args:
        options: for example ``vars(args)``; others are ignored.
        src_vocab_size: entries of the source dictionary.
        tgt_vocab_size: entries of the target dictionary.
        padding_idx: padding token of both.

    Raises:
        ConfigError: if an option is missing, wrong or asks for what hat does not have.
    """
    given = {key: value for key, value in options.items() if value is not None}
    if given.get("adaptive_softmax_cutoff"):
        raise ConfigError("adaptive-softmax-cutoff is set, but hat has no adaptive softmax")
    given.setdefault("activation_dropout", given.get("relu_dropout", 0.0))
    for name in ("embed_dim", "ffn_embed_dim"):
        if f"encoder_{name}" in given:
            given.setdefault(f"decoder_{name}", given[f"encoder_{name}"])
    decoder_dim = given.get("decoder_embed_dim")
    if given.get("decoder_output_dim", decoder_dim) != decoder_dim:
        raise ConfigError(
            f"decoder-output-dim is {given['decoder_output_dim']}, "
            f"but hat needs it to equal decoder-embed-dim, which is {decoder_dim}"
        )
    if "qkv_dim" not in given and "encoder_embed_dim" in given:
        if given["encoder_embed_dim"] != decoder_dim:
            raise ConfigError("qkv-dim is needed where encoder and decoder widths differ")
        given["qkv_dim"] = decoder_dim

    values: dict[str, Any] = {
        "src_vocab_size": src_vocab_size,
        "tgt_vocab_size": tgt_vocab_size,
        "padding_idx": padding_idx,
    }
    for field in fields(SuperTransformerConfig):
        option = _OPTION_OF_FIELD.get(field.name, field.name)
        if field.name in values:
            continue
        if option in given:
            values[field.name] = _convert(option, given[option], field.type)
        elif field.name in _REQUIRED:
            raise ConfigError(f"{option.replace('_', '-')} is missing")
    return SuperTransformerConfig(**values)


def options_of_super_config(config: SuperTransformerConfig) -> dict[str, Any]:
    """Returns the options, with underscores, that ``super_config_from_options`` reads."""
    sizes = ("src_vocab_size", "tgt_vocab_size", "padding_idx")
    return {
        _OPTION_OF_FIELD.get(field.name, field.name): getattr(config, field.name)
        for field in fields(config)
        if field.name not in sizes
    }


_REQUIRED = (
    "encoder_embed_dim",
    "encoder_ffn_dim",
    "encoder_layers",
    "encoder_heads",
    "decoder_embed_dim",
    "decoder_ffn_dim",
    "decoder_layers",
    "decoder_heads",
    "qkv_dim",
)


def _check_positive(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ConfigError(f"{name} must be a positive integer, but found {value!r:.60}")
    most = MAX_WIDTH
    for end, smaller in (("_layers", MAX_LAYERS), ("_embed_dim", MAX_EMBEDDING)):
        most = smaller if name.endswith(end) else most
    if value > most:
        raise ConfigError(f"{name} must be at most {most:,}, but found {f'{value:,}':.60}")


def _convert(option: str, value: Any, to: Any) -> Any:
    name = option.replace("_", "-")
    if to is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, to) and not (to is int and isinstance(value, bool)):
        return value
    raise ConfigError(f"{name} must be of type {to.__name__}, but found {value!r:.60}")
