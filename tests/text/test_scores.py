import subprocess
import sys
from pathlib import Path

import pytest

from hat.errors import ConfigError, DataError
from hat.text.scores import score_translations

REFERENCES = [
    "Ein Mann mit Hut-Band steht vor einem Haus , und ein Hund sitzt daneben .",
    "Zwei junge Frauen spielen Fußball im Stadt-Park .",
    "Die Katze schläft .",
]
HYPOTHESES = [
    "Ein Mann mit Hut-Band steht vor dem Haus , und der Hund sitzt daneben .",
    "Zwei Frauen spielen Fußball im Stadt-Park .",
    "Die Katze schläft .",
]


def test_equal_texts_get_full_marks() -> None:
    for metric in ("normal", "sacre"):
        score = score_translations(REFERENCES, REFERENCES, metric=metric)
        assert score.bleu == pytest.approx(100)
        assert score.chrf == pytest.approx(100)
        assert score.exact_match == 1
        assert score.sentences == 3


def test_exact_match_is_a_share() -> None:
    assert score_translations(HYPOTHESES, REFERENCES).exact_match == pytest.approx(1 / 3)


def test_normal_counts_the_parts_of_compounds() -> None:
    wrong_half = score_translations(["a b c d Hut-Rand"], ["a b c d Hut-Band"])
    # five hypothesis tokens become seven: "Hut", the hyphen and a wrong "Rand"
    assert "hyp_len = 7" in wrong_half.bleu_details
    assert "85.7/83.3/80.0/75.0" in wrong_half.bleu_details


def test_normal_is_zero_without_a_common_four_gram() -> None:
    assert score_translations(["a b c x"], ["a b c d"]).bleu == 0


def test_normal_equals_fairseqs_scorer() -> None:
    bleu = pytest.importorskip("fairseq.scoring.bleu")
    from fairseq.data import Dictionary

    from hat.text.compound_split import split_compounds

    dictionary = Dictionary()
    config = bleu.BleuConfig(pad=dictionary.pad(), eos=dictionary.eos(), unk=dictionary.unk())
    scorer = bleu.Scorer(config)
    for hypothesis, reference in zip(HYPOTHESES, REFERENCES, strict=True):
        words = [
            dictionary.encode_line(split_compounds(line), append_eos=True)
            for line in (reference, hypothesis)
        ]
        scorer.add(*(tokens.int() for tokens in words))
    ours = score_translations(HYPOTHESES, REFERENCES).bleu
    assert ours == pytest.approx(scorer.score(), abs=0.01)


def test_sacre_equals_the_sacrebleu_command(tmp_path: Path) -> None:
    (tmp_path / "hyp").write_text("\n".join(HYPOTHESES) + "\n", encoding="utf-8")
    (tmp_path / "ref").write_text("\n".join(REFERENCES) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "sacrebleu", "ref", "-i", "hyp", "-m", "bleu", "chrf"]
    command += ["--format", "text", "--width", "4"]
    output = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    output = [line.strip() for line in output]
    ours = score_translations(HYPOTHESES, REFERENCES, metric="sacre")
    assert output[0].startswith(f"BLEU|{ours.signature} = {ours.bleu:.4f} ")
    assert output[1] == f"chrF2|{ours.chrf_signature} = {ours.chrf:.4f}"


def test_signatures_tell_the_metrics_apart() -> None:
    normal = score_translations(HYPOTHESES, REFERENCES, metric="normal").signature
    sacre = score_translations(HYPOTHESES, REFERENCES, metric="sacre").signature
    assert "tok:none" in normal and normal.endswith("|split:compounds")
    assert "tok:13a" in sacre and "version:" in sacre


def test_errors_say_what_is_wrong() -> None:
    with pytest.raises(DataError, match="2 translations, but 1 reference"):
        score_translations(["a", "b"], ["a"])
    with pytest.raises(DataError, match="no translations to score"):
        score_translations([], [])
    with pytest.raises(ConfigError, match="must be normal or sacre, but found 'bleu'"):
        score_translations(["a"], ["a"], metric="bleu")
