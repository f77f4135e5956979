"""``hat average-checkpoints``: the mean of the last checkpoints' weights as one checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from hat.cli.console import command, print_result, stop_if_checking
from hat.cli.flags import add_flags, read_flags
from hat.cli.help import Parser
from hat.models.averaging import AverageSettings, average_checkpoints
from hat.settings import NO_OUTCOME, Settings


@dataclass(frozen=True, kw_only=True)
class _Files(Settings):
    """What is written."""

    output: Annotated[Path, NO_OUTCOME]
    """the checkpoint to write"""


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``hat average-checkpoints``."""
    parser = Parser(prog="hat average-checkpoints", description=__doc__)
    add_flags(parser, AverageSettings)
    add_flags(parser, _Files)
    options = parser.parse_args(argv)
    files, settings = read_flags(options, _Files), read_flags(options, AverageSettings)
    stop_if_checking()
    done = average_checkpoints(files.output, settings)
    names = ", ".join(path.name for path in done.inputs)
    if done.warning is not None:
        print(f"warning: {done.warning}")
    print(f"averaged {len(done.inputs)} checkpoints: {names}")
    print_result(
        {
            "checkpoint": str(done.checkpoint),
            "inputs": [str(path) for path in done.inputs],
            "warning": done.warning,
            "signature": done.signature,
        }
    )
