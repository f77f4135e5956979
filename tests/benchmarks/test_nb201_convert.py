"""NAS-Bench-201's and NATS-Bench's published files become a table that says the same."""

import bz2
import copy
import csv
import gzip
import json
import pickle
import shutil
import tracemalloc
from itertools import product

import numpy as np
import pytest

from hat.arch.nb201_cell import NB201_OPERATIONS, Nb201Cell, parse_nb201
from hat.benchmarks.load import load_benchmark
from hat.benchmarks.nb201 import METRICS
from hat.benchmarks.nb201_convert import Nb201Conversion, convert_nb201
from hat.formats import pickle_stream
from tests.conftest import MADE_DATA
from tests.data.make import nasbench201_files as made

NATS = MADE_DATA / made.NATS_FOLDER
EXPECTED = MADE_DATA / "nasbench201" / "NATS-tss-v1_0-made.expected.json.gz"


def rows_of(path):
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", newline="") as stream:
        return {row.pop("index"): row for row in csv.DictReader(stream)}


def assert_holds(path, expected):
    """Every number of the table is an expected one, and every expected one is there."""
    found = rows_of(path)
    assert list(found) == sorted(expected, key=int)
    for index, row in found.items():
        wanted = dict(expected[index])
        assert row.pop("arch") == wanted.pop("arch")
        assert {name: float(text) for name, text in row.items() if text} == wanted
    table = load_benchmark(f"nasbench201:{path}")
    assert len(table) == len(expected)
    for wanted in expected.values():
        id = wanted["arch"]
        assert table.arch(id) == parse_nb201(id)
        means = {}
        for name, value in wanted.items():
            metric, _, run = name.partition("@")
            if run:
                epochs, seed = map(int, run.split(":"))
                value = value / 100 if METRICS[metric].unit == "fraction" else value
                assert table.query(id, metric, epochs=epochs, seed=seed) == value
                means.setdefault((metric, epochs), []).append(value)
            elif name != "arch":
                assert table.query(id, metric) == value
        for (metric, epochs), values in means.items():
            assert table.query(id, metric, epochs=epochs) == pytest.approx(np.mean(values))


@pytest.mark.parametrize("zipped", [False, True])
def test_the_api_file(zipped, api_file, tmp_path):
    content, expected = api_file
    made.save_api_file(tmp_path / "NAS-Bench-201-v1_0.pth", content, zipped=zipped)
    found = convert_nb201(tmp_path / "NAS-Bench-201-v1_0.pth", tmp_path / "out.csv")
    assert (found.num_architectures, found.num_cells, found.num_runs) == (3, 3, 24)
    assert (found.epochs, found.seeds) == ((12, 200), (777, 888, 999))
    assert set(found.metrics) | {"num_params", "flops", "latency"} == set(METRICS) - {
        "epsinas_cifar10_reference"
    }
    assert_holds(tmp_path / "out.csv", expected)


def test_the_folder(tmp_path):
    with gzip.open(EXPECTED) as stream:
        expected = json.load(stream)
    found = convert_nb201(NATS, tmp_path / "out.csv.gz")
    assert found == Nb201Conversion(
        num_architectures=3,
        num_cells=4,
        num_runs=36,
        epochs=(12, 200),
        seeds=(111, 777, 888, 999),
        metrics=found.metrics,
    )
    assert_holds(tmp_path / "out.csv.gz", expected)
    convert_nb201(NATS, tmp_path / "again.csv.gz")
    assert (tmp_path / "out.csv.gz").read_bytes() == (tmp_path / "again.csv.gz").read_bytes()


def test_weights_do_not_matter(tmp_path):
    """The folder ``-full`` has them, and may name its files without leading zeros."""
    folder = tmp_path / "NATS-tss-v1_0-made-full"
    folder.mkdir()
    shutil.copy(NATS / "meta.pickle.pbz2", folder)
    infos, expected = made.nats_arch(2, weights=True)
    (folder / "2.pickle.pbz2").write_bytes(bz2.compress(pickle.dumps(infos, protocol=4)))
    convert_nb201(folder, tmp_path / "out.csv")
    assert_holds(tmp_path / "out.csv", {"2": expected})


def test_one_pickle_with_everything(tmp_path):
    infos, expected = zip(*(made.nats_arch(index) for index in range(4)), strict=True)
    content = {"meta_archs": list(made.ARCHS), "total_archs": 4}
    content |= {"arch2infos": dict(enumerate(infos)), "evaluated_indexes": set(range(4))}
    path = tmp_path / "NATS-tss-v1_0-made.pickle.pbz2"
    path.write_bytes(bz2.compress(pickle.dumps(content, protocol=4)))
    convert_nb201(path, tmp_path / "out.csv")
    assert_holds(tmp_path / "out.csv", dict(zip("0123", expected, strict=True)))


def test_the_archive_of_single_files(api_file, tmp_path):
    content, expected = api_file
    folder = tmp_path / "NAS-Bench-201-v1_1-archive"
    folder.mkdir()
    for index, infos in content["arch2infos"].items():
        made.save_api_file(folder / f"{index:06d}-FULL.pth", infos)
    found = convert_nb201(folder, tmp_path / "out.csv")
    assert found.num_cells is None
    assert_holds(tmp_path / "out.csv", expected)


def test_a_converted_table_is_searched_and_learnt_from(api_file, tmp_path, capsys):
    from hat.commands.nasbench import main

    made.save_api_file(tmp_path / "a.pth", api_file[0])
    main(["convert", "--quiet", str(tmp_path / "a.pth"), str(tmp_path / "a.csv")])
    result = json.loads(capsys.readouterr().out)
    assert (result["architectures"], result["trainings"]) == (3, 24)
    assert "|source:" in result["signature"]
    words = ["query", f"nasbench201:{tmp_path}/a.csv", made.ARCHS[1]]
    main([*words, "--epochs", "12", "--seed", "777"])
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    known = {"cifar10_valid_validation_accuracy", "cifar10_valid_test_accuracy"}
    known |= {"cifar10_valid_training_time", "num_params", "flops", "latency"}
    assert set(result) == {*known, "id", "signature"}


def test_memory_does_not_grow_with_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(pickle_stream, "_BLOCK_BYTES", 1 << 16)
    peaks = []
    cells = [str(Nb201Cell(names)) for names in product(NB201_OPERATIONS[:2], repeat=6)]
    for count in (2, 8):
        table = {index: named(index, cells[index]) for index in range(count)}
        content = {"meta_archs": cells, "total_archs": len(cells), "arch2infos": table}
        made.save_api_file(tmp_path / "a.pth", {**content, "evaluated_indexes": list(table)})
        tracemalloc.start()
        convert_nb201(tmp_path / "a.pth", tmp_path / "x.csv")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (tmp_path / "a.pth").stat().st_size > 1.5e6
    assert peaks[1] < peaks[0] + 5e5  # a cell as Python objects takes over 1e6


def named(index, name):
    """What is said of a cell of this name; made anew, so that no two cells share an object."""
    infos, _ = made.api_arch(1)
    for results in infos.values():
        results |= {"arch_index": index, "arch_str": name}
        for run in results["all_results"].values():
            run["arch_config"]["arch_str"] = name
    return infos


def test_what_a_run_may_lack(api_file, tmp_path):
    content = copy.deepcopy(api_file[0])
    run = content["arch2infos"][1]["full"]["all_results"]["cifar10", 888]
    run |= {"train_times": None, "latency": None, "eval_names": [], "eval_acc1es": {}}
    made.save_api_file(tmp_path / "a.pth", content)
    convert_nb201(tmp_path / "a.pth", tmp_path / "out.csv")
    row = rows_of(tmp_path / "out.csv")["1"]
    assert (row["cifar10_test_accuracy@200:888"], row["cifar10_training_time@200:888"]) == ("", "")
    assert row["cifar10_test_accuracy@200:999"] and row["latency"]
