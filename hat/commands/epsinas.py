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
from collections.abc import Sequence

from hat.cli.console import command
from hat.studies.epsinas import (
    ablate,
    integrate,
    nasbench101,
    nasbench201,
    nasbench_nlp,
    search_weights,
    subtransformers,
)

_COMMANDS = (
    nasbench201,
    nasbench101,
    nasbench_nlp,
    subtransformers,
    search_weights,
    ablate,
    integrate,
)


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Runs one of the subcommands; the last line printed is one line of JSON."""
    parser = argparse.ArgumentParser(
        prog="hat epsinas", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for module in _COMMANDS:
        module.add_parser(commands)
    args = parser.parse_args(argv)
    args.run(args)
