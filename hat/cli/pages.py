"""The short help of each command: what it does, an example, the options that most people need.

It fits a screen and is there at once. ``--help-all`` lists everything.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hat.cli.described import Command, Option, commands
from hat.cli.help import HelpFormatter, program, sentence, value_name


@dataclass(frozen=True)
class Page:
    """What a command's short help says beside the texts of its options."""

    examples: tuple[str, ...]
    options: tuple[str, ...] = ()
    """Flags and names of arguments, in their order; none: all that there are."""


_FILES = ("--configs", "--sub-configs")
_WMT = "configs/wmt14.en-de"
_SUB = '"configs/wmt14.en-de/subtransformer/HAT_wmt14ende_titanxp@208.1ms_bleu@28.5.yml"'

PAGES = {
    "train": Page(
        (
            f"hat train --configs={_WMT}/supertransformer/space0.yml --save-dir runs/super",
            f"hat train --configs=runs/best.yml --sub-configs={_WMT}/subtransformer/common.yml",
        ),
        (
            *("data", *_FILES, "--save-dir", "--restore-file", "--max-update", "--max-tokens"),
            *("--update-freq", "--lr", "--seed", "--bf16", "--resume-anyway", "--latcpu"),
            *("--latgpu", "--profile-flops"),
        ),
    ),
    "search": Page(
        (
            f"hat search --configs={_WMT}/supertransformer/space0.yml "
            f"--evo-configs={_WMT}/evo_search/wmt14ende_titanxp.yml "
            "--restore-file runs/super/checkpoint_best.pt --ckpt-path runs/predictor.pt "
            "--write-config-path runs/best.yml",
        ),
        (
            *("--configs", "--evo-configs", "--restore-file", "--ckpt-path"),
            *("--latency-constraint", "--write-config-path", "--search-algorithm", "--scorer"),
            *("--evo-iter", "--population-size", "--seed"),
        ),
    ),
    "generate": Page(
        (
            f"hat generate --configs=runs/best.yml --sub-configs={_WMT}/subtransformer/common.yml "
            "--path runs/best/checkpoint_best.pt --gen-subset test",
        ),
        (
            *("data", *_FILES, "--path", "--gen-subset", "--beam", "--lenpen", "--remove-bpe"),
            *("--max-tokens", "--cpu"),
        ),
    ),
    "latency": Page(("hat latency check runs/latency.csv",)),
    "latency check": Page(("hat latency check runs/latency.csv",)),
    "latency bench": Page(("hat latency bench runs/latency.csv --without-mlp",)),
    "latency measure": Page(
        (f"hat latency measure --configs={_SUB} --vocab-size 32000 --latcpu",),
        (
            *("--configs", "--latcpu", "--latgpu", "--lat-threads", "--latiter", "--lat-src-len"),
            *("--beam", "--lat-precision", "--vocab-size"),
        ),
    ),
    "latency compare": Page(
        (
            f"hat latency compare runs/best.yml --configs={_WMT}/latency_dataset/cpu_xeon.yml "
            "--ckpt-path runs/predictor.pt --latcpu",
        ),
        (
            *("yml", "--configs", "--ckpt-path", "--compare-rounds", "--latcpu", "--latgpu"),
            *("--lat-threads", "--data"),
        ),
    ),
    "latency predict": Page(("hat latency predict runs/best.yml --ckpt-path runs/predictor.pt",)),
    "latency-dataset": Page(
        (
            f"hat latency-dataset --configs={_WMT}/latency_dataset/cpu_xeon.yml "
            "--lat-dataset-path runs/latency.csv --lat-dataset-size 2000",
        ),
        (
            *("--configs", "--lat-dataset-path", "--lat-dataset-size", "--latcpu", "--latgpu"),
            *("--lat-threads", "--latiter", "--lat-src-len", "--lat-patience", "--seed"),
        ),
    ),
    "latency-predictor": Page(
        (
            "hat latency-predictor --lat-dataset-path runs/latency.csv "
            "--ckpt-path runs/predictor.pt",
        ),
        ("--configs", "--lat-dataset-path", "--ckpt-path", "--predictor", "--seed"),
    ),
    "export": Page(
        (
            "hat export runs/best/checkpoint_best.pt runs/best.yml runs/model "
            "--bpe-codes data/text/numbers_en_fr/bpe/codes",
        ),
        (
            *("checkpoint", "paths", "--format", "--bpe-codes", "--data", "--task", "--score"),
            *("--latency", "--parity-sentences"),
        ),
    ),
    "translate": Page(
        (
            'echo "seven hundred and three" | hat translate runs/model',
            "hat translate runs/model news.en > news.de",
        ),
        ("model", "paths", "--beam", "--nbest", "--lenpen", "--device", "--scores"),
    ),
    "score": Page(("hat score runs/best/exp/test.out --metric normal",)),
    "average-checkpoints": Page(
        ("hat average-checkpoints --inputs runs/best --num-epoch-checkpoints 10 --output avg.pt",)
    ),
    "profile": Page(
        (f"hat profile {_SUB} --sub-configs {_WMT}/subtransformer/common.yml",),
        ("sub_yml", *_FILES, "--src-len", "--tgt-len", "--vocab-size", "--json"),
    ),
    "pipeline": Page(
        (
            "hat pipeline configs/numbers.en-fr/pipeline.yml --dry-run",
            "hat pipeline configs/numbers.en-fr/pipeline.yml",
            f"hat pipeline {_WMT}/pipeline.yml --hardware cpu_xeon --only latency-dataset",
        ),
        (
            *("yml", "--dry-run", "--only", "--from", "--set", "--hardware", "--device"),
            *("--run-dir", "--data", "--budgets", "--subset", "--metric"),
            *("--architecture", "--test"),
        ),
    ),
    "new": Page(
        ("hat new mine --train corpus.en corpus.fr --source en --target fr --limit 25ms",),
        (
            *("folder", "--train", "--valid", "--test", "--source", "--target", "--limit"),
            *("--size", "--device", "--tokeniser"),
        ),
    ),
    "report": Page(
        ("hat report runs/numbers.en-fr", "hat report runs/cpu runs/gpu --out both.html")
    ),
    "rank": Page(("hat rank scores.csv --scorer params --json",)),
    "nasbench": Page(
        (
            "hat nasbench convert nasbench_only108.tfrecord nasbench101.h5",
            "hat nasbench query nasbench101:nasbench101.h5",
        )
    ),
    "nasbench convert": Page(("hat nasbench convert nasbench_only108.tfrecord nasbench101.h5",)),
    "nasbench enumerate": Page(("hat nasbench enumerate --workers 2 --out cells.txt",)),
    "nasbench query": Page(
        (
            "hat nasbench query nasbench101:nasbench101.h5",
            "hat nasbench query nasbench101:nasbench101.h5 00005c142e6f48ac74fdcf73e3439874 "
            "--metric validation_accuracy",
        )
    ),
    "nasbench-search": Page(
        (
            "hat nasbench-search nasbench101:nasbench101.h5 --algorithm random --algorithm aging "
            "--seeds 5 --budget 1000000 --out-dir runs/tables",
        )
    ),
    "neural-predictor": Page(("hat neural-predictor rank nasbench101:nasbench101.h5",)),
    "neural-predictor rank": Page(
        ("hat neural-predictor rank nasbench101:nasbench101.h5 --plot rank.png",)
    ),
    "neural-predictor select": Page(
        ("hat neural-predictor select nasbench101:nasbench101.h5 --num-train 172",)
    ),
    "neural-predictor cross-validate": Page(
        ("hat neural-predictor cross-validate nasbench101:nasbench101.h5 --folds 5",)
    ),
    "epsinas": Page(
        (
            "hat epsinas nasbench201 --data nasbench201.csv.gz",
            "hat epsinas subtransformers --data seed_arch_bleu.csv",
        )
    ),
    "epsinas nasbench201": Page(("hat epsinas nasbench201 --data nasbench201.csv.gz",)),
    "epsinas nasbench101": Page(("hat epsinas nasbench101 --data sample.jsonl.gz",)),
    "epsinas nasbench-nlp": Page(
        (
            "hat epsinas nasbench-nlp --data recepie_loss_pairs.json",
            "hat epsinas nasbench-nlp --logs train_logs_single_run --text ptb",
            "hat epsinas nasbench-nlp --logs train_logs_multi_runs --multi",
        )
    ),
    "epsinas subtransformers": Page(("hat epsinas subtransformers --data seed_arch_bleu.csv",)),
    "epsinas search-weights": Page(("hat epsinas search-weights nasbench201",)),
    "epsinas ablate": Page(("hat epsinas ablate nasbench201 --data nasbench201.csv.gz",)),
    "epsinas integrate": Page(("hat epsinas integrate --data nasbench201.csv.gz",)),
    "prepare": Page(
        (
            "hat prepare numbers --source-lang en --target-lang fr "
            "--text-dir data/text/numbers_en_fr",
        )
    ),
    "prepare numbers": Page(
        (
            "hat prepare numbers --source-lang en --target-lang fr "
            "--text-dir data/text/numbers_en_fr",
        )
    ),
    "prepare multi30k": Page(
        ("hat prepare multi30k --raw-dir multi30k --text-dir data/text/multi30k_en_de",)
    ),
    "prepare bpe": Page(
        (
            "hat prepare bpe --source-lang en --target-lang de --text-dir data/text/mine "
            "--merges 10000",
        )
    ),
    "prepare binarise": Page(
        (
            "hat prepare binarise --source-lang en --target-lang de "
            "--text-dir data/text/mine/bpe --binary-dir data/binary/mine --joined-dictionary",
        )
    ),
    "prepare conlang": Page(("hat prepare conlang --text-dir data/text/conlang_qaa_qab",)),
    "prepare corpus": Page(("hat prepare corpus --configs network.yml --configs text.yml",)),
    "prepare lines": Page(("hat prepare lines < raw.en > lines.en",)),
    "configs": Page(("hat configs list", "hat configs copy my-work --task numbers.en-fr")),
    "configs list": Page(("hat configs list",)),
    "configs copy": Page(("hat configs copy my-work --task numbers.en-fr",)),
    "build-fairseq": Page(
        (
            "hat build-fairseq wheels",
            'pip install --no-build-isolation --find-links wheels "hat-nas[train]"',
        )
    ),
    "doctor": Page(("hat doctor", "hat doctor --json")),
    "validate": Page(
        (
            "hat validate configs/numbers.en-fr/pipeline.yml",
            f"hat validate {_WMT}/*/*.yml",
        )
    ),
    "completion": Page(
        (
            "hat completion bash > ~/.local/share/bash-completion/completions/hat",
            "hat completion zsh > ~/.zfunc/_hat",
            "hat completion tcsh >> ~/.tcshrc",
        )
    ),
}
"""Command, or command and tool -> its page."""

_WIDTH = 80
"""Of an example."""

_CHOICES = 60
"""Most characters of choices that are listed: more stand in the manual and in --help-all."""

_ALIASES = {"evo-search": "search"}


def short_help(command: str, words: Sequence[str] = ()) -> str | None:
    """Returns the short help of a command, or of its tool that ``words`` begin with.

    Args:
        command: its name behind ``hat``.
        words: what stands behind it and is no flag.

    Returns:
        The text; None if there is no page, or the tool has none.
    """
    own = _ALIASES.get(command, command)
    described = commands().get(own)
    if described is None:
        return None
    if words and words[0] in described.commands:
        name = f"{own} {words[0]}"
        described = described.commands[words[0]]
        called = f"hat {name}"
    else:
        name, called = own, program(command)
    if name not in PAGES:
        return None
    return _text(called, PAGES[name], described)


def _text(called: str, page: Page, described: Command) -> str:
    named = [option for key in page.options if (option := described.option(key)) is not None]
    chosen = named or described.options
    parser = argparse.ArgumentParser(
        prog=called,
        usage=_usage(called, described),
        description=_about(described),
        formatter_class=HelpFormatter,
        add_help=False,
    )
    group = parser.add_argument_group("most used options" if page.options else "options")
    for option in chosen:
        many = len(" ".join(map(str, option.choices or ()))) > _CHOICES
        option = replace(option, choices=None, metavar=option.metavar or "NAME") if many else option
        option.add_to(group, reads=False)
    lines = [parser.format_help().rstrip()]
    if described.commands:
        width = max(map(len, described.commands))
        tools = [f"  {name:<{width}}  {one.about}" for name, one in described.commands.items()]
        lines += ["", f"tools (each with --help: {called} TOOL --help):", *tools]
    lines += ["", "examples:" if len(page.examples) > 1 else "example:"]
    for example in page.examples:
        lines += wrapped(example)
    if page.options:
        lines += ["", f"all options: {called} --help-all"]
    return "\n".join(lines)


def _about(described: Command) -> str:
    """What it does, without its name in front and examples behind."""
    first = described.about.partition("\n\n")[0]
    name, colon, rest = first.partition(": ")
    if colon and name.strip("`").startswith("hat "):
        return sentence(rest.rstrip("."))
    return sentence(first) if first[:1].islower() and not first.endswith(".") else first


def wrapped(example: str) -> list[str]:
    """Returns a command line as a shell reads it in several lines, where one is too wide."""
    lines, line = [], " "
    for word in _pieces(example):
        if len(f"{line} {word} \\") > _WIDTH:
            lines.append(f"{line} \\")
            line = "     "
        line += f" {word}"
    return [*lines, line]


def _pieces(example: str) -> list[str]:
    """The words of a command line, a flag together with its value."""
    words: list[str] = []
    for word in example.split(" "):
        is_value = words and words[-1].startswith("--") and " " not in words[-1]
        if is_value and "=" not in words[-1] and not word.startswith("-"):
            words[-1] += f" {word}"
        else:
            words.append(word)
    return words


def _usage(called: str, described: Command) -> str:
    words = [called, *(["TOOL"] if described.commands else [])]
    words += [_placed(option) for option in described.options if not option.flags]
    needed = [_needed(option) for option in described.options if option.flags]
    usage = " ".join([*words, *filter(None, needed), "[OPTIONS]"])
    # The list below marks them, too.
    return usage if len(usage) <= _WIDTH else " ".join([*words, "[OPTIONS]"])


def _needed(option: Option) -> str:
    """A flag that must be given, with its value; nothing of others."""
    if not (option.required or option.help.endswith("(required)")):
        return ""
    of_number = {"int": "N", "float": "FLOAT"}.get(option.type)
    value = str(option.metavar or of_number or value_name(option.key))
    return f"{option.key} {value} ..." if option.nargs == "+" else f"{option.key} {value}"


def _placed(option: Option) -> str:
    name = str(option.metavar or "|".join(option.choices or ()) or option.name)
    if option.nargs == "?":
        return f"[{name}]"
    if option.nargs == "*":
        return f"[{name} ...]"
    # A name of two words says itself what there may be.
    return f"{name} ..." if option.nargs == "+" and " " not in name else name
