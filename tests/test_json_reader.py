"""What JSON text is refused for, whatever Python's own limits are."""

import pytest

from hat.errors import DataError
from hat.json_reader import parse_json


@pytest.mark.parametrize(
    "text",
    [
        "[" * 60,
        "[" * 60 + "]" * 60,
        '{"a":' * 60,
        '[1, "a]]\\"]", ' + "[" * 60,
        "[" * 100_000,
        "[" * 60 + "]" * 60 + " and more",
    ],
)
def test_text_that_is_nested_too_deep(text: str) -> None:
    with pytest.raises(DataError, match=r"^here: is nested more than 50 deep$"):
        parse_json(text, "here")


@pytest.mark.parametrize(
    "text", ["[" * 40, '["' + "[" * 60, '["a\\"' + "[" * 60 + '", x', "[]" * 60, "]" * 60]
)
def test_text_that_is_broken_and_not_deep(text: str) -> None:
    with pytest.raises(DataError, match="is not JSON"):
        parse_json(text, "here")
