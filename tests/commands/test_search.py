"""``evo_search.py`` from its command line to its report, on a network that was never trained."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import hat
from hat.arch.hat_yaml import arch_to_mapping, load_arch
from hat.arch.space import SearchSpace
from hat.machine import instructions as machine
from hat.models.checkpoint import read_checkpoint

pytest.importorskip("fairseq")

from hat.commands.search import main
from hat.record.run import read_run
from tests.commands.conftest import last_line

SMALL = (
    *("--population-size", "10", "--parent-size", "3", "--mutation-size", "4"),
    *("--crossover-size", "3", "--evo-iter", "2", "--rank-sample", "6", "--cpu"),
)

Run = Callable[..., tuple[dict[str, Any], Path]]


@pytest.fixture
def run(tmp_path: Path, space_yml: Path, supernet: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run(*flags)`` searches and returns the last line of its output and its folder."""

    def search(*flags: object, folder: str = "found") -> tuple[dict[str, Any], Path]:
        words = [f"--configs={space_yml}", "--restore-file", supernet, *SMALL]
        main(
            [*map(str, words), "--write-config-path", f"{tmp_path / folder}.yml", *map(str, flags)]
        )
        printed = capsys.readouterr().out
        (tmp_path / f"{folder}.log").write_text(printed)
        return last_line(printed), tmp_path / f"{folder}.search"

    return search


def trials(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]


def test_limits_of_every_kind_hold_and_the_report_is_whole(
    run: Run, predictor_pt: Path, tmp_path: Path, search_space: SearchSpace
) -> None:
    elsewhere = predictor_pt.with_name("elsewhere.pt")
    elsewhere.write_bytes(predictor_pt.read_bytes())
    result, folder = run(
        *("--ckpt-path", predictor_pt, elsewhere, "--latency-constraint", "90%", "0.5s"),
        *("--params-constraint", "95%", "--bytes-constraint", "1MB", "--flops-constraint", "1G"),
    )
    names = {"latency_ms@here", "latency_ms@elsewhere", "params", "bytes@fp32", "flops"}
    found = trials(folder)
    assert len(found) == 17
    for trial in found:
        assert set(trial["costs"]) == names
        assert all(trial["costs"][n] <= result["limits"][n]["limit"] for n in names)
    assert set(result["limits"]) == names
    assert result["limits"]["latency_ms@here"]["measured"] < result["limit_ms"]
    assert result["limits"]["params"]["measured"] is None
    winner = load_arch(tmp_path / "found.yml")
    search_space.check(winner)
    assert "bytes@fp32: predicted at most" in (tmp_path / "found.yml").read_text()

    report = (folder / "report" / "report.md").read_text()
    for heading in (
        "The winner",
        "Against simpler choices",
        "Convergence",
        "Front",
        "Rank correlations",
    ):
        assert f"## {heading}" in report
    for rival in ("random search", "largest by params", "largest by decoder_depth"):
        assert f"| {rival} | 3 |" in report
    # Three seeds each, so there is a verdict, but nothing was trained.
    assert report.count(" by inherited loss: the search reached") == 3
    assert "restriction" not in report  # the space is the one that was trained
    assert "Not enough seeds" not in report and "orth it by" not in report
    scorers = [
        row["scorer"]
        for row in csv.DictReader((folder / "report" / "rank_correlations.csv").open())
    ]
    assert scorers == [
        "epsinas",
        "params",
        "flops",
        "encoder_depth",
        "decoder_depth",
        "decoder_depth_then_params",
    ]
    written = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    searches = ("random_3", "random_4", "random_5", "search_4", "search_5")
    names = (
        "baselines.csv",
        "convergence.csv",
        "convergence.png",
        "finalists.csv",
        "front.csv",
        "front.png",
    )
    names += ("rank_correlations.csv", "report.md", "contest.csv")
    assert written == {
        *(f"report/{name}" for name in names),
        *("trials.jsonl", "search_state.json", "facts.json"),
        *(f"contest/{name}/trials.jsonl" for name in searches),
        *(f"contest/{name}/search_state.json" for name in searches),
    }
    assert sorted(result) == [
        *("candidates", "config", "finalists", "finalists_that_missed", "limit_ms", "limits"),
        *("measured_ms", "predicted_ms", "report", "score", "scorer", "signature"),
        "unused_percent",
    ]
    (told,) = read_run(folder).searches
    assert {axis.name for axis in told.axes if axis.limit} == set(result["limits"])
    best = told.points[told.winner]
    assert best.params == best.bound["params"] and best.bytes_fp32 == best.bound["bytes@fp32"]
    assert best.measured["latency_ms@here"].mean == result["measured_ms"]
    assert not told.higher_is_better and told.objective == "inherited-loss"
    for plot in ("convergence.png", "front.png"):
        assert (folder / "report" / plot).read_bytes().startswith(b"\x89PNG")


def test_what_a_restriction_to_spans_of_one_costs_is_told(run: Run, tmp_path: Path) -> None:
    narrow = tmp_path / "narrow.yml"
    narrow.write_text("decoder-arbitrary-ende-attn-choice: [-1]\n")
    result, folder = run(f"--configs={narrow}", "--params-constraint", "95%")
    assert set(load_arch(tmp_path / "found.yml").decoder.ende_spans) == {1}
    report = (folder / "report" / "report.md").read_text()
    assert "## What does the restriction of the space cost?" in report
    assert "`decoder-arbitrary-ende-attn-choice: [-1]`; the SuperTransformer was trained" in report
    rows = list(csv.DictReader((folder / "report" / "restriction.csv").open()))
    scores = [float(row["inherited-loss"]) for row in rows]
    assert len(rows) > 2 and scores == sorted(scores)
    gain = result["score"] - scores[0]
    said = f"costs at least {gain:.4f}" if gain > 0 else "costs nothing that these show"
    assert f"the restriction {said}" in report
    # Each is what the loss of that architecture is.
    spans = json.loads(rows[0]["attends to"])
    winner = load_arch(tmp_path / "found.yml")
    assert len(spans) == winner.decoder.num_layers and set(spans) != {-1}


def test_bf16_that_is_not_in_hardware_scores_in_fp32(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(machine, "in_hardware", lambda precision, device: False)
    flags = ("--params-constraint", "100%", "--contest-seeds", "--evo-iter", "1", "--bf16", "auto")
    result, _ = run(*flags, "--rank-sample", "0")
    assert "|precision:fp32|" in result["signature"]
    assert "bf16 is not in this machine's hardware: running in fp32" in caplog.text


def test_nsga2_has_two_objectives_and_reports_their_front(run: Run, predictor_pt: Path) -> None:
    _, folder = run(
        *("--search-algorithm", "nsga2", "--scorer", "bleu-greedy", "--bleu-sentences", "5"),
        *("--ckpt-path", predictor_pt, "--latency-constraint", "95%", "--contest-seeds", "2"),
        *("--warm-up", "20", "--moves", "3", "--screen-by", "params"),
    )
    found = trials(folder)
    assert set(found[0]["scores"]) == {"bleu-greedy", "latency_ms"}
    assert found[0]["scores"]["latency_ms"] == found[0]["costs"]["latency_ms"]
    rows = list(csv.DictReader((folder / "report" / "front.csv").open()))
    points = np.array([(-float(row["bleu-greedy"]), float(row["latency_ms"])) for row in rows])
    for trial in found:  # nothing found lies below the front
        point = (-trial["scores"]["bleu-greedy"], trial["scores"]["latency_ms"])
        assert any((better <= np.add(point, 1e-9)).all() for better in points)
    assert json.loads(rows[0]["config"]) in [trial["arch"] for trial in found]
    state = json.loads((folder / "search_state.json").read_text())
    assert state["algorithm"]["screened"] > 20
    report = (folder / "report" / "report.md").read_text()
    assert "Agreement with inherited-loss" in report and "| bleu-greedy | 6 |" in report


def test_a_table_is_searched_among_its_rows(
    run: Run, search_space: SearchSpace, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    archs = [search_space.sample(rng) for _ in range(30)]
    path = tmp_path / "table.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["arch", "BLEU"])
        for score, arch in enumerate(archs):
            writer.writerow([json.dumps(arch_to_mapping(arch)), score])
    result, folder = run(
        *("--scorer", "table", "--scorer-table", path, "--scorer-column", "BLEU"),
        *("--params-constraint", "100%", "--contest-seeds", "--evo-iter", "5"),
    )
    assert result["score"] == 29 and "measured_ms" not in result
    assert load_arch(tmp_path / "found.yml") == archs[29]
    assert all(trial["scores"]["BLEU"] is not None for trial in trials(folder))
    assert "Against simpler choices" not in (folder / "report" / "report.md").read_text()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "a search needs a limit"),
        (["--scorer", "table", "--params-constraint", "90%"], "--scorer-table is missing"),
        (
            ["--scorer", "bleu", "--bleu-sentences", "99", "--params-constraint", "90%"],
            "--bleu-sentences must lie in 1..13, the sentences of 'valid', but found 99",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(
    flags: list[str], message: str, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_info:
        run(*flags)
    assert exit_info.value.code == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


@pytest.mark.slow
def test_finalists_and_baselines_are_retrained_once(
    run: Run, predictor_pt: Path, space_yml: Path, tmp_path: Path
) -> None:
    training = tmp_path / "common.yml"
    training.write_text(space_yml.read_text() + "train-subtransformer: True\n")
    flags = (
        *("--ckpt-path", predictor_pt, "--latency-constraint", "90%", "--rank-sample", "0"),
        *("--retrain-top", "1", "--retrain-configs", training, "--retrain-subset", "valid"),
    )
    result, folder = run(*flags)
    names = {"finalist 1", "random search", "largest by params", "largest by decoder_depth"}
    assert set(result["retrained"]) == names
    report = (folder / "report" / "report.md").read_text()
    assert "## Was it worth it? BLEU after retraining" in report and "| finalist 1 |" in report
    again, _ = run(*flags)
    assert again["retrained"] == result["retrained"]
    log = (tmp_path / "found.log").read_text()
    assert "> train." not in log and "= train." in log


def test_a_dearer_score_chooses_among_the_best(run: Run, tmp_path: Path) -> None:
    flags = (
        *("--scorer", "params", "--params-constraint", "90%", "--rank-sample", "0"),
        *("--contest-seeds", "--measure-finalists", "0"),
    )
    plain, _ = run(*flags)
    by_count = load_arch(tmp_path / "found.yml")
    result, folder = run(*flags, "--rescore-top", "3", "--rescore-by", "inherited-loss")
    with open(folder / "report" / "rescored.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    (chosen,) = (row for row in rows if row["chosen"] == "yes")
    assert len(rows) == 3
    assert float(chosen["inherited-loss"]) == min(float(row["inherited-loss"]) for row in rows)
    winner = load_arch(tmp_path / "found.yml")
    assert (winner == by_count) == (chosen is rows[0])
    assert result["candidates"] == plain["candidates"], "the search itself is the same"
    assert result["signature"] != plain["signature"]
    assert "scored once more, by inherited-loss" in (folder / "report" / "report.md").read_text()


@pytest.mark.slow
def test_halving_chooses_the_winner_and_its_training_is_a_whole_one(
    run: Run, space_yml: Path, tmp_path: Path
) -> None:
    training = tmp_path / "common.yml"
    training.write_text(space_yml.read_text() + "train-subtransformer: True\n")
    flags = (
        *("--scorer", "params", "--params-constraint", "90%", "--rank-sample", "0"),
        *("--contest-seeds", "--halve-top", "3", "--halve-configs", training),
        *("--halve-marks", "0.5", "1"),
    )
    _, folder = run(*flags)
    with open(folder / "report" / "halving.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    (chosen,) = (row for row in rows if row["chosen"] == "yes")
    last = [name for name in rows[0] if name.startswith("loss after")][-1]
    reached = [row for row in rows if row[last]]
    assert len(rows) == 3 and len(reached) == 2
    assert float(chosen[last]) == min(float(row[last]) for row in reached)
    winner = load_arch(tmp_path / "found.yml")
    assert winner == load_arch(Path(chosen["folder"]) / "arch.yml")
    # The same as a training that was never stopped.
    whole = tmp_path / "whole"
    hat.train(tmp_path / "found.yml", sub_configs=training, save_dir=whole, seed=1, cpu=True)
    halved = read_checkpoint(Path(chosen["folder"]) / "training" / "checkpoint_last.pt")
    straight = read_checkpoint(whole / "checkpoint_last.pt")
    for name, weight in straight["model"].items():
        assert torch.equal(halved["model"][name], weight), name
    # What is done is not done again.
    run(*flags)
    log = (tmp_path / "found.log").read_text()
    assert "> halve." not in log and "= halve." in log
