"""``--help-all`` where fairseq's options are taken, too: hat's own first, then fairseq's."""

import argparse
from collections.abc import Sequence

from hat.cli.help import HelpFormatter
from hat.cli.options import add_config_flags

_FLAGS = ("-h", "--help")

_MODEL = "Model-specific configuration"
"""fairseq's title for the options of an architecture, which are hat's."""


def split_help(flags: Sequence[str]) -> tuple[bool, list[str]]:
    """Finds out whether help is asked for.

    Returns:
        Whether it is, and the other words.
    """
    rest = [word for word in flags if word not in _FLAGS]
    return len(rest) < len(flags), rest


def print_help(parser: argparse.ArgumentParser, theirs: set[str]) -> None:
    """Prints the help of a parser that began as one of fairseq's.

    Args:
        parser: with all options. It is of no use for parsing any more.
        theirs: the titles of the groups that fairseq began with.
    """
    add_config_flags(parser.add_argument_group("YAML files"))
    precision, *own, files = (g for g in parser._action_groups if g.title not in theirs)
    rest = [g for g in parser._action_groups if g.title in theirs]
    for group in own:
        if group.title == _MODEL:
            group.title = "SuperTransformer, space and SubTransformer"
    actions = [action for group in rest for action in group._group_actions]
    found = {name: a for a in actions for name in (a.option_strings or [a.dest])}
    if "data" in found:
        found["data"].help = "folder of the binarised data; a YAML file may name it"
        found["data"].nargs = "?"
    if (restore := found.get("--restore-file")) is not None:  # fairseq's text lacks its bracket
        restore.help = "checkpoint to begin from (default: checkpoint_last.pt in --save-dir)"
    parser._action_groups = [files, *own, precision, *rest]
    parser.formatter_class = HelpFormatter
    parser.usage = "%(prog)s [DATA] [--configs YML ...] [OPTIONS]"
    parser.epilog = "A key of a YAML file is the name of an option without its dashes."
    parser.print_help()
