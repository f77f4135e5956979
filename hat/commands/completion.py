"""``hat completion SHELL``: a script that completes commands, options and files."""

import argparse
from collections.abc import Sequence

import shtab

from hat.cli.console import command
from hat.cli.described import commands, parser_of
from hat.cli.help import Parser
from hat.cli.main import COMMANDS

SHELLS = ("bash", "zsh", "tcsh")


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``hat completion``."""
    parser = Parser(
        prog="hat completion",
        description="Prints a script for a shell that completes commands, options and files.",
    )
    parser.add_argument("shell", choices=SHELLS, help="for which shell")
    shell = parser.parse_args(list(argv or [])).shell
    print(shtab.complete(whole_parser(), shell=shell))


def whole_parser() -> argparse.ArgumentParser:
    """Returns one parser of all commands and their options."""
    parser = argparse.ArgumentParser(prog="hat", description="Architecture search.")
    parser.add_argument("--version", action="store_true", help="print the version")
    below = parser.add_subparsers()
    for name, (_, about) in COMMANDS.items():
        described = commands().get(name)
        text = about.replace("%", "%%")
        if described is None:  # newer than the description
            below.add_parser(name, help=text)
            continue
        own = parser_of(f"hat {name}", described, text)
        inner = below.add_parser(name, help=text, parents=[own], add_help=False)
        for action in _all_actions(inner):
            if action.nargs != 0 and action.choices is None and action.type is None:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    return parser


def _all_actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    found: list[argparse.Action] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                found += _all_actions(sub)
        else:
            found.append(action)
    return found
