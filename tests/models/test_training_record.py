"""What a checkpoint notes of its training, and how its signature tells it."""

from typing import Any

import pytest

from hat.models.training_record import OPTION, Stretch, TrainingRecord

FIRST = {"training data": "d1", "arch": "big", "seed": 3, "dropout": 0.1}
RECORD = TrainingRecord(conditions=FIRST)


def test_a_note_is_read_as_it_was_written() -> None:
    record = TrainingRecord(conditions={**FIRST, "seed": 4}).after(
        Stretch(updates=7, conditions=FIRST)
    )
    assert TrainingRecord.of({OPTION: record.to_plain(), "seed": 9}) == record


@pytest.mark.parametrize(
    "note",
    [None, 3, "x", {}, {"conditions": 3, "earlier": []}, {"conditions": {}, "earlier": [{}]}],
)
def test_anything_else_is_no_note(note: Any) -> None:
    assert TrainingRecord.of({OPTION: note}) is None
    assert TrainingRecord.of({}) is None


def test_a_signature_tells_what_it_was_trained_under() -> None:
    parts = RECORD.signature_parts()
    assert parts["seed"] == 3
    assert (parts["data"], parts["arch"], parts["earlier"]) == ("d1", "big", None)
    other = TrainingRecord(conditions={**FIRST, "dropout": 0.2})
    assert other.signature_parts()["conditions"] != parts["conditions"]


def test_a_signature_tells_of_earlier_conditions() -> None:
    record = TrainingRecord(conditions={**FIRST, "seed": 4, "lr": 1})
    plain = record.signature_parts()["conditions"]
    record = record.after(Stretch(updates=5, conditions=None)).after(
        Stretch(updates=12, conditions=FIRST)
    )
    parts = record.signature_parts()
    assert parts["earlier"] == "until update 5 unknown;until update 12 seed 3, lr nothing"
    assert parts["seed"] == 4
    assert parts["conditions"] != plain
