"""The description of one SubTransformer: frozen, hashable and checked on creation."""

from dataclasses import dataclass, fields

from hat.errors import ConfigError

MAX_SPAN = 3
"""A decoder layer can attend to the outputs of at most this many encoder layers."""

MAX_LAYERS = 1_000
"""More would fill the memory before anything could be said about them."""

MAX_EMBEDDING = 100_000
"""Widest embedding: eight times the widest there is. Positions are computed at full width."""

MAX_WIDTH = 100_000_000
"""Most rows or columns of a weight, words and positions included: more is a slip of the pen."""


def _check_positive(owner: str, name: str, values: tuple[int, ...]) -> None:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
            raise ConfigError(
                f"{owner}.{name} must hold positive integers, but found {value!r:.60}"
            )


def _check_layers(config: "EncoderConfig | DecoderConfig", owner: str) -> None:
    _check_positive(owner, "embed_dim", (config.embed_dim,))
    per_layer = [field.name for field in fields(config) if field.name != "embed_dim"]
    for name in per_layer:
        values = getattr(config, name)
        if not isinstance(values, tuple):
            found = type(values).__name__
            raise ConfigError(f"{owner}.{name} must be a tuple, but found a {found}")
        _check_positive(owner, name, values)
        if len(values) != len(config.ffn_dims):
            raise ConfigError(
                f"{owner}.{name} has {len(values)} entries, but {owner}.ffn_dims has "
                f"{len(config.ffn_dims)}: both need one per layer"
            )
    if not config.ffn_dims:
        raise ConfigError(f"{owner}.ffn_dims is empty: at least one layer is needed")


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """Shape of the encoder. Layer i is described by element i of each tuple."""

    embed_dim: int
    """Width of the residual stream."""

    ffn_dims: tuple[int, ...]
    """Inner feed-forward width of each layer; its length is the number of layers."""

    self_heads: tuple[int, ...]
    """Heads of each layer's self-attention."""

    def __post_init__(self) -> None:
        _check_layers(self, "encoder")

    @property
    def num_layers(self) -> int:
        """Number of layers."""
        return len(self.ffn_dims)


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """Shape of the decoder. Layer i is described by element i of each tuple."""

    embed_dim: int
    """Width of the residual stream."""

    ffn_dims: tuple[int, ...]
    """Inner feed-forward width of each layer; its length is the number of layers."""

    self_heads: tuple[int, ...]
    """Heads of each layer's self-attention."""

    ende_heads: tuple[int, ...]
    """Heads of each layer's attention to the encoder."""

    ende_spans: tuple[int, ...]
    """How many of the last encoder layers each layer attends to: 1, 2 or 3.

    HAT's YAML files spell these -1, 1 and 2; only ``hat_yaml`` knows that spelling.
    """

    def __post_init__(self) -> None:
        _check_layers(self, "decoder")
        for span in self.ende_spans:
            if span > MAX_SPAN:
                raise ConfigError(f"decoder.ende_spans must lie in 1..{MAX_SPAN}, but found {span}")

    @property
    def num_layers(self) -> int:
        """Number of layers."""
        return len(self.ffn_dims)


@dataclass(frozen=True, kw_only=True)
class SubTransformerConfig:
    """One architecture of a search space. Equal architectures compare and hash equal."""

    encoder: EncoderConfig
    decoder: DecoderConfig
