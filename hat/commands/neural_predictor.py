"""``hat neural-predictor``: learn to rank the architectures of a benchmark, or choose the best.

    hat neural-predictor rank nasbench101:nasbench101.h5 --train-split 172 --eval-split all
    hat neural-predictor rank nasbench101:nasbench.hdf5 --split-file train.npz --train-split 91-172
    hat neural-predictor cross-validate nasbench101:nasbench101.h5 --train-split 172
    hat neural-predictor select nasbench101:nasbench101.h5 --num-train 100 --num-verified 50

Each has options of its own: ``hat neural-predictor rank --help``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hat.benchmarks.load import BENCHMARKS, load_benchmark
from hat.cli.console import command, print_result
from hat.cli.flags import add_flags, read_flags
from hat.cli.help import Parser, sentence
from hat.files import check_writable
from hat.studies import neural_predictor as study

_COMMANDS: Mapping[str, tuple[Callable[..., dict[str, Any]], type, str]] = {
    "rank": (
        study.rank,
        study.RankSettings,
        "train a predictor and judge how it ranks the rest",
    ),
    "cross-validate": (
        study.compare_settings,
        study.CrossValidateSettings,
        "compare settings within a training set",
    ),
    "select": (
        study.select_best,
        study.SelectSettings,
        "train on a few, predict all others, look up the most promising",
    ),
}
"""Sub-command -> what it does to a table with its settings, and a line of help."""


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Runs one of the subcommands; the last line printed is one line of JSON."""
    parser = Parser(prog="hat neural-predictor", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="TOOL")
    for name, (_, settings, about) in _COMMANDS.items():
        sub = commands.add_parser(name, help=about, description=sentence(about))
        sub.add_argument("benchmark", help=f"KIND:PATH, KIND one of {', '.join(BENCHMARKS)}")
        add_flags(sub, settings)
    options = parser.parse_args(argv)
    run, settings, _ = _COMMANDS[options.command]
    chosen: Any = read_flags(options, settings)
    check_writable(getattr(chosen, "plot", None), kind="picture")
    print_result(run(load_benchmark(options.benchmark), chosen))
