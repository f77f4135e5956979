"""``generate.py``: translate a split by beam search and print fairseq-generate's log."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from hat.arch.model_options import add_model_options
from hat.cli.console import command, print_result, set_up_logging, stop_if_checking
from hat.cli.help import program
from hat.cli.training_keys import TRAINING_KEYS

if TYPE_CHECKING:
    from hat.fairseq_plugin.generation import Translation


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.prog = program("generate")
    parser.description = "Translates a split by beam search and prints fairseq-generate's log."
    add_model_options(parser.add_argument_group("SubTransformer"), only=("subtransformer",))


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``generate.py``."""
    set_up_logging("WARNING")
    from hat.fairseq_plugin.arguments import generation_parser, parse
    from hat.fairseq_plugin.loading import build_task
    from hat.fairseq_plugin.translate_split import SplitSettings, translate_split

    options = parse(
        generation_parser, argv or [], add_options=_add_options, ignored_keys=TRAINING_KEYS
    )
    settings = SplitSettings.of(options)
    stop_if_checking()

    def take(translation: "Translation") -> None:
        if not options.quiet:
            print("\n".join(translation.log_lines()))

    done = translate_split(
        build_task(options),
        settings,
        take=take,
        show_progress=sys.stderr.isatty() and not options.no_progress_bar,
    )
    print_result(asdict(done))
