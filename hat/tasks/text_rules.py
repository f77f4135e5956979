"""What was done to the text of a task before BPE, so that a new sentence is treated alike.

Each task has its rules here, as its ``preprocess.sh`` makes them; a task of one's own says its
own. No task truecases: the case of letters is kept, or all are lower case.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Literal

from hat.errors import ConfigError
from hat.settings import Settings
from hat.tasks import numbers
from hat.text.moses import MosesDetokeniser, MosesTokeniser

Change = Callable[[str], str]
"""Of one line."""


@dataclass(frozen=True, kw_only=True)
class TextRules(Settings):
    """How a line of text becomes tokens, before BPE, and tokens become text."""

    tokeniser: Literal["moses", "numbers", "none"] | None = None
    """What sets tokens apart: Moses' rules, the numbers task's (commas only), or nothing: words
    are parted by blanks. Default: as the task's preprocess.sh does it."""

    normalise: bool = False
    """Moses' punctuation normalisation comes first."""

    drop_unprintable: bool = False
    """Characters that do not print become blanks, as by Moses' remove-non-printing-char."""

    split_hyphens: bool = False
    """Hyphens in words are split: @-@."""

    escape: bool = False
    """Special characters are escaped as Moses does: &apos; and others."""

    lowercase: bool = False
    """All letters are made lower case."""

    def tokenise(self, language: str) -> Change:
        """Returns what makes tokens of a line of ``language``."""
        change: Change = str
        if self.tokeniser == "moses":
            change = MosesTokeniser(
                language,
                normalise=self.normalise,
                drop_unprintable=self.drop_unprintable,
                split_hyphens=self.split_hyphens,
                escape=self.escape,
            )
        elif self.tokeniser == "numbers":
            change = lambda line: numbers.tokenise([line], language)[0]  # noqa: E731
        return (lambda line: change(line).lower()) if self.lowercase else change

    def detokenise(self, language: str) -> Change:
        """Returns what makes text of a line of tokens of ``language``."""
        return str if self.tokeniser == "none" else MosesDetokeniser(language)

    def __str__(self) -> str:
        """In words, for people."""
        named = {
            "moses": "Moses' tokeniser (sacremoses)",
            "numbers": "commas are set apart",
            "none": "words are parted by blanks",
        }
        switches = [f.name.replace("_", " ") for f in fields(self) if getattr(self, f.name) is True]
        return ", ".join([named[self.tokeniser or "none"], *switches])


_NEWSTEST = TextRules(
    tokeniser="moses", normalise=True, drop_unprintable=True, split_hyphens=True, escape=True
)

TEXT_RULES = {
    "numbers": TextRules(tokeniser="numbers"),
    "conlang": TextRules(tokeniser="none"),
    "multi30k": TextRules(tokeniser="moses", normalise=True),
    "iwslt14": TextRules(tokeniser="moses", escape=True, lowercase=True),
    "wmt14.en-de": TextRules(tokeniser="moses", escape=True),
    "wmt14.en-fr": _NEWSTEST,
    "wmt19.en-de": _NEWSTEST,
}
"""By the name of the task, or its beginning.

The text of WMT14 en-de comes tokenised; its rules are those of the script that made it.
"""

_OTHER_NAMES = {"wmt16ende": "wmt14.en-de"}
"""Google's data of WMT16, on which WMT14 en-de is trained."""


def task_of(name: str) -> str | None:
    """Returns the task whose name stands in ``name``, such as the path of a data folder."""
    letters = _letters(name)
    known = {**{_letters(task): task for task in TEXT_RULES}, **_OTHER_NAMES}
    return next((task for part, task in known.items() if part in letters), None)


def text_rules(given: TextRules, task: str | None, *names: str | None) -> TextRules:
    """Returns the rules that hold.

    Args:
        given: of the user's; they hold if they name a tokeniser.
        task: the task of the user's.
        names: where else its name may stand, the surest first.

    Raises:
        ConfigError: if nothing says what was done to the text, or two things do.
    """
    if given.tokeniser is not None:
        if task is not None:
            raise ConfigError("give --task or --tokeniser, not both")
        if given.tokeniser != "moses" and given not in (
            TextRules(tokeniser=given.tokeniser, lowercase=lower) for lower in (True, False)
        ):
            raise ConfigError(f"Moses' rules do not go with --tokeniser {given.tokeniser}")
        return given
    if given != TextRules():
        raise ConfigError("rules for text need --tokeniser: a task's own are all known")
    found = (
        task if task is not None else next(filter(None, map(task_of, filter(None, names))), None)
    )
    if found is None:
        raise ConfigError(
            "how was the text tokenised? give --task, if it is one of "
            f"{', '.join(TEXT_RULES)}, or --tokeniser and what else was done"
        )
    return TEXT_RULES[found]


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
