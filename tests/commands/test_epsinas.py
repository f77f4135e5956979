import argparse
import csv
import json

import numpy as np
import pytest

from hat.arch.hat_yaml import arch_to_mapping
from hat.arch.nb201_cell import sample_nb201
from hat.commands.epsinas import main
from hat.conditions import file_digest
from hat.studies.epsinas.integrate import _score_parts
from tests.conftest import MADE_DATA

pytestmark = pytest.mark.stage


def run(capsys, *argv):
    """Runs a command and returns what it printed and its result."""
    main([str(word) for word in argv])
    lines = capsys.readouterr().out.strip().splitlines()
    return "\n".join(lines[:-1]), json.loads(lines[-1])


def fails(capsys, *argv):
    """Runs a command that must end with code 2 and returns its sentence."""
    with pytest.raises(SystemExit) as error:
        main([str(word) for word in argv])
    assert error.value.code == 2
    return capsys.readouterr().err.strip()


@pytest.fixture
def nb201_table(tmp_path, rng):
    path = tmp_path / "nb201.csv"
    header = (
        "arch,cifar10_test_accuracy,cifar100_test_accuracy,num_params,epsinas_cifar10_reference"
    )
    cells = sorted({sample_nb201(rng) for _ in range(24)}, key=str)
    rows = [
        f"{cell},{80 + index / 10},{50 + index / 10},{cell.num_params(num_classes=1)},"
        for index, cell in enumerate(cells)
    ]
    rows[0] += "0.5"
    rows[1] += "0.25"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_nasbench201(capsys, tmp_path, nb201_table):
    out, plot = tmp_path / "scores.csv", tmp_path / "plot.png"
    text, result = run(
        capsys, "nasbench201", "--data", nb201_table, "--batch", 4, "--out", out, "--plot", plot
    )
    assert "coverage" in text
    by_name = {(r["truth"], r["score"]): r for r in result["rankings"]}
    assert by_name["cifar10", "epsinas, lent skips"]["coverage"] == 1.0
    assert by_name["cifar10", "epsinas"]["coverage"] < 1.0
    assert "weights:1e-07,1" in result["signature"]
    assert "readout:pooled" in result["signature"]
    with open(out) as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == result["architectures"]
    assert sum(row["epsinas"] == "" for row in rows) > 0
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_two_architectures_are_too_few_for_some_figures(capsys, tmp_path, nb201_table):
    short = tmp_path / "short.csv"
    header, *rows = nb201_table.read_text().splitlines()
    short.write_text("\n".join([header, *rows[1:3]]) + "\n")  # one of the authors' scores
    _, result = run(capsys, "nasbench201", "--data", short, "--batch", 4)
    assert result["architectures"] == 2
    assert result["spearman_with_authors_scores"] is None


def test_searches_with_saved_scores(capsys, tmp_path, nb201_table, monkeypatch):
    out = tmp_path / "scores.csv"
    run(capsys, "nasbench201", "--data", nb201_table, "--batch", 4, "--out", out)
    message = fails(capsys, "integrate", "--data", nb201_table, "--scores", out)
    assert "integrate needs all 15625 cells" in message


def test_search_weights(capsys):
    text, result = run(capsys, "search-weights", "nasbench201", "--samples", 12, "--batch", 4)
    assert result["weights"][0] < result["weights"][1]
    assert result["missing"] < 0.1
    assert "1e-07 and 1:" in text


@pytest.fixture
def bleu_table(tmp_path, rng, tiny_space):
    path = tmp_path / "bleu.csv"
    with open(path, "w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["task", "arch", "scratch_test_BLEU", "other"])
        for index in range(12):
            arch = json.dumps(arch_to_mapping(tiny_space.sample(rng)))
            writer.writerow(["a" if index % 2 else "b", arch, 20 + rng.uniform(), index])
    return path


def test_subtransformers(capsys, bleu_table):
    text, result = run(
        capsys, "subtransformers", "--data", bleu_table, "--qkv-dim", 16, "--variants",
        "--column", "other", "--seeds", 2,
    )  # fmt: skip
    assert [task["task"] for task in result["tasks"]] == ["b", "a"]
    rankings = {row["score"]: row for row in result["tasks"][0]["rankings"]}
    assert rankings["epsinas"]["coverage"] == 1.0
    assert rankings["  layer, both"]["coverage"] == 0.0
    assert rankings["  tokens, both"]["kendall"] == rankings["epsinas"]["kendall"]
    assert {"params", "decoder_depth", "other"} <= rankings.keys()
    assert "tau | depth" in rankings["epsinas"]
    assert "epsinas over 2 batches: tau" in text


def test_ablation_of_subtransformers(capsys, bleu_table):
    _, result = run(capsys, "ablate", "subtransformers", "--data", bleu_table)
    choices = {row["choice"] for row in result["outcomes"]}
    assert choices == {"large constant", "small constant", "batch"}
    _, result = run(capsys, "ablate", "subtransformers", "--data", bleu_table, "--choice", "batch")
    assert {row["choice"] for row in result["outcomes"]} == {"batch"}
    message = fails(
        capsys, "ablate", "subtransformers", "--data", bleu_table, "--choice", "batches"
    )
    assert "unknown choice 'batches'; did you mean 'batch'?" in message


@pytest.fixture
def recipes(tmp_path):
    path = tmp_path / "recipes.json"
    operations = ("activation_tanh", "activation_sigm", "activation_leaky_relu")
    entries = [
        {
            "recepie_id": index,
            "recepie": {
                "a": {"op": "linear", "input": ["x", "h_prev_0"]},
                "h_new_0": {"op": operation, "input": ["a"]},
            },
            "wt2_best_test_loss": 5.0 + index,
            "ptb_test_loss": 4.0 + index,
            "wt2_num_params": 1,
        }
        for index, operation in enumerate(operations)
    ]
    path.write_text(json.dumps(entries))
    return path


def test_nasbench_nlp_directly(capsys, recipes):
    _, result = run(
        capsys, "nasbench-nlp", "--data", recipes, "--steps", 5, "--sentences", 3,
        "--direct", "float64",
    )  # fmt: skip
    rankings = {(row["truth"], row["score"]): row for row in result["rankings"]}
    twin = rankings["PTB test loss", "epsinas"]
    assert twin["num_scored"] == 3
    assert {**rankings["PTB test loss", "epsinas, direct float64"], "score": "epsinas"} == twin


def test_nasbench_nlp_takes_its_words_from_a_text(capsys, tmp_path, recipes):
    plain, odd, short = tmp_path / "plain", tmp_path / "odd", tmp_path / "short"
    plain.write_bytes(b"a b c d\ne f g h\n")
    odd.write_bytes("\ufeffa\x00b\u2028c d\r\ne\u200bf g\rh".encode())
    short.write_bytes(b"a b\n\xff\n")
    options = ("nasbench-nlp", "--data", recipes, "--steps", 4, "--sentences", 2, "--text")
    text, result = run(capsys, *options, odd)
    assert text.startswith("blanks: 2 of 2 lines changed")
    assert result["rankings"] == run(capsys, *options, plain)[1]["rankings"]
    assert "short: is not UTF-8 (byte 4): found 0xff in line 2" in fails(capsys, *options, short)


def test_nasbench_nlp_gives_the_scores_of_other_code(capsys, data):
    """The reference of the made files is a plain loop, that of the real ones the authors' code."""
    folder = data / "nasbench_nlp"
    reference = json.loads((folder / "epsinas_reference.json").read_text())
    _, result = run(
        capsys, "nasbench-nlp", "--data", folder / "recepie_loss_pairs.json",
        "--reference", folder / "epsinas_reference.json",
        "--steps", reference["bptt"], "--sentences", reference["batch_size"],
    )  # fmt: skip
    assert result["reference"]["recipes"] == len(reference["scores"])
    # float32 against float64; some of the real outputs are float32 noise.
    assert result["reference"]["median_difference_float64"] < (5e-5 if data == MADE_DATA else 5e-3)


def test_nasbench_nlp_on_words_of_a_text(capsys, data):
    folder = data / "nasbench_nlp"
    words = ["--text", data / "wikitext2" / "valid.txt", "--steps", 10, "--sentences", 8]
    recipes = ["nasbench-nlp", "--data", folder / "recepie_loss_pairs.json", "--limit", 5]
    _, result = run(capsys, *recipes, *words)
    assert "batch:valid.txt|" in result["signature"]
    assert result["rankings"][0]["num_scored"] == 5
    message = fails(capsys, *recipes, *words[:2], "--steps", 10, "--sentences", 10**6)
    assert "valid.txt: 10000000 words are needed, but it has" in message


def test_nasbench_nlp_against_reference_scores(capsys, tmp_path, recipes):
    reference = tmp_path / "reference.json"
    reference.write_text(json.dumps({"scores": [{"recepie_id": 0, "epsinas": 0.1}]}))
    text, result = run(
        capsys, "nasbench-nlp", "--data", recipes, "--steps", 5, "--sentences", 3,
        "--direct", "float32", "--reference", reference,
    )  # fmt: skip
    rankings = {(row["truth"], row["score"]): row for row in result["rankings"]}
    assert rankings["PTB test loss", "epsinas, direct float32"]["num_scored"] == 1
    assert result["reference"]["recipes"] == 1
    assert "authors' code" in text
    assert result["reference"]["without_score"] == 0
    reference.write_text("[]")
    message = fails(capsys, "nasbench-nlp", "--data", recipes, "--reference", reference)
    assert "is no file of reference scores" in message


def test_reference_scores_that_are_missing_are_counted(capsys, tmp_path, recipes):
    reference = tmp_path / "reference.json"
    found = [0.1, None, 0.0, float("nan")]
    rows = [{"recepie_id": id, "epsinas": score} for id, score in enumerate(found)]
    reference.write_text(json.dumps({"scores": rows}))
    flags = ("nasbench-nlp", "--data", recipes, "--steps", 5, "--sentences", 3)
    text, result = run(capsys, *flags, "--direct", "float32", "--reference", reference)
    assert f"{reference}: 2 of 4 recipes have no score there" in text
    assert result["reference"]["without_score"] == 2
    assert result["reference"]["recipes"] == 2
    assert result["reference"]["median_difference_float64"] > 0  # of the one that is not 0
    reference.write_text(json.dumps({"scores": rows[1:2]}))
    message = fails(capsys, *flags, "--reference", reference)
    assert "holds no score to compare with" in message


def test_a_signature_of_scores_from_a_file_says_so(capsys, tmp_path):
    args = argparse.Namespace(
        scores=tmp_path / "a.csv", data=tmp_path / "b.csv", seed=0, images="noise", batch=4
    )
    for path in (args.scores, args.data):
        path.write_text(path.name)
    assert _score_parts(args) == {
        "data": file_digest(args.data),
        "scores": file_digest(args.scores),
        "seed": 0,
    }


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["nasbench201", "--data", "none.csv"], "error: none.csv: cannot be read"),
        (["nasbench-nlp", "--data", "none.json"], "error: none.json: cannot be read"),
        (["search-weights", "nasbench-nlp"], "error: search-weights nasbench-nlp needs --data"),
        (
            ["nasbench201", "--data", "x", "--weights", "1,1e-7"],
            "--weights must be finite with LOW < HIGH, but found '1,1e-7'",
        ),
    ],
)
def test_wrong_input_is_one_clear_sentence(capsys, argv, message):
    assert message in fails(capsys, *argv)


def test_a_column_that_is_not_there(capsys, bleu_table):
    message = fails(
        capsys, "subtransformers", "--data", bleu_table, "--target", "scratch_test_BELU"
    )
    assert "has no column of numbers 'scratch_test_BELU'; did you mean" in message


def test_scores_are_the_same_in_any_order(capsys, tmp_path, nb201_table, rng):
    lines = nb201_table.read_text().splitlines()
    shuffled = tmp_path / "shuffled.csv"
    order = rng.permutation(len(lines) - 1) + 1
    shuffled.write_text("\n".join([lines[0], *(lines[index] for index in order)]) + "\n")
    results = [
        run(capsys, "nasbench201", "--data", path, "--batch", 4)[1]
        for path in (nb201_table, shuffled)
    ]
    figures = [[row["kendall"] for row in result["rankings"]] for result in results]
    np.testing.assert_array_equal(
        np.array(figures[0], dtype=float), np.array(figures[1], dtype=float)
    )
