"""Whether a command line asks for help, and for which: the short one, or all options."""

import difflib
from collections.abc import Sequence

from hat.errors import ConfigError

SHORT, ALL = ("-h", "--help"), "--help-all"

_CLOSE = 0.8
"""How like one of these a word must be to be a slip of it."""


def asked_help(command: str, words: Sequence[str]) -> tuple[str | None, list[str]]:
    """Returns the short help if it is asked for and there is one, and what else is to be done.

    ``--help-all`` becomes ``--help`` for the command's own parser, which lists all options; so does
    the short help of what has no page.

    Args:
        command: its name behind ``hat``.
        words: the command line behind it.

    Raises:
        ConfigError: if it is asked for and misspelt. The command would complain of what is missing.
    """
    end = words.index("--") if "--" in words else len(words)
    asked = [word for word in words[:end] if word in (*SHORT, ALL)]
    if not asked:
        for word in words[:end]:
            if (meant := _meant(word)) and not _is_option(command, word):
                raise ConfigError(f"unknown option {word}; did you mean {meant!r}?")
        return None, list(words)
    if ALL not in asked:
        from hat.cli.pages import short_help

        page = short_help(command, [word for word in words[:end] if not word.startswith("-")])
        if page is not None:
            return page, list(words)
    rest = [word for word in words[:end] if word not in (*SHORT, ALL)]
    return None, [*rest, SHORT[1], *words[end:]]


def _meant(word: str) -> str | None:
    """The help that a flag is a slip of; None if it is none of one."""
    if not word.startswith("-"):
        return None
    return next(iter(difflib.get_close_matches(word, [SHORT[1], ALL], n=1, cutoff=_CLOSE)), None)


def _is_option(command: str, flag: str) -> bool:
    from hat.cli.described import commands

    described = commands().get(command)
    if described is None:  # a command of another package
        return True
    return any(one.option(flag) for one in (described, *described.commands.values()))
