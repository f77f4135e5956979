"""``hat profile``: the size and work of one SubTransformer, from its YAML files alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hat.arch.hat_yaml import ARCH_KEYS, arch_from_mapping
from hat.arch.model_options import MODEL_OPTIONS, add_model_options, apply_architecture
from hat.cli.console import command, print_result
from hat.cli.options import StageParser
from hat.cli.training_keys import TRAINING_KEYS
from hat.errors import ConfigError, DataError
from hat.models.config import SuperTransformerConfig, super_config_from_options
from hat.models.flops import cost
from hat.signature import signature

_SPECIAL_SYMBOLS = 4
"""Entries that fairseq's dictionaries have without listing them: <s>, <pad>, </s>, <unk>."""

_USUAL_VOCABULARIES = {
    "transformersuper_wmt_en_de": (32768, 32768),
    "transformersuper_iwslt_de_en": (8848, 6632),
}
"""Source and target entries of the data that HAT trains these architectures on."""

_IWSLT_TOKENS, _OTHER_TOKENS = 23, 30
"""Average sentence lengths, as HAT's ``train.py`` has them."""


def _parser() -> StageParser:
    own = {"arch", "data", "source-lang", "target-lang", *(option.name for option in MODEL_OPTIONS)}
    parser = StageParser(
        prog="hat profile",
        description="Parameters and FLOPs of one SubTransformer. Needs no data and no weights.",
        ignored_keys=TRAINING_KEYS - own,
    )
    parser.add_argument("sub_yml", nargs="?", metavar="SUB.yml", help="same as --configs SUB.yml")
    parser.add_argument("--arch", default=None, help="named architecture of the SuperTransformer")
    parser.add_argument(
        "--vocab-size",
        type=int,
        default=None,
        metavar="V",
        help="entries of each dictionary; default: those in the data folder, else those of the "
        "usual data for the architecture",
    )
    parser.add_argument(
        "--src-len",
        type=int,
        default=None,
        metavar="N",
        help="source tokens; default: 23 for IWSLT architectures, else 30",
    )
    parser.add_argument(
        "--tgt-len", type=int, default=None, metavar="N", help="target tokens; default: --src-len"
    )
    parser.add_argument("--data", default=None, help="folder with dict.*.txt; need not exist")
    parser.add_argument("--source-lang", default=None, help="source language")
    parser.add_argument("--target-lang", default=None, help="target language")
    parser.add_argument("--json", action="store_true", default=False, help="print only JSON")
    add_model_options(parser)
    return parser


def _parse(argv: Sequence[str]) -> Any:
    words = list(argv)
    options = _parser().parse_args(words)
    if options.sub_yml is None:
        return options
    words.remove(options.sub_yml)
    return _parser().parse_args(["--configs", options.sub_yml, *words])


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``hat profile``."""
    options = _parse(argv or [])
    where = options.sub_yml or "hat profile"
    if options.arch is None:
        raise ConfigError(
            "the architecture is not known: name its common.yml with --sub-configs, or --arch"
        )
    apply_architecture(options, options.arch)
    src_vocab_size, tgt_vocab_size, source = _vocab_sizes(options)
    config = super_config_from_options(
        vars(options), src_vocab_size=src_vocab_size, tgt_vocab_size=tgt_vocab_size
    )
    arch = arch_from_mapping(
        {key: getattr(options, key.replace("-", "_")) for key in ARCH_KEYS}, where
    )
    src_len = _length("src-len", options.src_len, _usual_length(options.arch))
    tgt_len = _length("tgt-len", options.tgt_len, src_len)
    counted = cost(config, arch, src_len=src_len, tgt_len=tgt_len)
    result = {
        "params": counted.params,
        "params_without_embeddings": counted.params_without_embeddings,
        "flops": counted.flops,
        "flops_without_last_layer": counted.flops_without_last_layer,
        "src_vocab_size": src_vocab_size,
        "tgt_vocab_size": tgt_vocab_size,
        "src_len": src_len,
        "tgt_len": tgt_len,
        "signature": _signature(config, src_len, tgt_len),
    }
    if not options.json:
        print(f"vocabulary: {src_vocab_size:,} source and {tgt_vocab_size:,} target ({source})")
        print(f"sentence: {src_len} source and {tgt_len} target tokens, one teacher-forced pass")
        print(f"parameters: {counted.params / 1e6:.2f} M")
        print(f"  without embeddings: {counted.params_without_embeddings / 1e6:.2f} M")
        print(f"FLOPs: {counted.flops / 1e9:.2f} G")
        print(f"  without the last layer: {counted.flops_without_last_layer / 1e9:.2f} G")
    print_result(result)


def _signature(config: SuperTransformerConfig, src_len: int, tgt_len: int) -> str:
    vocab = f"{config.src_vocab_size}-{config.tgt_vocab_size}"
    return signature(stage="profile", vocab=vocab, len=f"{src_len}-{tgt_len}")


def _usual_length(arch: str) -> int:
    return _IWSLT_TOKENS if "iwslt" in arch else _OTHER_TOKENS


def _length(name: str, given: int | None, default: int) -> int:
    if given is not None and given < 1:
        raise ConfigError(f"{name} must be at least 1, but found {given}")
    return default if given is None else given


def _vocab_sizes(options: Any) -> tuple[int, int, str]:
    """Source and target vocabulary, and where they come from."""
    if options.vocab_size is not None:
        return options.vocab_size, options.vocab_size, "--vocab-size"
    if options.data is not None:
        found = _dictionary_sizes(Path(options.data), options.source_lang, options.target_lang)
        if found is not None:
            return *found, str(options.data)
    if options.arch in _USUAL_VOCABULARIES:
        return *_USUAL_VOCABULARIES[options.arch], f"the usual ones of {options.arch}"
    looked = f"{options.data} has no dictionaries" if options.data else "no data folder is named"
    raise ConfigError(f"the size of the vocabulary is not known ({looked}): give --vocab-size")


def _dictionary_sizes(
    folder: Path, source_lang: str | None, target_lang: str | None
) -> tuple[int, int] | None:
    """Counts the entries of the two dictionaries, or returns None if they are not there."""
    if source_lang is None or target_lang is None:
        sizes = {_entries(path) for path in sorted(folder.glob("dict.*.txt"))}
        if len(sizes) > 1:
            raise ConfigError(
                f"{folder} has dictionaries of different sizes: give --source-lang and "
                "--target-lang"
            )
        return (size := sizes.pop(), size) if sizes else None
    paths = [folder / f"dict.{language}.txt" for language in (source_lang, target_lang)]
    if not all(path.is_file() for path in paths):
        return None
    source, target = (_entries(path) for path in paths)
    return source, target


def _entries(path: Path) -> int:
    try:
        # Not splitlines(): a dictionary may list characters that count as line ends for it.
        lines = path.read_bytes().count(b"\n")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    return lines + _SPECIAL_SYMBOLS
