from pathlib import Path

import pytest

from hat.errors import DataError
from hat.text.generation_log import read_generation_logs

LOG = """2026-01-01 | INFO | fairseq_cli.generate | {'task': 'translation'}
S-1\tthe dog
T-1\tder Hund
H-1\t-0.25\tein Hund
D-1\t-0.25\tein Hund
P-1\t-0.1 -0.4
H-1\t-0.75\tdie Hunde
S-0\tnothing
T-0\tnichts
H-0\t-0.5\t
2026-01-01 | INFO | fairseq_cli.generate | Translated 2 sentences
"""


def write(folder: Path, text: str, name: str = "gen.out") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_reads_best_translations_in_corpus_order(tmp_path: Path) -> None:
    log = read_generation_logs([write(tmp_path, LOG)])
    assert log.hypotheses == ("", "ein Hund")
    assert log.references == ("nichts", "der Hund")


def test_shards_join(tmp_path: Path) -> None:
    first = write(tmp_path, "T-1\tb\nH-1\t0\tB\n", "a")
    second = write(tmp_path, "T-0\ta\nH-0\t0\tA\n", "b")
    assert read_generation_logs([first, second]).hypotheses == ("A", "B")
    with pytest.raises(DataError, match="sentence 1 stands in another log too"):
        read_generation_logs([first, first])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing here\n", "no translations"),
        (LOG.replace("H-0", "X-0"), "translations of 1 sentences are missing, .* sentence 0"),
        (LOG.replace("T-0", "X-0"), "references of 1 sentences are missing, .* sentence 0"),
        (LOG + "T-2\tmehr\n", "2 translations, but 3 references"),
        (LOG + "T-0\tnichts\n", "gen.out:12: a second reference of sentence 0"),
        (LOG.replace("-0.25\tein", "ein"), "gen.out:4: expected 'H-id<tab>score<tab>translation'"),
    ],
)
def test_incomplete_logs_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_generation_logs([write(tmp_path, text)])


def test_fields_are_text_under_the_rule(tmp_path: Path) -> None:
    log = read_generation_logs([write(tmp_path, "T-0\ta\u2028b\x85 c\r\nH-0\t-1\ta\tb\u3000c \n")])
    assert log.hypotheses == log.references == ("a b c",)
