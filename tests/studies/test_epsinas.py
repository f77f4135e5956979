import csv
import json
from pathlib import Path

import numpy as np
import pytest

from hat.arch.hat_yaml import arch_to_mapping
from hat.arch.nb201_cell import Nb201Cell, sample_nb201
from hat.conditions import file_digest
from hat.errors import ConfigError, DataError, HatError
from hat.studies.epsinas import (
    ablate,
    integrate,
    nasbench_nlp,
    search_weights,
    subtransformers,
)
from hat.studies.epsinas.ablate import AblateSettings
from hat.studies.epsinas.common import ImageSettings, ModelSettings
from hat.studies.epsinas.convolutions import (
    ConvolutionSettings,
    Nb101Settings,
    VariedBatches,
    nasbench101,
    nasbench201,
)
from hat.studies.epsinas.integrate import IntegrateSettings
from hat.studies.epsinas.nasbench_nlp import RecipeSettings
from hat.studies.epsinas.search_weights import SearchWeightsSettings, SmallBatch
from hat.studies.epsinas.subtransformers import SubtransformerSettings
from tests.conftest import MADE_DATA

SMALL = ImageSettings(batch=4)


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
    result = nasbench201(ConvolutionSettings(data=nb201_table, pictures=SMALL, out=out, plot=plot))
    assert "coverage" in capsys.readouterr().out
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


def test_two_architectures_are_too_few_for_some_figures(tmp_path, nb201_table):
    short = tmp_path / "short.csv"
    header, *rows = nb201_table.read_text().splitlines()
    short.write_text("\n".join([header, *rows[1:3]]) + "\n")  # one of the authors' scores
    result = nasbench201(ConvolutionSettings(data=short, pictures=SMALL))
    assert result["architectures"] == 2
    assert result["spearman_with_authors_scores"] is None


def test_a_published_table_has_no_scores_to_compare_with(tmp_path, nb201_table):
    path = tmp_path / "published.csv"
    lines = nb201_table.read_text().splitlines()
    path.write_text("\n".join(line.rpartition(",")[0] for line in lines) + "\n")
    result = nasbench201(ConvolutionSettings(data=path, pictures=SMALL))
    by_name = {(r["truth"], r["score"]): r for r in result["rankings"]}
    assert by_name["cifar10", "epsinas, authors' scores"]["coverage"] == 0.0
    assert by_name["cifar10", "epsinas, lent skips"]["coverage"] == 1.0


def test_searches_need_all_cells(nb201_table):
    with pytest.raises(DataError, match="integrate needs all 15625 cells"):
        integrate.run(IntegrateSettings(data=nb201_table))


def test_searches_say_where_their_scores_come_from(monkeypatch, tmp_path):
    """Scores from a file speak for themselves, whatever the other settings say."""
    table = MADE_DATA / "nasbench201" / "nasbench201.csv.gz"
    monkeypatch.setattr(integrate, "NUM_CELLS", 240)
    monkeypatch.setattr(Nb201Cell, "neighbours", lambda cell: [cell])
    scores = tmp_path / "scores.csv"
    nasbench201(ConvolutionSettings(data=table, pictures=SMALL, out=scores))

    def signature(**values: object) -> str:
        settings = IntegrateSettings(data=table, rounds=1, models=64, **values)
        return integrate.run(settings)["signature"]

    found = signature(scores=scores)
    data = f"benchmark:nasbench201|data:{file_digest(table)}"
    assert found.startswith(f"{data}|scores:{file_digest(scores)}|seed:0|models:64|")
    assert signature(scores=scores, weights=(1e-5, 1.0)) == found
    assert "|weights:1e-07,1|batch:photographs-4|" in signature(pictures=SMALL)


def test_search_weights(capsys):
    settings = SearchWeightsSettings(samples=12, pictures=SmallBatch(batch=4))
    result = search_weights.run("nasbench201", settings)
    assert result["weights"][0] < result["weights"][1]
    assert result["missing"] < 0.1
    assert "1e-07 and 1:" in capsys.readouterr().out


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
    result = subtransformers.run(
        SubtransformerSettings(
            data=bleu_table,
            model=ModelSettings(qkv_dim=16),
            variants=True,
            column=("other",),
            seeds=2,
        )
    )
    assert [task["task"] for task in result["tasks"]] == ["b", "a"]
    rankings = {row["score"]: row for row in result["tasks"][0]["rankings"]}
    assert rankings["epsinas"]["coverage"] == 1.0
    assert rankings["  layer, both"]["coverage"] == 0.0
    assert rankings["  tokens, both"]["kendall"] == rankings["epsinas"]["kendall"]
    assert {"params", "decoder_depth", "other"} <= rankings.keys()
    assert "tau | depth" in rankings["epsinas"]
    assert "epsinas over 2 batches: tau" in capsys.readouterr().out


def test_ablation_of_subtransformers(bleu_table):
    result = ablate.run("subtransformers", AblateSettings(data=bleu_table))
    choices = {row["choice"] for row in result["outcomes"]}
    assert choices == {"large constant", "small constant", "batch"}
    result = ablate.run("subtransformers", AblateSettings(data=bleu_table, choice=("batch",)))
    assert {row["choice"] for row in result["outcomes"]} == {"batch"}
    with pytest.raises(ConfigError, match="unknown choice 'batches'; did you mean 'batch'"):
        ablate.run("subtransformers", AblateSettings(data=bleu_table, choice=("batches",)))


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


def test_nasbench_nlp_directly(recipes):
    result = nasbench_nlp.run(RecipeSettings(data=recipes, steps=5, sentences=3, direct="float64"))
    rankings = {(row["truth"], row["score"]): row for row in result["rankings"]}
    twin = rankings["PTB test loss", "epsinas"]
    assert twin["num_scored"] == 3
    assert {**rankings["PTB test loss", "epsinas, direct float64"], "score": "epsinas"} == twin


def test_nasbench_nlp_against_reference_scores(capsys, tmp_path, recipes):
    reference = tmp_path / "reference.json"
    reference.write_text(json.dumps({"scores": [{"recepie_id": 0, "epsinas": 0.1}]}))
    settings = RecipeSettings(
        data=recipes, steps=5, sentences=3, direct="float32", reference=reference
    )
    result = nasbench_nlp.run(settings)
    rankings = {(row["truth"], row["score"]): row for row in result["rankings"]}
    assert rankings["PTB test loss", "epsinas, direct float32"]["num_scored"] == 1
    assert (result["reference"]["recipes"], result["reference"]["without_score"]) == (1, 0)
    assert "authors' code" in capsys.readouterr().out
    reference.write_text("[]")
    with pytest.raises(HatError, match="is no file of reference scores"):
        nasbench_nlp.run(settings)


def test_reference_scores_that_are_missing_are_counted(capsys, tmp_path, recipes):
    reference = tmp_path / "reference.json"
    found = [0.1, None, 0.0, float("nan")]
    rows = [{"recepie_id": id, "epsinas": score} for id, score in enumerate(found)]
    reference.write_text(json.dumps({"scores": rows}))
    settings = RecipeSettings(
        data=recipes, steps=5, sentences=3, direct="float32", reference=reference
    )
    result = nasbench_nlp.run(settings)
    assert f"{reference}: 2 of 4 recipes have no score there" in capsys.readouterr().out
    assert result["reference"]["without_score"] == 2
    assert result["reference"]["recipes"] == 2
    assert result["reference"]["median_difference_float64"] > 0  # of the one that is not 0
    reference.write_text(json.dumps({"scores": rows[1:2]}))
    with pytest.raises(DataError, match="holds no score to compare with"):
        nasbench_nlp.run(settings)


def test_nasbench_nlp_gives_the_scores_of_other_code(data):
    """The reference of the made files is a plain loop, that of the real ones the authors' code."""
    folder = data / "nasbench_nlp"
    path = folder / "epsinas_reference.json"
    reference = json.loads(path.read_text())
    steps, sentences = reference["bptt"], reference["batch_size"]
    recipes = folder / "recepie_loss_pairs.json"
    result = nasbench_nlp.run(
        RecipeSettings(data=recipes, reference=path, steps=steps, sentences=sentences)
    )
    assert result["reference"]["recipes"] == len(reference["scores"])
    # float32 against float64; some of the real outputs are float32 noise.
    assert result["reference"]["median_difference_float64"] < (5e-5 if data == MADE_DATA else 5e-3)


def test_words_of_a_text(capsys, tmp_path, recipes):
    def rankings(content: bytes) -> object:
        (tmp_path / "text").write_bytes(content)
        settings = RecipeSettings(data=recipes, steps=4, sentences=2, text=tmp_path / "text")
        return nasbench_nlp.run(settings)["rankings"]

    odd = rankings("\ufeffa\x00b\u2028c d\r\ne\u200bf g\rh".encode())
    assert capsys.readouterr().out.startswith("blanks: 2 of 2 lines changed")
    assert odd == rankings(b"a b c d\ne f g h\n")
    with pytest.raises(HatError, match=r"text: is not UTF-8 \(byte 4\): found 0xff in line 2"):
        rankings(b"a b\n\xff\n")


def test_a_text_counts_by_its_content(data, tmp_path):
    text = data / "wikitext2" / "valid.txt"
    size = {"data": data / "nasbench_nlp" / "recepie_loss_pairs.json", "limit": 5, "steps": 10}

    def signature(path: Path) -> str:
        result = nasbench_nlp.run(RecipeSettings(**size, sentences=8, text=path))
        assert result["rankings"][0]["num_scored"] == 5
        return result["signature"]

    first = signature(text)
    assert f"|batch:text-10x8|text:{file_digest(text)}|" in first
    copy = tmp_path / "copy"
    copy.write_bytes(text.read_bytes())
    assert signature(copy) == first
    copy.write_bytes(b"one " + text.read_bytes())
    assert signature(copy) != first
    message = "valid.txt: 10000000 words are needed, but it has"
    with pytest.raises(DataError, match=message):
        nasbench_nlp.run(RecipeSettings(**size, sentences=10**6, text=text))


def test_signatures_hold_the_logs_the_reference_and_the_limit():
    folder = MADE_DATA / "nasbench_nlp"
    reference = folder / "epsinas_reference.json"
    plain = {"data": folder / "recepie_loss_pairs.json", "limit": 4, "steps": 2, "sentences": 2}
    logs = folder / "logs_wikitext2.zip"
    changes = ({}, {"logs": logs}, {"reference": reference}, {"limit": 5})
    found = [nasbench_nlp.run(RecipeSettings(**plain | c))["signature"] for c in changes]
    assert len(set(found)) == 4
    assert f"|data:{file_digest(plain['data'])}+{file_digest(logs)}|" in found[1]
    assert f"|reference:{file_digest(reference)}|" in found[2]


@pytest.mark.parametrize("weights", [(1.0, 1e-7), (1.0,), (0.0, 1.0, 2.0), (1.0, 1.0)])
@pytest.mark.parametrize("kind", [ConvolutionSettings, RecipeSettings, SubtransformerSettings])
def test_constants_ascend(kind, weights):
    with pytest.raises(ConfigError, match="weights must be LOW,HIGH with LOW < HIGH, but found"):
        kind(data="x", weights=weights)


def test_a_column_that_is_not_there(bleu_table):
    settings = SubtransformerSettings(data=bleu_table, target="scratch_test_BELU")
    with pytest.raises(DataError, match=r"no column of numbers 'scratch_test_BELU'; did you mean"):
        subtransformers.run(settings)


def test_search_weights_of_recipes_needs_recipes():
    with pytest.raises(ConfigError, match="search-weights nasbench-nlp needs --data"):
        search_weights.run("nasbench-nlp", SearchWeightsSettings())


def test_scores_are_the_same_in_any_order(tmp_path, nb201_table, rng):
    lines = nb201_table.read_text().splitlines()
    shuffled = tmp_path / "shuffled.csv"
    order = rng.permutation(len(lines) - 1) + 1
    shuffled.write_text("\n".join([lines[0], *(lines[index] for index in order)]) + "\n")
    results = [
        nasbench201(ConvolutionSettings(data=path, pictures=SMALL))
        for path in (nb201_table, shuffled)
    ]
    figures = [[row["kendall"] for row in result["rankings"]] for result in results]
    np.testing.assert_array_equal(
        np.array(figures[0], dtype=float), np.array(figures[1], dtype=float)
    )


def test_nasbench101(capsys, tmp_path):
    out, plot = tmp_path / "scores.csv", tmp_path / "plot.png"
    table = MADE_DATA / "nasbench101" / "sample_1k.jsonl.gz"
    pictures = VariedBatches(images="scaled-photographs", batch=16, seeds=2)
    settings = Nb101Settings(data=table, pictures=pictures, limit=12, out=out, plot=plot)
    result = nasbench101(settings)
    rankings = {row["score"]: row for row in result["rankings"]}
    assert {row["truth"] for row in result["rankings"]} == {"validation_accuracy"}
    assert rankings["epsinas, all cells"]["coverage"] == 1.0
    same = rankings["epsinas"]["coverage"]
    assert 0 < same < 1
    assert rankings["parameters, same cells"]["coverage"] == same
    assert rankings["parameters"]["partial"] is None
    assert -1 < rankings["epsinas, all cells"]["partial"] < 1
    row = {row["score"]: row for row in result["batches"]}["epsinas, all cells"]
    assert (row["num_batches"], row["coverage"]) == (2, 1.0)
    assert row["spearman_least"] < row["spearman"] < row["spearman_greatest"]
    assert "greatest" in capsys.readouterr().out
    for part in ("weights:0.0001,10", "batch:scaled-photographs-16", "seed:0", "seeds:2"):
        assert f"|{part}|" in result["signature"]
    with open(out) as stream:
        rows = list(csv.DictReader(stream))
    assert sum(row["epsinas"] != "" for row in rows) == rankings["epsinas"]["num_scored"]
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_nasbench101_by_test_accuracy_where_the_table_has_it():
    table = MADE_DATA / "nasbench101" / "format_sample.h5"
    pictures = VariedBatches(images="noise", batch=4, seeds=1)
    result = nasbench101(Nb101Settings(data=table, pictures=pictures))
    for figures in (result["rankings"], result["batches"]):
        assert {row["truth"] for row in figures} == {"validation_accuracy", "test_accuracy"}


def test_ablation_of_nasbench101():
    table = MADE_DATA / "nasbench101" / "sample_1k.jsonl.gz"
    settings = AblateSettings(data=table, limit=8, choice=("weights",))
    result = ablate.run("nasbench101", settings)
    coverage = {row["value"]: row["coverage"] for row in result["outcomes"]}
    assert coverage["1e-07,1"] == 0.0  # every module projects its input, which is too much
    assert 0 < coverage["0.0001,10"] < coverage["0.1,10"] == 1.0
    assert coverage["0.0001,10, all cells"] == 1.0


def test_cells_of_nasbench101_need_no_lent_skip():
    settings = SearchWeightsSettings(lend_skip=True, pictures=SmallBatch(batch=2))
    with pytest.raises(ConfigError, match="--lend-skip is for nasbench201"):
        search_weights.run("nasbench101", settings)
