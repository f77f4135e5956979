"""``hat new FOLDER``: a task's folder for a corpus of one's own, ready for ``hat pipeline``.

    hat new mine --train corpus.en corpus.fr --source en --target fr
    hat new mine --train corpus.tsv.gz --test test.en test.fr --source en --target fr --limit 25ms

It looks at the corpus, drops what cannot be used and says why, holds out validation and test data
where there are none, and chooses sizes by corpus and machine. Every choice stands in one of the
YAML files of the folder, with a comment, and can be changed there.
"""

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from hat.cli.console import command, print_result
from hat.cli.flags import add_flags, read_flags
from hat.cli.help import Parser
from hat.own_corpus.cleaning import CleaningSettings
from hat.own_corpus.folder import NewSettings, new_task, pipeline_of


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; the last line printed is one line of JSON."""
    options = _parser().parse_args(argv)
    settings, cleaning = read_flags(options, NewSettings), read_flags(options, CleaningSettings)
    made = new_task(options.folder, settings, cleaning)
    for warning in made.warnings:
        print(f"warning: {warning}")
    pipeline = shlex.quote(str(pipeline_of(made.folder)))
    print(f"{made.folder}: written; what was dropped is in {made.folder / 'dropped.tsv'}")
    print(f"now: hat pipeline {pipeline} --dry-run, then hat pipeline {pipeline}")
    chosen = made.choices
    print_result(
        {
            "pipeline": str(pipeline_of(made.folder)),
            **made.figures,
            "size": chosen.size,
            "vocabulary": chosen.vocabulary,
            "training": asdict(chosen.trainings),
            "warnings": made.warnings,
            "signature": made.signature,
        }
    )


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="hat new", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder to write")
    add_flags(parser, NewSettings)
    add_flags(parser, CleaningSettings, "cleaning")
    return parser
