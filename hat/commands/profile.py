"""``hat profile``: the size and work of one SubTransformer, from its YAML files alone."""

from collections.abc import Sequence
from typing import Any

from hat.arch.hat_yaml import ARCH_KEYS, arch_from_mapping
from hat.arch.model_options import MODEL_OPTIONS, add_model_options, apply_architecture
from hat.cli.console import command, print_result
from hat.cli.options import StageParser
from hat.cli.training_keys import TRAINING_KEYS
from hat.errors import ConfigError
from hat.models.config import SuperTransformerConfig, super_config_from_options
from hat.models.flops import cost
from hat.signature import signature
from hat.tasks.facts import default_src_len, task_facts
from hat.text.dictionaries import vocabulary_sizes


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
    src_len = _length("src-len", options.src_len, default_src_len(options.arch))
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


def _length(name: str, given: int | None, default: int) -> int:
    if given is not None and given < 1:
        raise ConfigError(f"{name} must be at least 1, but found {given}")
    return default if given is None else given


def _vocab_sizes(options: Any) -> tuple[int, int, str]:
    """Source and target vocabulary, and where they come from."""
    if options.vocab_size is not None:
        return options.vocab_size, options.vocab_size, "--vocab-size"
    if options.data is not None:
        found = vocabulary_sizes(options.data, options.source_lang, options.target_lang)
        if found is not None:
            return *found, str(options.data)
    facts = task_facts(options.arch)
    if facts is not None:
        return *facts.vocabulary, f"the usual ones of {options.arch}"
    looked = f"{options.data} has no dictionaries" if options.data else "no data folder is named"
    raise ConfigError(f"the size of the vocabulary is not known ({looked}): give --vocab-size")
