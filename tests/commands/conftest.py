"""What a search needs is what its parts need; and what a command says at its end."""

import json
from typing import Any

from tests.fairseq_plugin.conftest import corpus, space_yml
from tests.nas.conftest import predictor_pt, search_space, supernet

__all__ = ["corpus", "predictor_pt", "search_space", "space_yml", "supernet"]


def last_line(text: str) -> dict[str, Any]:
    """The JSON at the end of what a command printed."""
    result: dict[str, Any] = json.loads(text.splitlines()[-1])
    return result
