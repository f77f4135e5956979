"""NAS benchmarks, predictors and what searches leave: values that cannot be, layouts of others."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from hat.errors import HatError
from hat.latency.predictors.load import load_predictor
from hat.latency.sidecar import read_sidecar
from hat.measuring.resuming import last_baseline, unchecked_rows
from tests.faults.documents import change, flipped, put, remake
from tests.faults.fault import Fault, Spoil, as_tests, refused
from tests.search.test_evolution_and_loop import make_search

QUERY = "nasbench query"
H5, LINES = "format_sample.h5", "sample_1k.jsonl.gz"
CELLS = "nasbench201.csv.gz"
RECIPES = "recepie_loss_pairs.json"
PREDICT = "latency predict sub.yml --ckpt-path hats.pt --lat-norm 1 --feature-norm" + " 1" * 10


def hdf5(name: str, spoil: Callable[[h5py.File], object], *says: str) -> Fault:
    def change_file(world: Path) -> None:
        with h5py.File(world / H5, "r+") as file:
            spoil(file)

    return Fault(f"hdf5-{name}", f"{QUERY} nasbench101:{H5}", (H5, *says), change_file)


def one(name: str, place: Any, value: Any) -> Callable[[h5py.File], object]:
    def spoil(file: h5py.File) -> None:
        file[name][place] = value

    return spoil


def instead(name: str, make: Callable[[h5py.File], object]) -> Callable[[h5py.File], object]:
    def spoil(file: h5py.File) -> None:
        del file[name]
        make(file)

    return spoil


def _external(file: h5py.File) -> object:
    size = 7 * len(file["hash"])
    kept = [("/etc/passwd", 0, size)]
    return file.create_dataset("operations", (len(file["hash"]), 7), "i1", external=kept)


def lines(name: str, spoil: Spoil, *says: str) -> Fault:
    return Fault(f"lines-{name}", f"{QUERY} nasbench101:{LINES}", (LINES, *says), spoil)


def cells(name: str, spoil: Spoil, *says: str) -> Fault:
    return Fault(f"cells-{name}", f"{QUERY} nasbench201:{CELLS}", (CELLS, *says), spoil)


def recipes(name: str, spoil: Spoil, *says: str) -> Fault:
    return Fault(f"recipes-{name}", f"{QUERY} nasbench-nlp:{RECIPES}", (RECIPES, *says), spoil)


def row(edit: Callable[[dict[str, Any]], object]) -> Spoil:
    """Changes the second row of the JSON lines."""

    def spoil(world: Path) -> None:
        rows = gzip.decompress((world / LINES).read_bytes()).split(b"\n")
        content = json.loads(rows[1])
        edit(content)
        rows[1] = json.dumps(content).encode()
        (world / LINES).write_bytes(gzip.compress(b"\n".join(rows)))

    return spoil


def cell(column: str, text: str) -> Spoil:
    """Changes a field of the second row of NAS-Bench-201's table."""

    def spoil(world: Path) -> None:
        rows = gzip.decompress((world / CELLS).read_bytes()).decode().split("\n")
        fields = rows[2].split(",")
        fields[rows[0].split(",").index(column)] = text
        rows[2] = ",".join(fields)
        (world / CELLS).write_bytes(gzip.compress("\n".join(rows).encode()))

    return spoil


def recipe(edit: Callable[[dict[str, Any]], object]) -> Spoil:
    def spoil(world: Path) -> None:
        content = json.loads((world / RECIPES).read_text())
        edit(content[1])
        (world / RECIPES).write_text(json.dumps(content))

    return spoil


def weights(edit: Callable[[dict[str, torch.Tensor]], object]) -> Spoil:
    def spoil(world: Path) -> None:
        content = torch.load(world / "hats.pt")
        edit(content)
        torch.save(content, world / "hats.pt")

    return spoil


FIRST = "first_layer.weight"
FAULTS = [
    hdf5("vertices", one("num_vertices", 1, 99), "row 1: num_vertices must be 2 to 7", "99"),
    hdf5(
        "link-to-nowhere",
        instead("hash", lambda f: f.__setitem__("hash", h5py.SoftLink("/x"))),
        "no dataset 'hash'",
    ),
    hdf5(
        "link-to-a-file",
        instead("hash", lambda f: f.__setitem__("hash", h5py.ExternalLink("x.h5", "/hash"))),
        "no dataset 'hash'",
    ),
    hdf5("group", instead("metrics", lambda f: f.create_group("metrics")), "no dataset 'metrics'"),
    hdf5(
        "bytes-of-another-file",
        instead("operations", _external),
        "'operations' lies in another file",
    ),
    hdf5(
        "one-number",
        instead("hash", lambda f: f.create_dataset("hash", data=1)),
        "'hash' must hold texts",
    ),
    hdf5(
        "texts-for-numbers",
        instead(
            "num_vertices", lambda f: f.create_dataset("num_vertices", data=["a"] * len(f["hash"]))
        ),
        "'num_vertices' must hold numbers",
    ),
    hdf5(
        "other-layout",
        instead("metrics", lambda f: f.create_dataset("metrics", data=np.zeros((3, 2)))),
        "dataset 'metrics' has shape (3, 2)",
    ),
    hdf5("empty", lambda f: [f.__delitem__(n) for n in list(f)], "no dataset 'hash'"),
    hdf5(
        "accuracy",
        one("metrics", (1, 0, 0, 1, 3), 1.5),
        "row 1: test_accuracy must be a fraction",
        "1.5",
    ),
    Fault(
        "hdf5-cut",
        f"{QUERY} nasbench101:{H5}",
        (H5, "cannot be read as HDF5"),
        remake(H5, lambda c: c[:4000]),
    ),
    Fault(
        "hdf5-text", f"{QUERY} nasbench101:{H5}", (H5, "cannot be read as HDF5"), put(H5, "hello\n")
    ),
    Fault(
        "records-flipped",
        "nasbench convert format_sample.tfrecord out.h5",
        ("format_sample.tfrecord: byte ", "checksum"),
        remake("format_sample.tfrecord", flipped(0.5)),
    ),
    Fault(
        "records-cut",
        "nasbench convert format_sample.tfrecord out.h5",
        ("format_sample.tfrecord: byte ", "truncated"),
        remake("format_sample.tfrecord", lambda c: c[:-7]),
    ),
    lines("flipped", remake(LINES, flipped(0.5)), "is not a complete gzip file"),
    lines(
        "accuracy",
        row(lambda r: r["validation_accuracy"].update({"108": 94.3})),
        ":2: ",
        "a fraction between 0 and 1",
        "94.3",
    ),
    lines("true", row(lambda r: r.update(training_time=True)), ":2: ", "True is not a number"),
    lines("huge", row(lambda r: r.update(trainable_parameters=10**400)), ":2: "),
    lines("no-matrix", row(lambda r: r.update(adjacency=[1, [2]])), ":2: "),
    lines("nested", row(lambda r: r.update(adjacency=[[[[0]]]])), ":2: "),
    lines("key-twice", change(LINES, '{"', '{"hash": "x", "'), ":1: ", "stands twice"),
    lines("deep", change(LINES, "{", "[" * 3000 + "{"), ":1: ", "nested more than 50 deep"),
    cells("flipped", remake(CELLS, flipped(0.5)), "is not a complete gzip file"),
    cells(
        "percent",
        cell("cifar10_test_accuracy", "101"),
        ":3: ",
        "percent between 0 and 100",
        "101",
    ),
    cells("underscore", cell("cifar10_test_accuracy", "85_86"), ":3: ", "'85_86'"),
    cells("word", cell("cifar10_test_accuracy", "good"), ":3: ", "'good'"),
    cells("arch", cell("arch", "|nor_conv_3x3~0|"), ":3: "),
    recipes(
        "twice",
        recipe(lambda r: r.update(recepie_id=900000)),
        "entry 1",
        "stands at entry 0 already",
    ),
    recipes(
        "text",
        recipe(lambda r: r.update(wt2_best_test_loss="5")),
        "(entry 1)",
        "must be a number or null, but found '5'",
    ),
    recipes("negative", recipe(lambda r: r.update(ptb_test_loss=-1)), "(entry 1)", "-1"),
    recipes(
        "recipe",
        recipe(lambda r: r.update(recepie=[1])),
        "(entry 1)",
        "a non-empty object of nodes",
    ),
    recipes("cut", remake(RECIPES, lambda c: c[:-5]), "is not JSON"),
    recipes("deep", put(RECIPES, "[" * 100_000), "nested more than 50 deep"),
    recipes(
        "half-a-character",
        put(RECIPES, '[{"recepie_id": "\\ud800"}]'),
        "'\\ud800'",
        "half of a character",
    ),
    Fault(
        "logs-flipped",
        "epsinas nasbench-nlp --logs logs_wikitext2.zip",
        ("logs_wikitext2.zip",),
        remake("logs_wikitext2.zip", flipped(0.3)),
    ),
    Fault(
        "logs-text",
        "epsinas nasbench-nlp --logs logs_wikitext2.zip",
        ("logs_wikitext2.zip: cannot be read as a zip archive",),
        put("logs_wikitext2.zip", "hello\n"),
    ),
    Fault(
        "predictor-nan",
        PREDICT,
        ("hats.pt", FIRST, "NaN or infinite"),
        weights(lambda w: w[FIRST].fill_(float("nan"))),
    ),
    Fault(
        "predictor-infinite",
        PREDICT,
        ("hats.pt", "predict.bias", "NaN or infinite"),
        weights(lambda w: w["predict.bias"].fill_(float("inf"))),
    ),
    Fault(
        "predictor-shape",
        PREDICT,
        ("hats.pt: is a damaged latency predictor",),
        weights(lambda w: w.update({FIRST: torch.zeros(3, 10)})),
    ),
    Fault(
        "predictor-claims",
        PREDICT,
        ("hats.pt", FIRST, "holds 4 bytes"),
        weights(lambda w: w.update({FIRST: torch.zeros(1).expand(10**6, 10**6)})),
    ),
    Fault(
        "predictor-sparse",
        PREDICT,
        ("hats.pt", FIRST, "a plain tensor"),
        weights(lambda w: w.update({FIRST: torch.zeros(3, 10).to_sparse()})),
    ),
    Fault("predictor-whole", PREDICT, ("hats.pt",), weights(lambda w: w.update({FIRST: 3}))),
    Fault(
        "predictor-cut", PREDICT, ("hats.pt", "is damaged"), remake("hats.pt", lambda c: c[:-100])
    ),
    Fault(
        "predictor-text",
        PREDICT,
        ("hats.pt", "is not a latency predictor"),
        put("hats.pt", "hello\n"),
    ),
    Fault(
        "predictor-flags", PREDICT.replace("--lat-norm 1", "--lat-norm 1_0"), ("--lat-norm", "1_0")
    ),
]


@as_tests(FAULTS)
def test_is_refused_in_one_sentence(fault: Fault, documents: Path, tmp_path: Path) -> None:
    refused(fault, documents, tmp_path)


STATES: list[tuple[str, Any, str]] = [
    ("parents-far", {"algorithm": {"parents": [99999]}}, "parents must be 0 to "),
    ("parents-negative", {"algorithm": {"parents": [-1]}}, "parents must be 0 to "),
    ("parents-texts", {"algorithm": {"parents": ["1"]}}, "parents must hold whole numbers"),
    ("parents-word", {"algorithm": {"parents": "12"}}, "parents must be a list"),
    ("parents-gone", {"algorithm": {"parents": None}}, "parents must be a list"),
    ("rng", {"algorithm": {"rng": {"state": 1}}}, "does not fit this search"),
    ("collisions", {"algorithm": {"collisions": 1.5}}, "collisions must hold whole numbers"),
    ("algorithm", {"algorithm": []}, "'algorithm' must be a JSON object, but found []"),
    ("rounds", {"rounds": "2"}, "'rounds' must be a whole number, but found '2'"),
    ("rounds-negative", {"rounds": -1}, "'rounds' must be a whole number from 1, but found -1"),
    ("rounds-few", {"rounds": 1}, "'rounds' is 1, but trials.jsonl holds more of them"),
    ("trials", {"trials": True}, "'trials' must be a whole number, but found True"),
    ("trials-many", {"trials": 10**30}, "'trials' must be a whole number"),
    ("seconds", {"elapsed_s": "1"}, "'elapsed_s' must be a number, but found '1'"),
    ("format", {"format": None}, "'format' must be a whole number, but found None"),
    ("conditions", {"conditions": [1]}, "'conditions' must be a JSON object"),
]


@pytest.mark.parametrize(
    ("change_", "message"), [(c, m) for _, c, m in STATES], ids=[n for n, *_ in STATES]
)
def test_the_state_of_a_search_is_refused(
    change_: dict[str, Any], message: str, tmp_path: Path
) -> None:
    make_search(tmp_path).run(2)
    path = tmp_path / "search_state.json"
    state = json.loads(path.read_text())
    for key, value in change_.items():
        if isinstance(value, dict) and isinstance(state.get(key), dict):
            value = {**state[key], **value}
        state[key] = value
    path.write_text(json.dumps(state))
    with pytest.raises(HatError) as caught:
        make_search(tmp_path)
    assert message in str(caught.value) and str(path) in str(caught.value)


TRIALS = [
    ({"arch": None}, "'arch' is none of this search"),
    ({"round": 1.5}, "'round' must be a whole number, but found 1.5"),
    ({"scores": 3}, "'scores' must be a JSON object, but found 3"),
    ({"scores": {}}, "'scores': has no 'loss'"),
    ({"scores": {"loss": "1"}}, "'scores': 'loss' must be a number, but found '1'"),
    ({"costs": {"size": [1]}}, "'costs': 'size' must be a number, but found [1]"),
    ({"share": -1}, "'share' must be 0 or more, but found -1"),
]


@pytest.mark.parametrize(("change_", "message"), TRIALS)
def test_a_trial_is_refused(change_: dict[str, Any], message: str, tmp_path: Path) -> None:
    make_search(tmp_path).run(2)
    path = tmp_path / "trials.jsonl"
    first, rest = path.read_text().split("\n", 1)
    path.write_text(json.dumps({**json.loads(first), **change_}) + "\n" + rest)
    with pytest.raises(HatError) as caught:
        make_search(tmp_path)
    assert message in str(caught.value) and f"{path}:1" in str(caught.value)


SIDECARS = [
    ({"event": "reference", "rows": "all"}, "'rows' must be a list, but found 'all'"),
    ({"event": "reference", "rows": [1.5]}, "'rows' must be a whole number, but found 1.5"),
    ({"event": "reference"}, "has no 'rows'"),
    (
        {"event": "baseline", "baseline_ms": "2", "noise": 0.1},
        "'baseline_ms' must be a number, but found '2'",
    ),
    ({"event": "baseline", "baseline_ms": 2.0}, "has no 'noise'"),
    ({"event": "baseline", "baseline_ms": -2.0, "noise": 0.1}, "but found -2.0"),
]


@pytest.mark.parametrize(("event", "message"), SIDECARS)
def test_an_event_of_a_sidecar_is_refused(
    event: dict[str, Any], message: str, documents: Path, tmp_path: Path
) -> None:
    first = (documents / "latency.csv.meta.jsonl").read_text().split("\n")[0]
    path = tmp_path / "latency.csv.meta.jsonl"
    path.write_text(f"{first}\n{json.dumps(event)}\n")
    with pytest.raises(HatError) as caught:
        found = read_sidecar(tmp_path / "latency.csv")
        assert found is not None
        last_baseline(found), unchecked_rows(found, 3)
    assert message in str(caught.value) and f"{path}:2" in str(caught.value)


@pytest.mark.parametrize("name", ["residuals", "choices", "facts", "feature_norm", "state", "kind"])
@pytest.mark.parametrize("value", [None, 3, "x", [1], {"a": "b"}, torch.tensor(float("nan"))])
def test_a_predictor_of_ours_with_a_wrong_part_is_refused(
    name: str, value: Any, documents: Path, tmp_path: Path
) -> None:
    path = next((documents / "run").glob("predictor*.pt"))
    content = torch.load(path)
    content[name] = value
    torch.save(content, tmp_path / "p.pt")
    with pytest.raises(HatError, match=r"p\.pt"):
        load_predictor(tmp_path / "p.pt")
