import shutil
import subprocess

import pytest

from hat.text.compound_split import split_compounds

EXAMPLES = [
    ("rich-text format", "rich ##AT##-##AT## text format"),
    ("vingt-et-un", "vingt ##AT##-##AT## et ##AT##-##AT## un"),
    ("a-b-c", "a ##AT##-##AT## b-c"),  # matches do not overlap
    ("no - hyphen inside -", "no - hyphen inside -"),
    ("-5 Grad", "-5 Grad"),
    ("Nord- und Süd-", "Nord- und Süd-"),
    ("x--y", "x ##AT##-##AT## -y"),
    ("", ""),
]


@pytest.mark.parametrize(("line", "expected"), EXAMPLES)
def test_known_examples(line: str, expected: str) -> None:
    assert split_compounds(line) == expected


@pytest.mark.skipif(shutil.which("perl") is None, reason="needs perl")
def test_equals_the_original_perl_expression() -> None:
    lines = [line for line, _ in EXAMPLES if line]
    output = subprocess.run(
        ["perl", "-CSD", "-ple", r"s{(\S)-(\S)}{$1 ##AT##-##AT## $2}g"],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert output.splitlines() == [split_compounds(line) for line in lines]
