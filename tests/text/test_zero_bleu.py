"""Reasons for a BLEU of zero are told apart, each by what only it does to translations."""

import pytest

from hat.text.zero_bleu import explain_zero

REFERENCES = [f"the house number {n} is red and old" for n in range(20)]


@pytest.mark.parametrize(
    ("hypotheses", "references", "reason"),
    [
        (["th@@ e ho@@ use is"] * 20, REFERENCES, "translations hold units (@@)"),
        (["\u2581the \u2581ho use"] * 20, REFERENCES, "hold units (\u2581)"),
        (["the house is"] * 20, ["th@@ e ho@@ use"] * 20, "references hold units (@@)"),
        ([""] * 20, REFERENCES, "20 of 20 translations are empty"),
        (
            ["<unk> <unk> the <unk>"] * 20,
            REFERENCES,
            "60 of 80 words of the translations are <unk>",
        ),
        (["is is the"] * 15 + REFERENCES[:5], REFERENCES, "15 of 20 translations are 'is is the'"),
        (
            [f"maison {n} rouge" for n in "abcdefghijklmnopqrst"],
            REFERENCES,
            "0 of 60 words of the translations occur in any reference",
        ),
        (
            [f"{n} the the the the the the" for n in range(20)],
            REFERENCES,
            "say the same words again and again",
        ),
        (REFERENCES, ["", *REFERENCES[1:9], *[" "] * 11], "12 of 20 references are empty"),
        (REFERENCES[::-1], REFERENCES, "no four words in a row are right"),
    ],
)
def test_the_reason(hypotheses: list[str], references: list[str], reason: str) -> None:
    assert reason in explain_zero(hypotheses, references)
