import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from hat.arch.hat_yaml import arch_to_mapping, load_arch
from hat.conditions import mapping_digest
from hat.errors import HatError
from hat.locks import LockedError, locked
from hat.models.config import SuperTransformerConfig
from hat.models.extract import extract
from hat.models.super_transformer import SuperTransformer
from hat.page.svg import tick_text, ticks
from hat.page.view import compared, views
from hat.page.write import PageSettings, read_facts, write_page
from hat.record import belonging
from hat.record.budget import nice_step, predicted_cost
from hat.record.facts import Facts
from hat.record.latency import latency_facts, read_dataset, read_predictors
from hat.record.run import read_run
from hat.record.sizes import sizes
from hat.record.training import curve_lines
from hat.record.words import amount, limit_words, step_words, with_spread
from tests.page import made_run


@pytest.fixture(scope="module")
def facts(made):
    return read_run(made)


def test_the_winner_has_all_its_figures(facts, made):
    (search,) = facts.searches
    winner = search.points[search.winner]
    arch = load_arch(made / "best_cpu.yml")
    assert "winner" in winner.names and not any("finalist 1" in name for name in winner.names)
    assert winner.measured["latency_ms"].mean == pytest.approx(sum(made_run.latency(arch)), rel=0.1)
    assert winner.predicted["latency_ms"] < winner.bound["latency_ms"] <= made_run.LIMIT
    low, high = winner.interval["latency_ms"]
    assert low < winner.predicted["latency_ms"] < high
    assert winner.score == pytest.approx(made_run.loss(arch))
    assert (winner.inherited.mean, winner.retrained.mean) == (24.1, 26.31)
    assert winner.in_turn and winner.during_search.mean != winner.measured["latency_ms"].mean
    assert (winner.params, winner.bytes_fp32, winner.bytes_int8) == sizes(made_run.NETWORK, arch)


def test_the_largest_stands_beside_it_though_the_search_could_not_meet_it(facts):
    (search,) = facts.searches
    (largest,) = [point for point in search.points.values() if "largest" in point.names]
    assert largest.score is None and largest.retrained.mean == 27.02
    assert largest.predicted["latency_ms"] > made_run.LIMIT


def test_what_was_measured_in_turn_decides(run):
    rows = {
        "elsewhere/best_cpu.yml": {"latency_ms": 95.5, "error_ms": 0.5},
        "elsewhere/largest.yml": {"latency_ms": 120.0, "error_ms": 1.0},
    }
    made_run.step(run, "compare-latencies_cpu", 9.0, {"rows": rows})
    (search,) = read_run(run).searches
    winner = search.points[search.winner]
    (largest,) = [point for point in search.points.values() if "largest" in point.names]
    assert winner.during_search.mean < made_run.LIMIT < winner.measured["latency_ms"].mean == 95.5
    assert largest.measured["latency_ms"].bound == 121.0
    page, markdown, _ = write_page([run])
    assert "The winner misses its limit" in markdown.read_text()
    assert "taking turns in every round" in markdown.read_text()
    assert "measured during the search" in page.read_text()


@pytest.mark.parametrize(("error", "says"), [(0.5, ": kept\n"), (9.0, ": kept by the mean, not")])
def test_a_limit_within_the_spread_is_not_just_kept(run, error, says):
    row = {"latency_ms": made_run.LIMIT - 1, "error_ms": error}
    made_run.step(run, "compare-latencies_cpu", 9.0, {"rows": {"elsewhere/best_cpu.yml": row}})
    _, markdown, _ = write_page([run])
    text = markdown.read_text().replace(")", "\n")
    assert says in text and "whether they fit, the mean says" in text


def test_what_was_measured_on_a_slow_machine_is_no_miss(run):
    row = {"latency_ms": 95.5, "error_ms": 0.5, "slower_percent": 40.0}
    made_run.step(run, "compare-latencies_cpu", 9.0, {"rows": {"elsewhere/best_cpu.yml": row}})
    _, markdown, _ = write_page([run])
    text = markdown.read_text()
    assert "misses its limit" not in text and "not known, the machine was 40% slower" in text
    assert " ms, 40% slower |" in text, "beside the figure, too"


def test_a_largest_that_was_measured_on_a_slow_machine_is_told(run):
    rows = {
        "elsewhere/best_cpu.yml": {"latency_ms": 80.0, "error_ms": 0.5},
        "elsewhere/largest.yml": {"latency_ms": 99.0, "error_ms": 1.0, "slower_percent": 12.0},
    }
    made_run.step(run, "compare-latencies_cpu", 9.0, {"rows": rows})
    for path in write_page([run])[:2]:
        text = path.read_text()
        assert "Largest: the machine was 12% slower than usual" in text
        assert "Winner: the machine" not in text


def test_a_score_of_next_to_nothing_is_told_beside_it(run):
    made_run.step(run, "evaluate-largest-retrained", 1.0, {"bleu": 0.12})
    page, markdown, facts = write_page([run])
    for path in (page, markdown):
        text = path.read_text()
        assert "0.12, doubtful" in text and "24.10, doubtful" not in text
        assert "Largest, retrained: BLEU 0.12 is next to nothing; " in text
        assert "evaluate-largest-retrained.log says why." in text
    assert "is next to nothing" in facts.read_text()
    made_run.step(run, "evaluate-best-retrained_cpu", 1.0, {"bleu": 0.3})
    text = write_page([run])[1].read_text()
    assert "BLEU, retrained: **0.30, doubtful**" in text


@pytest.mark.parametrize(("path", "is_said"), [("averaged.pt", True), ("best.pt", False)])
def test_an_average_with_gaps_is_told_if_it_was_scored(run, path, is_said):
    average = {"checkpoint": "averaged.pt", "warning": "lacks the checkpoint of epoch 3"}
    made_run.step(run, "average-subtransformer_cpu", 1.0, average)
    made_run.step(run, "translate-best-retrained_cpu", 1.0, {}, ["python", "--path", path])
    text = write_page([run])[1].read_text()
    assert ("Winner, retrained: lacks the checkpoint of epoch 3." in text) == is_said
    assert ("26.31, doubtful" in text) == is_said


@pytest.mark.parametrize(("bleu", "is_said"), [(20.0, True), (40.0, False)])
def test_a_winner_that_its_own_training_made_worse_is_marked(run, bleu, is_said):
    made_run.step(run, "evaluate-best-retrained_cpu", 1.0, {"bleu": bleu, "chrf": 50.0})
    page, markdown, _ = write_page([run])
    assert (": trained too little" in markdown.read_text()) == is_said
    assert (": trained too little" in page.read_text()) == is_said


def test_the_front_is_what_nothing_beats(facts):
    (search,) = facts.searches
    for axis in search.axes:
        front = [search.points[id_] for id_ in axis.front]
        for point in search.points.values():
            cost = predicted_cost(point, axis.name)
            if point.score is None or cost is None:
                continue
            assert not any(
                cost <= predicted_cost(p, axis.name) and point.score < p.score for p in front
            )
        costs = [predicted_cost(p, axis.name) for p in front]
        assert costs == sorted(costs) and len(front) >= 2


def test_more_budget_never_brings_less(facts):
    (search,) = facts.searches
    steps = search.steps
    assert len(steps) > 2 and steps[-1].limit == made_run.LIMIT
    assert np.allclose(np.diff([step.limit for step in steps]), 10)
    assert all(step.cost <= step.limit for step in steps)
    assert all(step.gain >= 0 for step in steps[1:])
    assert steps[-1].score == min(s for p in search.points.values() if (s := p.score))


def test_baselines_contest_and_ranking_are_there(facts):
    (search,) = facts.searches
    names = {name for point in search.points.values() for name in point.names}
    assert {"random search", "largest by decoder_depth"} <= names
    assert {row["baseline"] for row in search.contest} == {
        "random search",
        "largest by decoder_depth",
    }
    assert {row["scorer"] for row in search.ranking} == {"decoder_depth", "heads"}
    assert search.ranking_truth == "inherited-loss"
    assert {name: len(curves) for name, curves in search.convergence.items()} == {
        "this search": 3,
        "random search": 3,
    }
    for curves in search.convergence.values():
        assert all(np.all(np.diff([score for _, score in curve]) <= 0) for curve in curves)


def test_latency_time_curves_and_translations_are_there(facts):
    (latency,) = facts.latencies
    assert len(latency.measured) == 160 and sum(latency.held_back) == 16
    assert latency.error_percent < 5 and latency.device == "Example CPU"
    assert facts.seconds["train-supertransformer"] == 3600.0
    (curve,) = [each for each in facts.curves if each.title == "SuperTransformer"]
    assert set(curve.lines) == {
        "training",
        "validation, largest SubTransformer",
        "validation, smallest SubTransformer",
    }
    (translated,) = facts.translated
    assert (translated.sentences, translated.same) == (40, 26)
    assert (translated.winner_exact, translated.largest_exact) == (26, 40)
    assert len(translated.examples) == 10
    assert sum(e.winner != e.largest for e in translated.examples) >= 5
    assert not facts.notes


def test_a_machine_that_was_always_disturbed_leaves_all_rows(made):
    dataset = read_dataset(made / "latency_cpu.csv")
    predictors, _ = read_predictors([made / "predictor_cpu.pt"])
    marked = [replace(sample, shift_percent=30.0) for sample in dataset.samples]
    found = latency_facts(replace(dataset, samples=marked), predictors)
    assert len(found.measured) == len(marked) and found.error_percent < 5
    assert (found.marked, found.disturbed) == (0, len(marked))


def test_rows_are_those_that_the_predictor_says_it_used(made):
    dataset = read_dataset(made / "latency_cpu.csv")
    predictors, _ = read_predictors([made / "predictor_cpu.pt"])
    marked = [replace(sample, shift_percent=30.0) for sample in dataset.samples]
    # So few undisturbed ones that all were used.
    few = latency_facts(
        replace(dataset, samples=[*marked[:150], *dataset.samples[150:]]), predictors
    )
    assert (len(few.measured), few.marked, few.disturbed) == (160, 0, 150)
    (predictor,) = predictors.values()
    split = predictor.facts["split"]
    predictor.facts["split"] = {k: [r for r in rows if r >= 100] for k, rows in split.items()}
    some = [*marked[:100], *dataset.samples[100:]]
    kept = latency_facts(replace(dataset, samples=some), predictors)
    assert (len(kept.measured), kept.marked, kept.disturbed) == (60, 100, 0)
    del predictor.facts["split"]  # as hat once wrote them
    kept = latency_facts(replace(dataset, samples=some), predictors)
    assert (len(kept.measured), kept.marked, kept.disturbed) == (60, 100, 0)


def test_all_searches_of_a_pipeline_have_their_own_figures(made, tmp_path):
    run = made_run.make_several(made, tmp_path / "several")
    facts = read_run(run)
    names = ["torch, fast (cpu)", "torch, good (cpu)", "onnx, fast (cpu)", "onnx, good (cpu)"]
    assert [search.name for search in facts.searches] == names
    for place, search in enumerate(facts.searches):
        winner = search.points[search.winner]
        quality = winner.retrained
        assert (quality.mean, quality.trainings) == (27.0 + place % 2, 2)
        assert quality.std == pytest.approx(2**0.5) and winner.in_turn
        assert winner.measured["latency_ms"].mean == 80.0 + 20 * (place % 2)
    assert [each.name for each in facts.latencies] == ["latency_cpu.torch", "latency_cpu.onnx"]
    assert [each.title for each in facts.curves][:3] == [
        *("SuperTransformer", "the winner (torch, fast, seed 1, cpu)"),
        "the winner (torch, fast, seed 2, cpu)",
    ]
    page, markdown, _ = write_page([run])
    text = markdown.read_text()
    assert "## Side by side" in text and "27.00 ± 1.41" in text
    first = next(row for row in text.splitlines() if row.startswith("| torch, fast (cpu) |"))
    assert "of what" not in text and "validation loss" not in first, "all scores are of one kind"
    assert text.count("The winner misses its limit") == 2, "that of 100 ms, for both targets"
    assert page.read_text().count('<section id="ships-') == 4
    facts.searches[1].objective_title = "BLEU with inherited weights"
    found = compared(Facts(title="x", hat="0", runs=[facts]))
    assert found is not None and found.tables[0].titles[4:6] == ["score", "of what"]
    assert found.tables[0].rows[1].cells[5] == "BLEU with inherited weights"


def test_a_search_alone_is_a_run(made, tmp_path):
    folder = shutil.copytree(made / "best_cpu.search", tmp_path / "best.search")
    run = read_run(folder)
    (search,) = run.searches
    winner = search.points[search.winner]
    assert run.kind == "search" and winner.params  # the search itself knows its network
    assert not winner.predicted and winner.bound["latency_ms"] <= made_run.LIMIT
    assert set(run.notes) == {"latency", "curves", "time", "translations"}
    for file in write_page([folder], PageSettings(out=tmp_path / "page.html")):
        assert "no latency dataset" in file.read_text() or file.suffix == ".json"


def test_two_pages_of_one_name_do_not_mix(run):
    with locked(run / "page.html"), pytest.raises(LockedError, match=r"page\.html: process \d+ "):
        write_page([run])
    assert not (run / "page.json").exists()


GONE = (
    "best_cpu.search/report", "best_cpu.search/contest", "best_cpu.search/facts.json",
    "best_cpu.yml", "largest.yml", "latency_cpu.csv", "latency_cpu.csv.meta.jsonl", "logs",
    "predictor_cpu.pt", "steps", "subtransformer_cpu", "best_cpu.search",
)  # fmt: skip


@pytest.mark.parametrize("name", GONE)
def test_what_a_run_does_not_have_is_left_out(run, name):
    path = run / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    page, markdown, _ = write_page([run])
    assert "<h2>What ships" in page.read_text() or name == "best_cpu.search"
    assert "None" not in markdown.read_text() and "nan" not in markdown.read_text()


DAMAGED = {
    "best_cpu.search/search_state.json": ["{", "[]", '{"trials": 3}', '{"trials": -1}', "\x00"],
    "best_cpu.search/trials.jsonl": ["", "{}\n" * 400, "1\n" * 400],
    "best_cpu.search/facts.json": ["[1]", '{"network": {"qkv_dim": "a"}}', '{"network": 3}'],
    "best_cpu.search/report/finalists.csv": ["a,b\n1\n", "inherited-loss,config\n1,{\n"],
    "best_cpu.search/report/baselines.csv": ["architecture,config\nx,[]\n"],
    "best_cpu.yml": ["a: [", "x: 1"],
    "largest.yml": ["encoder-layer-num-subtransformer: 2"],
    "latency_cpu.csv": ["", "a,b\n"],
    "latency_cpu.csv.meta.jsonl": ["{}", "x"],
    "predictor_cpu.pt": ["no predictor"],
    "steps/evo-search_cpu.json": ["{}", '{"seconds": "x", "command": [], "result": {}}'],
    "subtransformer_cpu/exp/best_cpu.yml_test_gen.out": ["nothing\n", "H-0\tx\n"],
}


@pytest.mark.parametrize(("name", "text"), [(n, t) for n, ts in DAMAGED.items() for t in ts])
def test_a_damaged_file_is_named_in_one_sentence_and_nothing_is_written(run, name, text):
    (run / name).write_text(text)
    with pytest.raises(HatError) as error:
        write_page([run])
    assert name.split("/")[-1].removesuffix(".meta.jsonl") in str(error.value)
    assert "\n" not in str(error.value)
    assert not (run / "page.html").exists()


def test_an_architecture_out_of_all_bounds_is_refused(run):
    path = run / "best_cpu.search" / "trials.jsonl"
    first, *rest = path.read_text().splitlines()
    trial = json.loads(first)
    trial["arch"]["encoder-embed-dim-subtransformer"] = 10**30
    path.write_text("\n".join([json.dumps(trial), *rest]) + "\n")
    with pytest.raises(HatError, match=r"trials\.jsonl:1: holds no architecture: a width"):
        read_run(run)


def test_what_a_run_names_outside_its_folder_is_not_read(run, tmp_path):
    secret = tmp_path / "exp" / "secret_gen.out"
    secret.parent.mkdir()
    secret.write_text("H-0\t0\tmy secret\n")
    link = run / "largest" / "exp" / "largest.yml_test_gen.out"
    link.unlink()
    link.symlink_to(secret)
    page, *_ = write_page([run])
    assert "my secret" not in page.read_text()


@pytest.mark.parametrize("wrong", ["missing", "file", "empty"])
def test_what_is_no_run_is_named(tmp_path, wrong):
    path = tmp_path / wrong
    if wrong == "file":
        path.write_text("")
    elif wrong == "empty":
        path.mkdir()
    with pytest.raises(HatError, match=f"{wrong}: is not"):
        read_facts([path])


def test_a_run_is_named_once(made):
    with pytest.raises(HatError, match="is named twice"):
        read_facts([made, made / ".." / made.name])


def test_runs_in_folders_of_one_name_are_told_apart(made, tmp_path):
    """As those of hat new are, all of which lie in a folder called runs; equal ones, too."""
    folders = [tmp_path / name / "runs" for name in ("mine", "yours", "theirs")]
    for folder in folders:
        shutil.copytree(made, folder)
    index = json.loads((folders[2] / "run.json").read_text())
    (folders[2] / "run.json").write_text(json.dumps({**index, "task": "theirs.en-fr"}))
    alone = read_facts(folders[:1])
    assert alone.title == f"{index['task']}: runs"
    facts = read_facts(folders)
    names = [run.name for run in views(facts)]
    assert names == [f"{alone.title} (1)", f"{alone.title} (2)", "theirs.en-fr: runs"]
    rows = compared(facts).tables[0].rows
    assert len(rows) == 3 and all(name in str(row) for name, row in zip(names, rows, strict=True))
    del index["task"]
    (folders[0] / "run.json").write_text(json.dumps(index))
    assert read_run(folders[0]).name == "runs"


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("before", [True, False])
def test_sizes_are_those_of_the_extracted_network(tiny_space, rng, shared, before):
    network = SuperTransformerConfig(
        src_vocab_size=50,
        tgt_vocab_size=50 if shared else 40,
        encoder_embed_dim=32,
        encoder_ffn_dim=48,
        encoder_layers=3,
        encoder_heads=4,
        decoder_embed_dim=32,
        decoder_ffn_dim=48,
        decoder_layers=3,
        decoder_heads=4,
        qkv_dim=16,
        share_all_embeddings=shared,
        encoder_normalize_before=before,
        decoder_normalize_before=before,
    )
    arch = tiny_space.sample(rng)
    small = extract(SuperTransformer(network), arch)
    shapes = {id(p): tuple(p.shape) for p in small.parameters()}.values()
    count = sum(int(np.prod(shape)) for shape in shapes)
    vectors = sum(shape[0] for shape in shapes if len(shape) == 1)
    rows = sum(shape[0] for shape in shapes if len(shape) == 2)
    assert sizes(network, arch) == (count, 4 * count, count - vectors + 4 * (vectors + rows))


def test_curves_are_read_from_both_formats_of_fairseq():
    simple = made_run.training_log(4.0)
    as_json = (
        '2026-01-01 | INFO | train_inner | {"epoch": 1, "loss": "5.5", "num_updates": "50"}\n'
        '2026-01-01 | INFO | valid | {"epoch": 1, "valid_loss": "5.25", '
        '"valid_num_updates": "100"}\n'
        "2026-01-01 | INFO | valid | {broken\n"
    )
    assert curve_lines(simple)["validation"][0] == (100, pytest.approx(6.8))
    assert curve_lines(as_json) == {"training": [(50, 5.5)], "validation": [(100, 5.25)]}
    assert curve_lines("no figures here\n") == {}


def test_figures_read_well():
    assert amount(4.7, "ms") == "4.70 ms" and limit_words(4.7, "ms") == "4.7 ms"
    assert amount(41_406_464, "") == "41.4 M" and amount(95_904, "bytes") == "95.9 kB"
    assert with_spread(3.8626, 0.0226, "ms") == "3.863 ± 0.023 ms"
    assert (
        step_words("evaluate-best-inherited_cpu")
        == "score translations of the winner, inherited weights (cpu)"
    )
    assert step_words("evo-search.phone.fast_cpu_xeon") == "search (phone, fast, cpu xeon)"
    seeds = [f"train-largest{seed}_cpu" for seed in ("", ".seed6", ".seed7")]
    assert [step_words(label, seeds).partition(" (")[2] for label in seeds] == [
        *("cpu, seed 5)", "cpu, seed 6)", "cpu, seed 7)"),
    ]
    assert step_words(seeds[0]) == "train the largest by itself (cpu)", "there is but one"
    assert [nice_step(span) for span in (0.9, 3.0, 40.0, 500.0)] == [0.2, 1.0, 10.0, 100.0]


@pytest.mark.parametrize(("low", "high"), [(0.1, 0.35), (2, 97), (-3, 4), (1e6, 9e6), (5, 5)])
def test_ticks_are_round_and_inside(low, high):
    found = ticks(low, high, 5)
    assert 1 <= len(found) <= 8 and all(low - 1e-6 <= t <= high + 1e-6 for t in found)
    texts = [tick_text(t, found) for t in found]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("what", ["measured", "inherited", "retrained"])
@pytest.mark.parametrize("is_own", [True, False])
def test_figures_of_an_earlier_winner_are_not_the_winners(run, what, is_own):
    own = mapping_digest(arch_to_mapping(load_arch(run / "best_cpu.yml")))
    digest = own if is_own else "0123456789abcdef"
    if what == "measured":
        state = json.loads((run / "steps" / "compare-latencies_cpu.json").read_text())
        state["result"]["rows"]["elsewhere/best_cpu.yml"]["subtransformer"] = digest
        (run / "steps" / "compare-latencies_cpu.json").write_text(json.dumps(state))
    else:
        index = json.loads((run / "run.json").read_text())
        best = index["searches"][0]["best"]
        log, other = (run / best[key][0]["translations"] for key in (what, "retrained"))
        log.parent.mkdir(parents=True, exist_ok=True)
        signed = {"sentences": 1, "signature": f"stage:generate|subtransformer:{digest}|beam:5"}
        log.write_text(other.read_text() + json.dumps(signed) + "\n")
    (search,) = read_run(run).searches
    winner = search.points[search.winner]
    kept = {
        "measured": winner.in_turn,
        "inherited": winner.inherited is not None,
        "retrained": winner.retrained is not None,
    }
    assert kept == {key: is_own or key != what for key in kept}
    assert [note for note in search.notes if "best_cpu.yml" in note and "left out" in note] == (
        [] if is_own else [belonging.note(run / "best_cpu.yml")]
    )
