"""Whether a command line asks for help, and for which: the short one, or all options."""

from collections.abc import Sequence

SHORT, ALL = ("-h", "--help"), "--help-all"


def asked_help(command: str, words: Sequence[str]) -> tuple[str | None, list[str]]:
    """Returns the short help if it is asked for and there is one, and what else is to be done.

    ``--help-all`` becomes ``--help`` for the command's own parser, which lists all options; so does
    the short help of what has no page.

    Args:
        command: its name behind ``hat``.
        words: the command line behind it.
    """
    end = words.index("--") if "--" in words else len(words)
    asked = [word for word in words[:end] if word in (*SHORT, ALL)]
    if not asked:
        return None, list(words)
    if ALL not in asked:
        from hat.cli.pages import short_help

        page = short_help(command, [word for word in words[:end] if not word.startswith("-")])
        if page is not None:
            return page, list(words)
    rest = [word for word in words[:end] if word not in (*SHORT, ALL)]
    return None, [*rest, SHORT[1], *words[end:]]
