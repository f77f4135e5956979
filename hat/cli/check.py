"""Checks the settings of many commands in one process, before the first of them runs.

Each command reads its YAML files and flags as it will, and stops before it works; so nothing is
checked here that a command does not check itself.
"""

import contextlib
import io
import json
import sys
from collections.abc import Mapping, Sequence

from hat.cli.console import checking
from hat.cli.main import main as hat


def check_commands(commands: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Returns what is wrong with commands, each in a sentence; nothing of those that are right.

    Args:
        commands: words behind ``hat``, by any name.
    """
    wrong = {}
    with checking():
        for name, words in commands.items():
            said = io.StringIO()
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                try:
                    hat(list(words))
                except SystemExit as end:
                    if end.code:
                        lines = said.getvalue().strip().splitlines() or [f"exit code {end.code}"]
                        wrong[name] = lines[-1].removeprefix("error: ")
    return wrong


def main() -> None:
    """Reads commands by name, as JSON, from standard input; writes what is wrong with them."""
    wrong = check_commands(json.load(sys.stdin))
    print(json.dumps(wrong))


if __name__ == "__main__":
    main()
