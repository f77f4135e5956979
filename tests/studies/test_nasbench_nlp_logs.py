"""The study of recurrent cells from published logs alone, and going on where it was cut off."""

import csv
import json
import math
import zipfile

import numpy as np
import pytest

from hat.conditions import file_digest
from hat.errors import ConfigError, DataError, HatError
from hat.formats.plain_pickle import read_plain_pickle
from hat.report.kept_scores import kept_scores, state_path
from hat.scoring.cell_scores import score_recipe
from hat.studies.epsinas import common, nasbench_nlp
from hat.studies.epsinas.nasbench_nlp import RecipeSettings
from tests.conftest import MADE_DATA

HOME = MADE_DATA / "nasbench_nlp"
MULTI_RUNS = HOME / "train_logs_multi_runs.zip"
RESULTS = HOME / "epsinas_multi_runs.pickle"
SMALL = {"steps": 5, "sentences": 3}


def rows_of(path):
    with open(path) as stream:
        return list(csv.DictReader(stream))


def test_several_runs_give_what_the_second_notebook_gives(capsys, tmp_path):
    """Scores, losses and parameters of the made result file are computed without our code."""
    out = tmp_path / "scores.csv"
    settings = RecipeSettings(logs=MULTI_RUNS, multi=True, sentences=4, reference=RESULTS, out=out)
    result = nasbench_nlp.run(settings)
    printed = capsys.readouterr().out
    assert f"{MULTI_RUNS}: 5 of 12 logs have no last test loss" in printed
    assert f"words of {HOME}/data/ptb, the corpus that the logs name" in printed
    assert (result["logs"], result["logs_without_loss"], result["architectures"]) == (12, 5, 4)
    reference = result["reference"]
    assert (reference["recipes"], reference["median_difference_float64"]) == (4, 0.0)
    assert reference["without_score"] == reference["ambiguous"] == 0
    assert "|data:" in result["signature"] and "|multi:True|" in result["signature"]
    assert "|batch:text-70x4|text:" in result["signature"]

    expected = read_plain_pickle(RESULTS)
    rows = rows_of(out)
    assert [row["id"] for row in rows] == ["1000000", "1000213", "1000426", "1000639"]
    assert rows[1]["ids"] == "1000213 1002213 1004213"
    assert [(row["runs"], row["runs_with_loss"]) for row in rows] == [
        ("3", "2"),  # one diverged
        ("3", "2"),  # one failed before its first epoch ended
        ("3", "3"),
        ("3", "0"),  # the key is not there
    ]
    for row, place in zip(rows, (1, 3, 0, 2), strict=True):  # the file's rows are shuffled
        assert float(row["parameters"]) == expected["nparams"][place]
        assert float(row["epsinas"]) == pytest.approx(expected["score"][place], rel=1e-5)
        for name, key in (("mean", "accs_mean"), ("least", "accs_min"), ("greatest", "accs_max")):
            found = float(row[f"{name} last test loss"] or "nan")
            np.testing.assert_equal(found, float(expected[key][place]))
    assert not state_path(out).exists()


def test_each_log_counts_where_seeds_are_not_put_together(capsys, tmp_path):
    out = tmp_path / "scores.csv"
    result = nasbench_nlp.run(RecipeSettings(logs=MULTI_RUNS, sentences=4, out=out))
    assert "12 logs of 4 recipes; --multi puts the seeds together" in capsys.readouterr().out
    assert result["architectures"] == 12
    assert {row["truth"] for row in result["rankings"]} == {"last test loss"}
    assert result["rankings"][0]["num_scored"] == 7  # of the logs with a loss
    rows = rows_of(out)
    assert len({row["log"] for row in rows}) == 12
    assert len({row["epsinas"] for row in rows}) == 4
    first = nasbench_nlp.run(RecipeSettings(logs=MULTI_RUNS, sentences=4, limit=2))
    assert (first["architectures"], first["logs"]) == (2, 2)
    assert "|limit:2|" in first["signature"]


def test_logs_and_the_table_made_of_them_give_the_same_scores(capsys, tmp_path, data):
    """On random words, and on the same words."""
    home, scores = data / "nasbench_nlp", []
    logs, table = home / "logs_wikitext2.zip", home / "recepie_loss_pairs.json"
    text = data / "wikitext2" / "valid.txt"
    for source in ({"logs": logs}, {"data": table}):
        for words in ({}, {"text": text}):
            out = tmp_path / "out.csv"
            nasbench_nlp.run(RecipeSettings(**source, **words, **SMALL, limit=20, out=out))
            scores.append({row["id"]: row["epsinas"] for row in rows_of(out)})
    assert "random words: data/wikitext-2, the corpus that the logs name, is not here" in (
        capsys.readouterr().out
    )
    assert scores[:2] == scores[2:] and scores[0] != scores[1]


def test_references_are_found_by_identifier(data):
    """All 30 of the real ones, although seeds of one recipe have identifiers of their own."""
    home = data / "nasbench_nlp"
    settings = RecipeSettings(
        logs=home / "logs_wikitext2.zip",
        multi=True,
        reference=home / "epsinas_reference.json",
        **SMALL,
    )
    reference = nasbench_nlp.run(settings)["reference"]
    assert reference["recipes"] == (5 if data == MADE_DATA else 30)
    assert reference["not_among_cells"] == 0


def log_of(recipe, **changes):
    options = {"emsize": 6, "nhid": 8, "nlayers": 3, "tied": True, "bptt": 5, "num_params": 1}
    losses = {"test_losses": [5.0]}
    return {"recepie_id": 1, "recepie": json.dumps(recipe), **options, **losses, **changes}


def write_logs(folder, *logs):
    folder.mkdir()
    for number, log in enumerate(logs):
        (folder / f"{number:02}.json").write_text(json.dumps(log))
    return folder


ELMAN = {
    "a": {"op": "linear", "input": ["x", "h_prev_0"]},
    "h_new_0": {"op": "activation_tanh", "input": ["a"]},
}


def test_sizes_come_from_each_log(tmp_path):
    """Twins of other sizes equal the real networks of these sizes; all are told apart."""
    changes = ({}, {"nhid": 9}, {"emsize": 7}, {"nlayers": 1}, {"tied": False}, {"bptt": 4})
    logs = write_logs(tmp_path / "logs", *(log_of(ELMAN, **change) for change in changes))
    out = tmp_path / "out.csv"
    weights = (1e-2, 0.3)
    settings = RecipeSettings(logs=logs, sentences=3, direct="float64", weights=weights, out=out)
    result = nasbench_nlp.run(settings)
    rows = rows_of(out)
    for row in rows:
        direct = float(row["epsinas, direct float64"])
        assert float(row["epsinas"]) == pytest.approx(direct, rel=1e-6)
    assert len({row["epsinas"] for row in rows}) == len(changes)
    assert "|batch:random-4+5x3|" in result["signature"]
    fixed = nasbench_nlp.run(RecipeSettings(logs=logs, **SMALL, weights=weights, out=out))
    assert "|batch:random-5x3|" in fixed["signature"]
    assert rows_of(out)[0]["epsinas"] == rows_of(out)[-1]["epsinas"] == rows[0]["epsinas"]


def test_the_words_of_a_corpus(tmp_path, monkeypatch):
    """A line's end is a word; all files count for the vocabulary; the first gives the batch."""
    monkeypatch.chdir(tmp_path)
    logs = write_logs(tmp_path / "logs", log_of(ELMAN, data="there/corpus"))
    corpus = tmp_path / "there" / "corpus"
    corpus.mkdir(parents=True)
    (corpus / "valid.txt").write_text("d\n")
    with pytest.raises(DataError, match=r"corpus: is no corpus: it has no train\.txt"):
        nasbench_nlp.run(RecipeSettings(logs=logs))
    (corpus / "train.txt").write_text("a b\nc a\n\nb b\n")
    (corpus / "test.txt").write_text("e a\n")
    batch = nasbench_nlp.WordBatch(RecipeSettings(text=corpus, sentences=2))
    assert batch.tokens(5).T.tolist() == [[0, 1, 2, 3, 0], [2, 2, 1, 1, 2]]
    assert batch.vocabulary == 6
    found = nasbench_nlp.run(RecipeSettings(logs=logs, sentences=2))["signature"]
    digests = "+".join(file_digest(corpus / f"{name}.txt") for name in ("train", "valid", "test"))
    assert f"|batch:text-5x2|text:{digests}|" in found
    with pytest.raises(DataError, match=r"train\.txt: 12 words are needed, but it has 10"):
        nasbench_nlp.run(RecipeSettings(logs=logs, sentences=2, steps=6))


@pytest.fixture
def counted(monkeypatch):
    """Counts the scores that are computed, and stops at ``limit`` as an interruption would."""

    class Counted:
        count, limit = 0, math.inf

        def __call__(self, *arguments, **options):
            if self.count >= self.limit:
                raise KeyboardInterrupt
            self.count += 1
            return score_recipe(*arguments, **options)

    counter = Counted()
    monkeypatch.setattr(nasbench_nlp, "score_recipe", counter)
    return counter


def test_work_that_was_cut_off_goes_on(capsys, tmp_path, counted):
    logs, out = HOME / "logs_wikitext2.zip", tmp_path / "out" / "scores.csv"
    settings = RecipeSettings(logs=logs, out=out, **SMALL)
    counted.limit = 4
    with pytest.raises(KeyboardInterrupt):
        nasbench_nlp.run(settings)
    assert not out.exists()
    state = state_path(out)
    state.write_text(state.read_text() + '["half a li')
    capsys.readouterr()
    counted.limit = math.inf
    nasbench_nlp.run(settings)
    printed = capsys.readouterr().out
    assert f"{state}: goes on after 4 scores" in printed
    assert "5/9 architectures" in printed and "4/9" not in printed
    assert counted.count == 9 and not state.exists()
    resumed = out.read_text()
    nasbench_nlp.run(settings)
    assert counted.count == 18 and out.read_text() == resumed


def test_scores_are_kept_for_recipes_and_not_for_places(tmp_path, counted):
    """Logs that come in between change nothing; each recipe is scored once."""
    other = json.loads(json.dumps(ELMAN).replace("tanh", "sigm"))
    logs = write_logs(tmp_path / "logs", log_of(ELMAN), log_of(other), log_of(ELMAN))
    settings = RecipeSettings(logs=logs, sentences=3, out=tmp_path / "o.csv")
    counted.limit = 1
    with pytest.raises(KeyboardInterrupt):
        nasbench_nlp.run(settings)
    (logs / "00.json").rename(logs / "03.json")
    counted.limit = math.inf
    assert nasbench_nlp.run(settings)["architectures"] == 3
    assert counted.count == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": (1e-4, 1e-3)}, "weights was 1e-05,0.001, is now 0.0001,0.001"),
        ({"seed": 1}, "seed was 0, is now 1"),
        ({"text": HOME / "data" / "ptb"}, "batch was random-5x3, is now text-5x3"),
        ({"embedding_seed": 5}, "embedding was uniform-21, is now uniform-5"),
    ],
)
def test_work_goes_on_under_the_same_conditions_only(tmp_path, counted, change, message):
    plain = {"logs": HOME / "logs_wikitext2.zip", "out": tmp_path / "s.csv", **SMALL}
    counted.limit = 2
    with pytest.raises(KeyboardInterrupt):
        nasbench_nlp.run(RecipeSettings(**plain))
    with pytest.raises(DataError) as error:
        nasbench_nlp.run(RecipeSettings(**plain | change))
    expected = f"{tmp_path}/s.csv.partial: cannot be resumed under other conditions: {message}"
    assert str(error.value).startswith(expected)
    assert str(error.value).endswith("; remove it or choose another --out")
    assert len(state_path(plain["out"]).read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "remove the file"),
        ("text\n", "remove the file"),
        ("[1]\n", "remove the file"),
        ('{"conditions": {"a": 1}}\n["k"]\n["k", 1]\n', ":2: is no key with a score"),
    ],
)
def test_a_state_that_is_none_is_named(tmp_path, content, message):
    out = tmp_path / "o.csv"
    state_path(out).write_text(content)
    with pytest.raises(DataError) as error, kept_scores(out, {"a": 1}):
        pass
    assert str(error.value).startswith(str(state_path(out))) and message in str(error.value)


def test_scores_that_do_not_exist_are_kept_too(tmp_path):
    out = tmp_path / "o.csv"
    for found in ([False, False], [True, True]):
        with kept_scores(out, {"a": 1}) as kept:
            assert [key in kept for key in ("x", "y")] == found
            kept["x"], kept["y"] = math.nan, 0.1
    with kept_scores(out, {"a": 1}) as kept:
        assert math.isnan(kept["x"]) and kept["y"] == 0.1


def test_an_out_that_cannot_be_written_is_said_before_the_work(tmp_path, counted):
    (tmp_path / "file").write_text("")
    settings = RecipeSettings(
        logs=HOME / "logs_wikitext2.zip", out=tmp_path / "file" / "s.csv", **SMALL
    )
    with pytest.raises(HatError, match=r"s\.csv: cannot be written: "):
        nasbench_nlp.run(settings)
    assert counted.count == 0


def test_what_is_read_has_to_be_named():
    with pytest.raises(ConfigError, match="epsinas nasbench-nlp needs --data or --logs"):
        nasbench_nlp.run(RecipeSettings())
    table = HOME / "recepie_loss_pairs.json"
    for files in ({}, {"data": table}, {"data": table, "logs": MULTI_RUNS}):
        with pytest.raises(ConfigError, match="it needs --logs and no --data"):
            RecipeSettings(**files, multi=True)


def test_results_of_other_trainings_are_not_compared(tmp_path):
    settings = {"logs": HOME / "logs_wikitext2.zip", **SMALL}
    with pytest.raises(DataError, match="none of its recipes is among the 9 cells"):
        nasbench_nlp.run(RecipeSettings(**settings, reference=RESULTS))
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(DataError, match=r"empty\.zip: holds no training log"):
        nasbench_nlp.run(RecipeSettings(logs=tmp_path / "empty.zip"))


def test_progress_says_how_long_it_takes(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(common.time, "monotonic", lambda: now[0])
    progress = common.Progress(done=40)
    for done, seconds in ((41, 1), (42, 40), (43, 41), (50, 60), (100, 400)):
        now[0] = seconds
        progress(done, 100)
    assert capsys.readouterr().out.splitlines() == [
        "42/100 architectures, about 19 min left",  # nothing was said for too long
        "50/100 architectures, about 5 min left",
        "100/100 architectures",
    ]
    assert [common.duration(s) for s in (0.4, 99, 120, 9000)] == ["0 s", "99 s", "2 min", "2.5 h"]
