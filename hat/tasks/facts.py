"""What is known of the tasks that HAT was published on, without their data.

Architectures are named after tasks (``transformersuper_wmt_en_fr``), and so are files and the
rows of tables (``wmt14.en-fr``, ``HAT_wmt14enfr_xeon``), so that a name is enough to find them.
"""

import re
from dataclasses import dataclass

DEFAULT_SRC_LEN = 30
"""Tokens, where neither a name nor a flag says otherwise: as for WMT."""


@dataclass(frozen=True)
class TaskFacts:
    """Sizes of one task's data."""

    vocabulary: tuple[int, int]
    """Words of the source and the target dictionary, fairseq's own four included."""

    src_len: int
    """Tokens of an average source sentence, as HAT's ``train.py`` has them."""


_FACTS = {
    "iwslt": TaskFacts(vocabulary=(8848, 6632), src_len=23),
    "wmtenfr": TaskFacts(vocabulary=(44512, 44512), src_len=30),
    "wmt": TaskFacts(vocabulary=(32768, 32768), src_len=30),
}
"""By a part of the name, without digits and signs; the first that fits holds.

HAT trains IWSLT14 de-en with two dictionaries and the others with one. WMT19 en-de has the
architectures of WMT14 en-de, so their names cannot tell the two apart: its own dictionary, of
which no size is published, counts only where the data are.
"""


def task_facts(name: str) -> TaskFacts | None:
    """Returns what is known of the task that ``name`` names, or None if it names none."""
    letters = re.sub("[^a-z]", "", name.lower())
    return next((facts for part, facts in _FACTS.items() if part in letters), None)


def default_src_len(name: str) -> int:
    """Returns HAT's source length in tokens for an architecture or task: IWSLT 23, else 30."""
    facts = task_facts(name)
    return DEFAULT_SRC_LEN if facts is None else facts.src_len
