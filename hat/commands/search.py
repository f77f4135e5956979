"""``hat search`` and ``evo_search.py``: search under limits and compare with simpler choices.

By default this is HAT's evolutionary search by the loss that candidates inherit. The best few are
measured on this device, if it is a predictor's; what misses a limit is repaired or dropped.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from hat.arch.hat_yaml import space_from_options
from hat.cli.console import command, print_result, set_up_logging, stop_if_checking
from hat.cli.flags import add_flags, read_flags
from hat.cli.help import program
from hat.cli.outputs import check_apart
from hat.measuring.devices import DEVICES
from hat.nas.build import check_settings, settings_classes
from hat.nas.limits import LIMITS
from hat.nas.rescoring import RescoreSettings
from hat.nas.run import search
from hat.nas.scorers import SCORERS
from hat.nas.settings import FinishSettings, SearchSettings
from hat.nas.supernet import supernet_of
from hat.retraining.finalists import RetrainSettings
from hat.retraining.halving import HalvingSettings
from hat.scoring.spread import processes
from hat.search.algorithms import ALGORITHMS
from hat.settings import NO_OUTCOME, Settings


@dataclass(frozen=True, kw_only=True)
class _Files(Settings):
    """What is read and written."""

    write_config_path: Annotated[Path, NO_OUTCOME]
    """YAML file for the winner"""

    search_dir: Annotated[Path | None, NO_OUTCOME] = None
    """folder for trials.jsonl, the state of the search and its report; a search that was stopped
    goes on from there (default: the winner's path with .search for its suffix)"""

    restore_ema: bool = False
    """search with the moving average of the weights of --restore-file (--store-ema)"""

    set_aside: Annotated[bool, NO_OUTCOME] = False
    """move a search under other conditions that is in that folder to NAME.old"""


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``evo_search.py``; ``torchrun`` may start several of it."""
    set_up_logging("WARNING")
    from hat.fairseq_plugin.arguments import parse, training_parser

    with processes():
        options = parse(training_parser, argv or [], add_options=add_search_flags)
        files = read_flags(options, _Files)
        settings: list[Settings] = [read_flags(options, cls) for cls in settings_classes()]
        check_settings(settings)
        space_from_options(vars(options), "the SuperTransformer's options")
        stop_if_checking()
        check_apart(options, "write_config_path", argv=argv or [])
        found = search(
            supernet_of(options, ema=files.restore_ema),
            *settings,
            write_config_path=files.write_config_path,
            search_dir=files.search_dir,
            set_aside=files.set_aside,
            say=lambda line: print(line, flush=True),
        )
        if found is None:
            return
        winner, report = found.files[:2]
        print_result(
            {
                "config": str(winner),
                "report": str(report),
                **found.figures(),
                "candidates": found.result.num_evaluated,
                **(
                    {"retrained": {row.name: row.bleu for row in found.retrained}}
                    if found.retrained
                    else {}
                ),
                "signature": found.signature,
            }
        )


def add_search_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of a search and of every part it can be made of."""
    parser.prog = program("search")
    parser.description = (
        "Searches a trained SuperTransformer for the SubTransformer with the best score among "
        "those that keep all limits."
    )
    add_flags(parser, SearchSettings, "search")
    add_flags(parser, _Files, "search: files")
    for title, table in (
        ("search: algorithms", ALGORITHMS),
        ("search: scorers", SCORERS),
        ("search: limits, as many as there are", LIMITS),
    ):
        for cls in table.settings():
            add_flags(parser, cls, title)
    add_flags(parser, FinishSettings, "finish of the search")
    for cls in DEVICES.settings():
        add_flags(parser, cls, "finish of the search")
    add_flags(parser, RescoreSettings, "scoring finalists again")
    add_flags(parser, HalvingSettings, "successive halving of finalists")
    add_flags(parser, RetrainSettings, "retraining after the search")
