"""HAT's spelling of architectures and search spaces, read and written. Nobody else knows it.

HAT spells the attention span of a decoder layer -1, 1 or 2 (the last one, two or three encoder
layers); here that is 1, 2 or 3. HAT's files name a depth and may pad per-layer lists beyond it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hat.arch.config import DecoderConfig, EncoderConfig, SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.errors import ConfigError
from hat.files import write_text
from hat.yaml_reader import Entry, read_mapping

_SPAN_OF_FLAG = {-1: 1, 1: 2, 2: 3}
_FLAG_OF_SPAN = {span: flag for flag, span in _SPAN_OF_FLAG.items()}

_SPACE_KEYS = {
    "encoder-embed-choice": "encoder_embed_dims",
    "decoder-embed-choice": "decoder_embed_dims",
    "encoder-layer-num-choice": "encoder_layer_nums",
    "decoder-layer-num-choice": "decoder_layer_nums",
    "encoder-ffn-embed-dim-choice": "encoder_ffn_dims",
    "decoder-ffn-embed-dim-choice": "decoder_ffn_dims",
    "encoder-self-attention-heads-choice": "encoder_self_heads",
    "decoder-self-attention-heads-choice": "decoder_self_heads",
    "decoder-ende-attention-heads-choice": "decoder_ende_heads",
    "decoder-arbitrary-ende-attn-choice": "decoder_ende_spans",
}
"""HAT's option for each field of ``SearchSpace``."""

ARCH_KEYS = (
    "encoder-embed-dim-subtransformer",
    "decoder-embed-dim-subtransformer",
    "encoder-ffn-embed-dim-all-subtransformer",
    "decoder-ffn-embed-dim-all-subtransformer",
    "encoder-layer-num-subtransformer",
    "decoder-layer-num-subtransformer",
    "encoder-self-attention-heads-all-subtransformer",
    "decoder-self-attention-heads-all-subtransformer",
    "decoder-ende-attention-heads-all-subtransformer",
    "decoder-arbitrary-ende-attn-all-subtransformer",
)
"""The keys of HAT's SubTransformer files, in the order in which they are written."""


def span_of_flag(flag: int, where: str) -> int:
    """Translates HAT's -1, 1 or 2 into a span of 1, 2 or 3 encoder layers.

    Raises:
        ConfigError: if ``flag`` is anything else; the sentence starts with ``where``.
    """
    if flag not in _SPAN_OF_FLAG:
        raise ConfigError(
            f"{where}: decoder-arbitrary-ende-attn holds -1, 1 or 2 "
            f"(attend to the last one, two or three encoder layers), but found {flag!r}"
        )
    return _SPAN_OF_FLAG[flag]


def space_from_options(options: Mapping[str, Any], where: str) -> SearchSpace:
    """Builds the search space from HAT's ``*-choice`` options.

    Args:
        options: option names (dashes or underscores) to values; others are ignored.
        where: names the source in error messages.

    Raises:
        ConfigError: if a choice is missing or not a list of integers.
    """
    plain = {key.replace("_", "-"): value for key, value in options.items()}
    choices: dict[str, tuple[int, ...]] = {}
    for key, field in _SPACE_KEYS.items():
        if plain.get(key) is None:
            raise ConfigError(f"{where}: {key} is missing, so the search space is not known")
        values = _integers(plain[key], key, where)
        if field == "decoder_ende_spans":
            values = tuple(span_of_flag(flag, where) for flag in values)
        choices[field] = values
    try:
        return SearchSpace(**choices)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def space_to_options(space: SearchSpace) -> dict[str, list[int]]:
    """Returns HAT's ``*-choice`` options of ``space``, the inverse of ``space_from_options``."""
    options = {key: list(getattr(space, field)) for key, field in _SPACE_KEYS.items()}
    spans = options["decoder-arbitrary-ende-attn-choice"]
    options["decoder-arbitrary-ende-attn-choice"] = [_FLAG_OF_SPAN[span] for span in spans]
    return options


def arch_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what ``options``, with underscores, say of a SubTransformer, by HAT's YAML keys.

    What is not given is None.
    """
    return {key: options.get(key.replace("-", "_")) for key in ARCH_KEYS}


def arch_from_mapping(mapping: Mapping[str, Any], where: str) -> SubTransformerConfig:
    """Reads one SubTransformer from any spelling that HAT's code and its followers use.

    Accepts the YAML keys (``encoder-ffn-embed-dim-all-subtransformer``), the same without
    ``-subtransformer`` or ``-all`` and HAT's nested ``{"encoder": {...}, "decoder": {...}}``.
    Per-layer lists longer than the depth are cut to it, as HAT does. Other keys are ignored, and
    so are the SuperTransformer's own sizes where the SubTransformer's stand beside them.

    Raises:
        ConfigError: naming ``where`` and the key that is missing, wrong or there in two spellings.
    """
    plain = _in_plain_keys(mapping, where)

    def number(key: str) -> int:
        (value,) = _integers([_get(plain, key, where)], key, where)
        return value

    def layers(key: str, depth: int) -> tuple[int, ...]:
        values = _integers(_get(plain, key, where), key, where)
        if len(values) < depth:
            raise ConfigError(
                f"{where}: {key} has {len(values)} entries, but the depth is {depth}: "
                "it needs one per layer"
            )
        return values[:depth]

    if all(plain.get(depth) is None for depth in _DEPTHS):
        raise ConfigError(
            f"{where}: no SubTransformer is described: expected "
            "encoder-layer-num-subtransformer and the other nine of HAT's keys"
        )
    encoder_depth, decoder_depth = map(number, _DEPTHS)
    flags = layers("decoder-arbitrary-ende-attn", decoder_depth)
    try:
        return SubTransformerConfig(
            encoder=EncoderConfig(
                embed_dim=number("encoder-embed-dim"),
                ffn_dims=layers("encoder-ffn-embed-dim", encoder_depth),
                self_heads=layers("encoder-self-attention-heads", encoder_depth),
            ),
            decoder=DecoderConfig(
                embed_dim=number("decoder-embed-dim"),
                ffn_dims=layers("decoder-ffn-embed-dim", decoder_depth),
                self_heads=layers("decoder-self-attention-heads", decoder_depth),
                ende_heads=layers("decoder-ende-attention-heads", decoder_depth),
                ende_spans=tuple(span_of_flag(flag, where) for flag in flags),
            ),
        )
    except ConfigError as error:
        text = str(error)
        raise ConfigError(text if text.startswith(where) else f"{where}: {text}") from None


def arch_to_mapping(arch: SubTransformerConfig) -> dict[str, int | list[int]]:
    """Returns the keys and values of HAT's SubTransformer YAML for ``arch``."""
    encoder, decoder = arch.encoder, arch.decoder
    values: tuple[int | list[int], ...] = (
        encoder.embed_dim,
        decoder.embed_dim,
        list(encoder.ffn_dims),
        list(decoder.ffn_dims),
        encoder.num_layers,
        decoder.num_layers,
        list(encoder.self_heads),
        list(decoder.self_heads),
        list(decoder.ende_heads),
        [_FLAG_OF_SPAN[span] for span in decoder.ende_spans],
    )
    return dict(zip(ARCH_KEYS, values, strict=True))


def load_arch(path: str | Path) -> SubTransformerConfig:
    """Reads one SubTransformer from a YAML file with HAT's keys.

    Raises:
        ConfigError: if the file cannot be read or does not describe a SubTransformer.
    """
    return arch_from_entries(read_mapping(path), str(path))


def arch_from_entries(entries: Mapping[str, Entry], where: str) -> SubTransformerConfig:
    """Returns the SubTransformer of what YAML files say; ``where`` names them in errors.

    Raises:
        ConfigError: if they do not describe a SubTransformer.
    """
    content = {
        key: entry.value
        for key, entry in entries.items()
        if key in _PARTS or _plain_key(key) in _PLAIN_KEYS
    }
    for key, value in content.items():
        for each in value if isinstance(value, list) else [value]:
            is_whole = each is None or (isinstance(each, int) and not isinstance(each, bool))
            if key in _PARTS or is_whole:
                continue
            found = "a list in it" if isinstance(each, list) else f"{each!r:.60}"
            raise ConfigError(f"{entries[key].where}: {key} must hold integers, but found {found}")
    return arch_from_mapping(content, where)


def load_space(path: str | Path) -> SearchSpace:
    """Reads the search space from a YAML file with HAT's ``*-choice`` options.

    Raises:
        ConfigError: if the file cannot be read or does not name a whole space.
    """
    options = {key.replace("_", "-"): entry for key, entry in read_mapping(path).items()}
    return space_from_entries(options, str(path))


def space_from_entries(entries: Mapping[str, Entry], where: str) -> SearchSpace:
    """Returns the search space of what YAML files say; ``where`` names them in errors.

    Raises:
        ConfigError: if they do not name a whole space.
    """
    choices = {key: entries[key].value for key in _SPACE_KEYS if key in entries}
    return space_from_options(choices, where)


def write_arch(path: str | Path, arch: SubTransformerConfig, comment: str = "") -> None:
    """Writes ``arch`` as HAT's SubTransformer YAML, atomically.

    Args:
        path: the file to write; its folder is created.
        arch: the architecture.
        comment: text for the head of the file; each line becomes a comment.
    """
    lines = [f"# {line}".rstrip() for line in comment.splitlines()]
    if lines:
        lines.append("")
    for key, value in arch_to_mapping(arch).items():
        if key == "decoder-arbitrary-ende-attn-all-subtransformer":
            lines.append("# -1, 1, 2: attend to the last one, two, three encoder layers")
        lines.append(f"{key}: {value}")
    write_text(path, "\n".join(lines) + "\n")


def _plain_key(key: str) -> str:
    return str(key).replace("_", "-").removesuffix("-subtransformer").removesuffix("-all")


_PARTS = ("encoder", "decoder")
_DEPTHS = ("encoder-layer-num", "decoder-layer-num")
"""Keys that nothing but a SubTransformer has, in any spelling."""

_PLAIN_KEYS = frozenset(map(_plain_key, ARCH_KEYS))


def _in_plain_keys(mapping: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The values that describe a SubTransformer; HAT's full key wins over a shorter spelling."""
    found: dict[str, tuple[str, Any]] = {}
    parts = [inner for key in _PARTS if isinstance(inner := mapping.get(key), Mapping)]
    for key, value in ((key, part[key]) for part in (mapping, *parts) for key in part):
        key = str(key).replace("_", "-")
        plain = _plain_key(key)
        if plain not in _PLAIN_KEYS:
            continue
        before = found.get(plain, (key, value))
        spellings = {before[0], key}
        if before[1] != value and not spellings & set(ARCH_KEYS):
            raise ConfigError(f"{where}: {plain} stands there twice, with different values")
        if before[0] not in ARCH_KEYS or key in ARCH_KEYS:
            found[plain] = (key, value)
    return {plain: value for plain, (_, value) in found.items()}


def _get(plain: Mapping[str, Any], key: str, where: str) -> Any:
    if plain.get(key) is None:
        raise ConfigError(f"{where}: {key} of the SubTransformer is missing")
    return plain[key]


def _integers(value: Any, key: str, where: str) -> tuple[int, ...]:
    is_list = isinstance(value, Sequence) and not isinstance(value, str)
    if not is_list or any(isinstance(v, bool) or not isinstance(v, int) for v in value):
        raise ConfigError(f"{where}: {key} must hold integers, but found {value!r}")
    return tuple(value)
