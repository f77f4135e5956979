"""``hat epsinas``: rank architectures without training them (arXiv 2302.04406).

    hat epsinas nasbench201 --data nasbench201.csv.gz       all 15,625 cells, in minutes
    hat epsinas nasbench101 --data sample.jsonl.gz
    hat epsinas nasbench-nlp --data recepie_loss_pairs.json
    hat epsinas nasbench-nlp --logs train_logs_single_run --text ptb     the published logs alone
    hat epsinas nasbench-nlp --logs train_logs_multi_runs --multi        seeds of a recipe together
    hat epsinas subtransformers --data seed_arch_bleu.csv   SubTransformers with a known BLEU
    hat epsinas search-weights nasbench201                  the authors' choice of the two constants
    hat epsinas ablate nasbench201 --data ...               constants, batches, inputs
    hat epsinas integrate --data nasbench201.csv.gz         in random search and ageing evolution

Each has options of its own: ``hat epsinas nasbench201 --help``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hat.cli.console import command, print_result
from hat.cli.flags import add_flags, read_flags
from hat.cli.help import Parser, sentence
from hat.cli.outputs import check_apart
from hat.files import check_writable
from hat.studies.epsinas import ablate, convolutions, integrate, nasbench_nlp, search_weights
from hat.studies.epsinas import subtransformers as subs

_STUDIES: Mapping[str, tuple[Callable[..., dict[str, Any]], Any, str]] = {
    "nasbench201": (
        *(convolutions.nasbench201, convolutions.ConvolutionSettings),
        "convolutional cells of NAS-Bench-201",
    ),
    "nasbench101": (
        *(convolutions.nasbench101, convolutions.Nb101Settings),
        "convolutional cells of NAS-Bench-101",
    ),
    "nasbench-nlp": (
        *(nasbench_nlp.run, nasbench_nlp.RecipeSettings),
        "recurrent cells of NAS-Bench-NLP",
    ),
    "subtransformers": (
        *(subs.run, subs.SubtransformerSettings),
        "SubTransformers with a known BLEU",
    ),
    "search-weights": (
        *(search_weights.run, search_weights.SearchWeightsSettings),
        "choose the two constants for a space",
    ),
    "ablate": (
        *(ablate.run, ablate.AblateSettings),
        "what constants, batches, inputs and initialisations change",
    ),
    "integrate": (
        *(integrate.run, integrate.IntegrateSettings),
        "search NAS-Bench-201 with and without warm-up and moves by epsinas",
    ),
}
"""Sub-command -> what it does with its settings, and a line of help."""

_SPACES = {"search-weights": search_weights.SPACES, "ablate": tuple(ablate.SPACES)}
"""What the first word of a sub-command says."""


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Runs one of the subcommands; the last line printed is one line of JSON."""
    parser = Parser(prog="hat epsinas", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="TOOL")
    for name, (_, settings, about) in _STUDIES.items():
        sub = commands.add_parser(name, help=about, description=sentence(about))
        if name in _SPACES:
            sub.add_argument("space", choices=_SPACES[name], help="space of architectures")
        add_flags(sub, settings)
    options = parser.parse_args(argv)
    run, settings, _ = _STUDIES[options.command]
    words = [options.space] if options.command in _SPACES else []
    chosen = read_flags(options, settings)
    check_apart(options, "out", "plot")
    check_writable(getattr(chosen, "out", None), form="CSV")
    check_writable(getattr(chosen, "plot", None), kind="picture")
    print_result(run(*words, chosen))
