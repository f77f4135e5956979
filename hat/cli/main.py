"""``hat COMMAND``: a table of names and the stages behind them."""

import importlib
import sys
from collections.abc import Sequence

from hat.cli.asked import ALL, SHORT, asked_help
from hat.cli.console import one_sentence, program_words, written_out
from hat.errors import suggestion
from hat.version import __version__

COMMANDS = {
    "new": ("hat.commands.new", "a task's folder for a corpus of one's own"),
    "train": ("hat.commands.train", "train a SuperTransformer or one SubTransformer"),
    "latency": ("hat.commands.latency", "check datasets, compare predictors, measure, predict"),
    "latency-dataset": ("hat.commands.latency_dataset", "measure SubTransformers on this device"),
    "latency-predictor": ("hat.commands.latency_predictor", "fit a latency predictor"),
    "search": ("hat.commands.search", "search under limits on latency and size; also evo-search"),
    "evo-search": ("hat.commands.search", "the same under the name of HAT's script"),
    "export": ("hat.commands.export", "one SubTransformer as a folder that translates"),
    "translate": ("hat.commands.translate", "text in, text out: tokenise, search, detokenise"),
    "generate": ("hat.commands.generate", "translate by beam search"),
    "score": ("hat.commands.score", "BLEU, chrF and exact match of translations"),
    "average-checkpoints": ("hat.commands.average_checkpoints", "average the last checkpoints"),
    "profile": ("hat.commands.profile", "parameters and FLOPs of a SubTransformer"),
    "report": ("hat.commands.report", "one page to decide from, of one run or several"),
    "pipeline": ("hat.commands.pipeline", "run all stages of a task from one YAML file"),
    "rank": ("hat.commands.rank", "how well scorers rank the architectures of a table"),
    "nasbench": ("hat.commands.nasbench", "convert, enumerate and query NAS benchmarks"),
    "nasbench-search": ("hat.commands.nasbench_search", "search on simulated training time"),
    "neural-predictor": (
        "hat.commands.neural_predictor",
        "a graph network predicts accuracy",
    ),
    "epsinas": ("hat.commands.epsinas", "the zero-cost score on cells and SubTransformers"),
    "prepare": ("hat.commands.prepare", "make or prepare the text of a task"),
    "validate": ("hat.commands.validate", "check YAML files of any kind, without running them"),
    "completion": ("hat.commands.completion", "completion for bash, zsh or tcsh"),
    "doctor": ("hat.commands.doctor", "what this machine and installation are good for"),
    "configs": ("hat.commands.configs", "list or copy the tasks' files that come with hat"),
    "build-fairseq": ("hat.commands.build_fairseq", "a wheel of fairseq, which training needs"),
}
"""Command name -> (module with a ``main(argv)``, what it does)."""

GROUPS = {
    "a whole task": ("new", "pipeline", "report", "configs", "validate"),
    "find an architecture": ("train", "search"),
    "measure and predict latency": ("latency-dataset", "latency-predictor", "latency", "profile"),
    "use what was found": ("export", "translate", "generate", "score", "average-checkpoints"),
    "prepare text": ("prepare",),
    "study scores and search on tables": (
        *("epsinas", "rank", "nasbench", "nasbench-search", "neural-predictor"),
    ),
    "this installation": ("doctor", "build-fairseq", "completion"),
}
"""What one wants to do -> the commands for it. One that stands nowhere is listed at the end."""

HIDDEN = ("evo-search",)
"""Other names of commands."""


def usage() -> str:
    """The text of ``hat --help``."""
    width = max(map(len, COMMANDS))
    listed = {name for names in GROUPS.values() for name in names}
    others = tuple(name for name in COMMANDS if name not in {*listed, *HIDDEN})
    lines = []
    for title, names in {**GROUPS, "more": others}.items():
        there = [name for name in names if name in COMMANDS]
        if there:
            lines += [
                "",
                f"{title}:",
                *(f"  {name:<{width}}  {COMMANDS[name][1]}" for name in there),
            ]
    head = f"hat {__version__}: hardware-aware Transformer architecture search"
    return "\n".join(
        [
            head,
            "",
            "usage: hat COMMAND [OPTIONS]",
            *lines,
            "",
            "hat COMMAND --help: an example and the options most used; --help-all: all of them",
        ]
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command that the first argument names; exit code 2 if there is none."""
    argv = program_words(argv)
    if argv and argv[0] in (*SHORT, ALL, "--version"):
        with one_sentence(argv), written_out():
            print(usage() if argv[0] != "--version" else f"hat {__version__}")
        return
    if not argv:
        print(f"{usage()}\n\nerror: no command", file=sys.stderr)
        raise SystemExit(2)
    if argv[0] not in COMMANDS:
        kind = "option" if argv[0].startswith("-") else "command"
        known = COMMANDS if kind == "command" else (*SHORT, ALL, "--version")
        hint = suggestion(argv[0], known) or "; hat --help lists them"
        print(f"error: unknown {kind} {argv[0]!r}{hint}", file=sys.stderr)
        raise SystemExit(2)
    with one_sentence(argv), written_out():  # a module may import what an extra brings
        short, _ = asked_help(argv[0], argv[1:])
        if short is not None:
            print(short)
            return
        main_of_command = importlib.import_module(COMMANDS[argv[0]][0]).main
    main_of_command(argv[1:])


if __name__ == "__main__":
    main()
