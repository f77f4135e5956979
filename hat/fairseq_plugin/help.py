"""``--help`` where fairseq's options are taken, too: hat's own; fairseq's with ``--help-all``."""

import argparse
from collections.abc import Sequence

from hat.cli.help import HelpFormatter
from hat.cli.options import add_config_flags

_FLAGS = ("-h", "--help", "--help-all")

_MODEL = "Model-specific configuration"
"""fairseq's title for the options of an architecture, which are hat's."""

_OFTEN = {
    "training": (
        *("data", "--save-dir", "--restore-file", "--optimizer", "--lr", "--lr-scheduler"),
        *("--warmup-updates", "--max-tokens", "--update-freq", "--max-update", "--max-epoch"),
        *("--valid-subset", "--seed", "--cpu", "--fp16", "--tensorboard-logdir"),
    ),
    "generation": (
        *("data", "--path", "--gen-subset", "--beam", "--lenpen", "--remove-bpe", "--quiet"),
        *("--max-tokens", "--results-path", "--seed", "--cpu", "--fp16"),
    ),
}
"""Options of fairseq that stand in the short help."""


def split_help(flags: Sequence[str]) -> tuple[bool, bool, list[str]]:
    """Finds out whether help is asked for.

    Returns:
        Whether it is, whether all options are asked for, and the other words.
    """
    return (
        any(word in _FLAGS for word in flags),
        "--help-all" in flags,
        [word for word in flags if word not in _FLAGS],
    )


def print_help(parser: argparse.ArgumentParser, theirs: set[str], *, everything: bool) -> None:
    """Prints the help of a parser that began as one of fairseq's.

    Args:
        parser: with all options. It is of no use for parsing any more.
        theirs: the titles of the groups that fairseq began with.
        everything: whether the options of these groups stand behind hat's own.
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
    if not everything:
        often = argparse._ArgumentGroup(parser, "fairseq's, those that are often needed")
        names = _OFTEN["generation" if "--path" in found else "training"]
        often._group_actions = [found[name] for name in names if name in found]
        rest = [often]
    parser._action_groups = [files, *own, precision, *rest]
    parser.formatter_class = HelpFormatter
    parser.usage = "%(prog)s [DATA] [--configs YML ...] [OPTIONS]"
    parser.epilog = "A key of a YAML file is the name of an option without its dashes." + (
        "" if everything else " All of fairseq's options: --help-all."
    )
    parser.print_help()
