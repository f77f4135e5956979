"""HAT's model options, once: their flags, types, defaults and the architectures that fill them.

The fairseq plugin and hat's own stages build their parsers from this table. The names and the
sizes are those of HAT's ``fairseq/models/transformer_super.py``. An option that is not given and
whose default depends on ``--arch`` is None until ``with_architecture`` fills it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hat.errors import ConfigError, suggestion

ACTIVATION_NAMES = ("relu", "gelu", "gelu_fast", "gelu_accurate", "tanh", "linear")
"""The values of ``--activation-fn``."""


class ArgumentTaker(Protocol):
    """A parser or an argument group of one."""

    def add_argument(self, *flags: str, **settings: Any) -> Any:
        """See ``argparse.ArgumentParser.add_argument``."""


@dataclass(frozen=True, kw_only=True)
class ModelOption:
    """One flag of the model."""

    name: str
    """The flag without its leading dashes; with underscores, the attribute it sets."""

    group: str
    """``model``: the SuperTransformer; ``space``: what to search; ``subtransformer``: one arch."""

    type: type | None
    """Type of the value, or of each value of a list; None for a switch."""

    help: str
    """One line for ``--help``."""

    default: Any = None
    """The value when the flag is absent; None where the architecture or nobody decides."""

    is_list: bool = False
    """Whether the flag takes one or more values."""

    choices: tuple[str, ...] | None = None
    """The allowed values, if only some are."""

    aliases: tuple[str, ...] = ()
    """Other flags for the same option."""

    @property
    def dest(self) -> str:
        """The attribute that holds the value."""
        return self.name.replace("-", "_")


def _model(name: str, kind: type | None, text: str, **more: Any) -> ModelOption:
    return ModelOption(name=name, group="model", type=kind, help=text, **more)


def _space(name: str, text: str) -> ModelOption:
    return ModelOption(name=name, group="space", type=int, help=text, is_list=True)


def _sub(name: str, text: str, *, is_list: bool = False) -> ModelOption:
    name = f"{name}-subtransformer"
    return ModelOption(name=name, group="subtransformer", type=int, help=text, is_list=is_list)


_SPAN_HELP = "-1, 1, 2: attend to the last one, two, three encoder layers"

MODEL_OPTIONS: tuple[ModelOption, ...] = (
    _model("activation-fn", str, "activation of the FFN", choices=ACTIVATION_NAMES),
    _model("dropout", float, "dropout probability at full width"),
    _model("attention-dropout", float, "dropout probability of attention weights"),
    _model(
        "activation-dropout",
        float,
        "dropout probability after the activation of the FFN",
        aliases=("relu-dropout",),
    ),
    _model("encoder-embed-path", str, "file with pretrained encoder embeddings"),
    _model("encoder-embed-dim", int, "encoder embedding width"),
    _model("encoder-ffn-embed-dim", int, "encoder FFN width"),
    _model("encoder-layers", int, "number of encoder layers"),
    _model("encoder-attention-heads", int, "encoder attention heads"),
    _model("encoder-normalize-before", None, "layer norm before each encoder block"),
    _model("encoder-learned-pos", None, "learned positions in the encoder"),
    _model("decoder-embed-path", str, "file with pretrained decoder embeddings"),
    _model("decoder-embed-dim", int, "decoder embedding width; default: the encoder's"),
    _model("decoder-ffn-embed-dim", int, "decoder FFN width; default: the encoder's"),
    _model("decoder-layers", int, "number of decoder layers"),
    _model("decoder-attention-heads", int, "decoder attention heads"),
    _model("decoder-learned-pos", None, "learned positions in the decoder"),
    _model("decoder-normalize-before", None, "layer norm before each decoder block"),
    _model("share-decoder-input-output-embed", None, "share decoder input and output embeddings"),
    _model(
        "share-all-embeddings",
        None,
        "share encoder, decoder and output embeddings (needs one dictionary and equal widths)",
    ),
    _model("no-token-positional-embeddings", None, "no positional embeddings", default=False),
    _model("adaptive-softmax-cutoff", str, "not supported; HAT's own searches never set it"),
    _model("adaptive-softmax-dropout", float, "not supported; ignored", default=0.0),
    _model("get-attn", None, "accepted for HAT's sake; has no effect", default=False),
    _model("no-decoder-final-norm", None, "no layer norm after a pre-norm decoder", default=False),
    _model("qkv-dim", int, "joint width of all attention heads; default: the embedding width"),
    _model(
        "vocab-original-scaling",
        None,
        "scale embeddings by the root of the full width, not of the sampled one",
        default=False,
    ),
    _space("encoder-embed-choice", "encoder embedding widths to search"),
    _space("decoder-embed-choice", "decoder embedding widths to search"),
    _space("encoder-layer-num-choice", "numbers of encoder layers to search"),
    _space("decoder-layer-num-choice", "numbers of decoder layers to search"),
    _space("encoder-ffn-embed-dim-choice", "encoder FFN widths to search, per layer"),
    _space("decoder-ffn-embed-dim-choice", "decoder FFN widths to search, per layer"),
    _space("encoder-self-attention-heads-choice", "encoder heads to search, per layer"),
    _space("decoder-self-attention-heads-choice", "decoder heads to search, per layer"),
    _space("decoder-ende-attention-heads-choice", "cross-attention heads to search, per layer"),
    _space("decoder-arbitrary-ende-attn-choice", f"spans to search, per layer; {_SPAN_HELP}"),
    _sub("encoder-embed-dim", "encoder embedding width of the SubTransformer"),
    _sub("decoder-embed-dim", "decoder embedding width of the SubTransformer"),
    _sub("encoder-ffn-embed-dim-all", "FFN width of each encoder layer", is_list=True),
    _sub("decoder-ffn-embed-dim-all", "FFN width of each decoder layer", is_list=True),
    _sub("encoder-layer-num", "encoder layers of the SubTransformer"),
    _sub("decoder-layer-num", "decoder layers of the SubTransformer"),
    _sub("encoder-self-attention-heads-all", "heads of each encoder layer", is_list=True),
    _sub("decoder-self-attention-heads-all", "heads of each decoder layer", is_list=True),
    _sub("decoder-ende-attention-heads-all", "cross-attention heads per layer", is_list=True),
    _sub("decoder-arbitrary-ende-attn-all", f"span of each layer; {_SPAN_HELP}", is_list=True),
)
"""Every model flag of HAT. HAT's default ``*-choice`` lists do not fit its own default sizes
(seven layers of six, heads of 16 on 8), so here a search space has to be named."""

_GROUPS = ("model", "space", "subtransformer")


def add_model_options(parser: ArgumentTaker, *, only: Collection[str] = _GROUPS) -> None:
    """Adds HAT's model flags to ``parser``, each with an explicit default.

    Args:
        parser: an argparse parser, or anything with its ``add_argument``.
        only: which groups of options: ``model``, ``space``, ``subtransformer``.
    """
    for option in MODEL_OPTIONS:
        if option.group not in only:
            continue
        flags = [f"--{name}" for name in (option.name, *option.aliases)]
        settings: dict[str, Any] = {"default": option.default, "help": option.help}
        if option.type is None:
            settings["action"] = "store_true"
        else:
            settings["type"] = option.type
            settings["metavar"] = "N" if option.type is int else option.type.__name__.upper()
        if option.is_list:
            settings["nargs"] = "+"
        if option.choices is not None:
            settings["choices"] = option.choices
            del settings["metavar"]
        parser.add_argument(*flags, **settings)


_BASE: dict[str, Any] = {
    "encoder_embed_dim": 512,
    "encoder_ffn_embed_dim": 2048,
    "encoder_layers": 6,
    "encoder_attention_heads": 8,
    "encoder_normalize_before": False,
    "encoder_learned_pos": False,
    "decoder_layers": 6,
    "decoder_attention_heads": 8,
    "decoder_normalize_before": False,
    "decoder_learned_pos": False,
    "dropout": 0.1,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
    "activation_fn": "relu",
    "share_decoder_input_output_embed": False,
    "share_all_embeddings": False,
}
"""What every architecture falls back to. The decoder's widths fall back to the encoder's."""

_BIG: dict[str, Any] = {
    "encoder_embed_dim": 1024,
    "encoder_ffn_embed_dim": 4096,
    "encoder_attention_heads": 16,
    "decoder_embed_dim": 1024,
    "decoder_ffn_embed_dim": 4096,
    "decoder_attention_heads": 16,
    "dropout": 0.3,
}
"""The big model of "Attention Is All You Need", table 3."""

_IWSLT: dict[str, Any] = {
    "encoder_embed_dim": 512,
    "encoder_ffn_embed_dim": 1024,
    "encoder_attention_heads": 4,
    "decoder_embed_dim": 512,
    "decoder_ffn_embed_dim": 1024,
    "decoder_attention_heads": 4,
}

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "transformersuper": {},
    "transformersuper_iwslt_de_en": _IWSLT,
    "transformersuper_wmt_en_de": {},
    "transformersuper_wmt_en_fr": {},
    "transformersuper_vaswani_wmt_en_de_big": _BIG,
    "transformersuper_vaswani_wmt_en_fr_big": {**_BIG, "dropout": 0.1},
    "transformersuper_wmt_en_de_big": {**_BIG, "attention_dropout": 0.1},
    "transformersuper_wmt_en_de_big_t2t": {
        **_BIG,
        "encoder_normalize_before": True,
        "decoder_normalize_before": True,
        "attention_dropout": 0.1,
        "activation_dropout": 0.1,
    },
}
"""HAT's named architectures: what differs from the base."""


def with_architecture(options: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Returns ``options`` with those that are absent or None as the architecture ``name`` has them.

    Every option of the ``model`` group is there. Only what nobody decides stays None: paths,
    ``qkv_dim`` and the unsupported ones.

    Args:
        options: by name, with underscores; others are kept.
        name: of the architecture.

    Raises:
        ConfigError: if there is no such architecture.
    """
    if name not in ARCHITECTURES:
        hint = suggestion(name, ARCHITECTURES) or f"; known are {', '.join(ARCHITECTURES)}"
        raise ConfigError(f"unknown arch {name!r}{hint}")
    filled = dict(options)

    def fill(dest: str, value: Any) -> None:
        if filled.get(dest) is None:
            filled[dest] = value

    for dest, value in {**_BASE, **ARCHITECTURES[name]}.items():
        fill(dest, value)
    fill("decoder_embed_dim", filled["encoder_embed_dim"])
    fill("decoder_ffn_embed_dim", filled["encoder_ffn_embed_dim"])
    for option in MODEL_OPTIONS:
        if option.group == "model":
            fill(option.dest, option.default)
    return filled
