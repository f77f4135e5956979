"""``hat epsinas``: rank architectures without training them (arXiv 2302.04406).

hat epsinas nasbench201 --data nasbench201.csv.gz       all 15,625 cells, in minutes
hat epsinas nasbench101 --data sample.jsonl.gz
hat epsinas nasbench-nlp --data recepie_loss_pairs.json
hat epsinas subtransformers --data seed_arch_bleu.csv   SubTransformers with a known BLEU
hat epsinas search-weights nasbench201                  the authors' choice of the two constants
hat epsinas ablate nasbench201 --data ...               constants, batches, inputs
hat epsinas integrate --data nasbench201.csv.gz         inside random search and ageing evolution
"""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hat.cli.console import command, print_result
from hat.cli.flags import add_flags, read_flags
from hat.studies.epsinas import (
    ablate,
    integrate,
    nasbench101,
    nasbench201,
    nasbench_nlp,
    search_weights,
    subtransformers,
)
from hat.studies.epsinas.convolutions import ConvolutionSettings


@dataclass(frozen=True)
class _Study:
    """One sub-command."""

    run: Callable[..., dict[str, Any]]
    settings: type
    about: str
    spaces: Iterable[str] = ()
    """What its first word says, if it has one."""


_STUDIES: Mapping[str, _Study] = {
    "nasbench201": _Study(
        nasbench201.run, ConvolutionSettings, "convolutional cells of NAS-Bench-201"
    ),
    "nasbench101": _Study(
        nasbench101.run, ConvolutionSettings, "convolutional cells of NAS-Bench-101"
    ),
    "nasbench-nlp": _Study(
        nasbench_nlp.run, nasbench_nlp.RecipeSettings, "recurrent cells of NAS-Bench-NLP"
    ),
    "subtransformers": _Study(
        subtransformers.run,
        subtransformers.SubtransformerSettings,
        "SubTransformers with a known BLEU",
    ),
    "search-weights": _Study(
        search_weights.run,
        search_weights.SearchWeightsSettings,
        "choose the two constants for a space",
        search_weights.SPACES,
    ),
    "ablate": _Study(
        ablate.run,
        ablate.AblateSettings,
        "constants, batches, inputs, initialisations",
        ablate.SPACES,
    ),
    "integrate": _Study(
        integrate.run, integrate.IntegrateSettings, "with and without warm-up and moves"
    ),
}


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Runs one of the subcommands; the last line printed is one line of JSON."""
    parser = argparse.ArgumentParser(
        prog="hat epsinas", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, study in _STUDIES.items():
        sub = commands.add_parser(name, help=study.about)
        if study.spaces:
            sub.add_argument("space", choices=list(study.spaces))
        add_flags(sub, study.settings)
    options = parser.parse_args(argv)
    study = _STUDIES[options.command]
    words = (options.space,) if study.spaces else ()
    print_result(study.run(*words, read_flags(options, study.settings)))
