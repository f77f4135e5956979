"""NAS-Bench-201's and NATS-Bench's published files become a table that says the same."""

import bz2
import copy
import csv
import gzip
import io
import json
import os
import pickle
import shutil
import tracemalloc
import zipfile
from itertools import product

import numpy as np
import pytest

from hat.arch.nb201_cell import NB201_OPERATIONS, Nb201Cell, parse_nb201
from hat.benchmarks.load import load_benchmark
from hat.benchmarks.nb201 import METRICS
from hat.benchmarks.nb201_convert import Nb201Conversion, convert_nb201
from hat.errors import ConfigError, DataError
from hat.formats import pickle_stream
from tests.conftest import MADE_DATA
from tests.data.make import nasbench201_files as made

NATS = MADE_DATA / "nasbench201" / "NATS-tss-v1_0-made-simple"
EXPECTED = MADE_DATA / "nasbench201" / "NATS-tss-v1_0-made.expected.json.gz"


@pytest.fixture(scope="module")
def api_file():
    return made.api_file()


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
    infos, peaks = made.api_arch(1)[0], []
    cells = [str(Nb201Cell(names)) for names in product(NB201_OPERATIONS[:2], repeat=6)]
    for count in (2, 8):
        table = {index: renamed(infos, index, cells[index]) for index in range(count)}
        content = {"meta_archs": cells, "total_archs": len(cells), "arch2infos": table}
        made.save_api_file(tmp_path / "a.pth", {**content, "evaluated_indexes": list(table)})
        tracemalloc.start()
        convert_nb201(tmp_path / "a.pth", tmp_path / "x.csv")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (tmp_path / "a.pth").stat().st_size > 1.5e6
    assert peaks[1] < peaks[0] + 5e5  # a cell as Python objects takes over 1e6


def renamed(infos, index, name):
    """A copy of what is said of one cell, of another, with no object shared between copies."""
    infos = pickle.loads(pickle.dumps(infos))
    for results in infos.values():
        results |= {"arch_index": index, "arch_str": name}
        for run in results["all_results"].values():
            run["arch_config"]["arch_str"] = name
    return infos


FULL = ("arch2infos", 1, "full")
RUN = (*FULL, "all_results", ("cifar10", 888))
WHERE = r"a\.pth: architecture 1, 200 epochs"
AT_RUN = rf"{WHERE}, cifar10, seed 888: "


def put(*path_and_value):
    *path, last, value = path_and_value

    def change(content):
        for key in path:
            content = content[key]
        if value is ...:
            del content[last]
        else:
            content[last] = value

    return change


WRONG = {
    "no meta_archs": (put("meta_archs", ...), "is not NAS-Bench-201's .* no 'meta_archs'"),
    "no infos": (put("arch2infos", {}), "holds no architectures"),
    "no indexes": (put("evaluated_indexes", ...), "it has no 'evaluated_indexes'"),
    "other indexes": (
        put("evaluated_indexes", [0, 1]),
        "evaluated_indexes and arch2infos must name the same .* only one of them has 2",
    ),
    "another cell": (
        put("meta_archs", 1, made.ARCHS[3]),
        r"architecture 1 is '\|none~0.*', but meta_archs has '\|skip_connect~0",
    ),
    "too few cells": (put("meta_archs", list(made.ARCHS[:2])), "meta_archs has only 2 cells"),
    "a cell twice": (
        put("meta_archs", [*made.ARCHS[:3], made.ARCHS[0]]),
        r"meta_archs\[3\]: the cell .* stands at .*meta_archs\[0\] already",
    ),
    "text for an index": (put("arch2infos", "1", {}), "architecture '1': expected a number"),
    "no results": (put("arch2infos", 1, {}), "architecture 1: expected a number with the results"),
    "size space": (
        put("arch2infos", 1, {"90": {}}),
        "architecture 1: the length of training must be one of less, .* but found '90'",
    ),
    "index of another": (put(*FULL, "arch_index", 2), f"{WHERE}: stands under 1, but says arch_i"),
    "no cell": (put(*FULL, "arch_str", "64:64:64"), f"{WHERE}: '64:64:64' is no cell of NAS-Bench"),
    "text missing": (put(*FULL, "arch_str", ...), f"{WHERE}: has no 'arch_str'"),
    "other cell after 12": (
        put("arch2infos", 1, "less", "arch_str", made.ARCHS[0]),
        "architecture 1, 12 epochs, cifar10-valid, seed 777: the run is of another cell",
    ),
    "unknown data set": (
        put(*FULL, "dataset_seed", "svhn", [1]),
        f"{WHERE}: the data set must be one of cifar10-valid, .* but found 'svhn'",
    ),
    "seed twice": (
        put(*FULL, "dataset_seed", "cifar10", [777, 888, 888, 999]),
        f"{WHERE}, cifar10: a seed stands twice",
    ),
    "seed missing": (
        put(*FULL, "dataset_seed", "cifar10", [777, 999]),
        rf"{WHERE}: dataset_seed and all_results .* only one of them has \('cifar10', 888\)",
    ),
    "seeds no list": (
        put(*FULL, "dataset_seed", "cifar10", 777),
        f"{WHERE}, cifar10: the seeds mus",
    ),
    "other seed": (put(*RUN, "seed", 777), f"{AT_RUN}the run says seed 777"),
    "other data set": (put(*RUN, "name", "cifar100"), f"{AT_RUN}name must be 'cifar10', but found"),
    "other epochs": (put(*RUN, "epochs", 199), f"{AT_RUN}epochs must be 200, but found 199"),
    "run of another cell": (
        put(*RUN, "arch_config", {"arch_str": made.ARCHS[0]}),
        f"{AT_RUN}the run is of another cell: '",
    ),
    "epoch missing": (
        put(*RUN, "train_acc1es", 5, ...),
        f"{AT_RUN}train_acc1es must have the epochs 0 to 199, but has 199 entries",
    ),
    "accuracy above 100": (
        put(*RUN, "train_acc1es", 5, 100.5),
        rf"{AT_RUN}train_acc1es\[5\] must be percent between 0 and 100, but found 100.5",
    ),
    "negative test accuracy": (
        put(*RUN, "eval_acc1es", "ori-test@199", -1.0),
        rf"{AT_RUN}eval_acc1es\['ori-test@199'\] must be percent .* but found -1.0",
    ),
    "accuracy not a number": (
        put(*RUN, "eval_acc1es", "ori-test@7", float("nan")),
        rf"{AT_RUN}eval_acc1es\['ori-test@7'\] must be percent .* but found nan",
    ),
    "accuracy a text": (
        put(*RUN, "eval_acc1es", "ori-test@7", "90"),
        rf"{AT_RUN}eval_acc1es\['ori-test@7'\] must be percent .* but found '90'",
    ),
    "no last accuracy": (
        put(*RUN, "eval_acc1es", "ori-test@199", ...),
        f"{AT_RUN}eval_acc1es has no 'ori-test@199', the value of the last epoch",
    ),
    "epoch too many": (
        put(*RUN, "eval_acc1es", "ori-test@200", 1.0),
        f"{AT_RUN}eval_acc1es must be named NAME@EPOCH .* but found 'ori-test@200'",
    ),
    "unknown evaluation": (
        put(*RUN, "eval_names", ["test"]),
        f"{AT_RUN}eval_names must be some of",
    ),
    "negative time": (
        put(*RUN, "train_times", 3, -0.5),
        rf"{AT_RUN}train_times\[3\] must be finite seconds, not negative, but found -0.5",
    ),
    "endless time": (put(*RUN, "train_times", 3, float("inf")), rf"{AT_RUN}train_times\[3\] must"),
    "time missing": (put(*RUN, "train_times", 3, ...), f"{AT_RUN}train_times must have the epochs"),
    "no size": (put(*RUN, "params", None), f"{AT_RUN}params must be millions above 0, but found"),
    "negative flops": (put(*RUN, "flop", -1.0), f"{AT_RUN}flop must be millions above 0"),
    "endless latency": (
        put(*RUN, "latency", [float("inf")]),
        rf"{WHERE}, seed 888: latency must be finite, but found \[inf\]",
    ),
    "no dictionary": (put(*RUN[:-1], ("cifar10", 888), 5), f"{AT_RUN}has no 'name'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_every_row_is_checked(name, api_file, tmp_path):
    change, message = WRONG[name]
    content = copy.deepcopy(api_file[0])
    change(content)
    made.save_api_file(tmp_path / "a.pth", content, zipped=True)
    (tmp_path / "out.csv").write_text("what stood here before")
    with pytest.raises(DataError, match=message):
        convert_nb201(tmp_path / "a.pth", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "what stood here before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pth", "out.csv"]


def test_what_a_run_may_lack(api_file, tmp_path):
    content = copy.deepcopy(api_file[0])
    for name in ("train_times", "latency"):
        put(*RUN, name, None)(content)
    put(*RUN, "eval_names", [])(content)
    put(*RUN, "eval_acc1es", {})(content)
    made.save_api_file(tmp_path / "a.pth", content)
    convert_nb201(tmp_path / "a.pth", tmp_path / "out.csv")
    row = rows_of(tmp_path / "out.csv")["1"]
    assert (row["cifar10_test_accuracy@200:888"], row["cifar10_training_time@200:888"]) == ("", "")
    assert row["cifar10_test_accuracy@200:999"] and row["latency"]


class Runs:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("kind", ["legacy", "zip", "bz2", "folder", "meta"])
def test_a_file_that_would_run_something_is_refused(kind, api_file, tmp_path):
    target = tmp_path / "made"
    source = tmp_path / ("x.pth" if kind in ("legacy", "zip") else "x.pickle.pbz2")
    bad = bz2.compress(pickle.dumps({"meta_archs": Runs(str(target))}, protocol=4))
    if kind in ("legacy", "zip"):
        content = {**api_file[0], "more": Runs(str(target))}
        made.save_api_file(source, content, zipped=kind == "zip")
    elif kind == "bz2":
        source.write_bytes(bad)
    else:
        source = tmp_path / "folder"
        source.mkdir()
        for name in ("meta", "000000"):
            shutil.copy(NATS / f"{name}.pickle.pbz2", source)
        (source / ("meta.pickle.pbz2" if kind == "meta" else "000000.pickle.pbz2")).write_bytes(bad)
    with pytest.raises(
        DataError, match=r"byte \d+: refused, because it holds 'posix.mkdir', which"
    ):
        convert_nb201(source, tmp_path / "out.csv")
    assert not target.exists() and not (tmp_path / "out.csv").exists()


def zipped(name):
    """An archive of one file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, b"\x80\x02N.")
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.pth", b"PK\x03\x04 no zip", "x.pth: cannot be read: "),
        (
            "x.pth",
            b"\x80\x02K\x05.\x80\x02K\x05.\x80\x02K\x05.",
            "it does not begin as such a file",
        ),
        ("x.pth", b"\x80\x02", "x.pth: byte 0: is damaged"),
        ("x.pickle.pbz2", b"BZh9 no bzip2", "x.pickle.pbz2: cannot be read: Invalid data stream"),
        (
            "x.pickle.pbz2",
            bz2.compress(pickle.dumps([1], 4)),
            "expected a dictionary, but found li",
        ),
        ("x.pickle.pbz2", bz2.compress(b"x" * 99)[:-9], "x.pickle.pbz2: "),
    ],
)
def test_damaged_files(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        convert_nb201(tmp_path / name, tmp_path / "out.csv")


def test_a_cut_file(api_file, tmp_path):
    made.save_api_file(tmp_path / "a.pth", api_file[0])
    data = (tmp_path / "a.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match=r"a.pth: byte \d+: is damaged .* in the middle of a value"):
        convert_nb201(tmp_path / "a.pth", tmp_path / "out.csv")


def test_sources_and_targets_that_do_not_fit(tmp_path):
    with pytest.raises(ConfigError, match=r"out.h5: this table is written as .csv or .csv.gz"):
        convert_nb201(NATS, tmp_path / "out.h5")
    with pytest.raises(DataError, match="nowhere: cannot be read: No such file"):
        convert_nb201(tmp_path / "nowhere", tmp_path / "out.csv")
    with pytest.raises(
        DataError, match=r"the folder holds no 000000.pickle.pbz2 or 000000-FULL.pth"
    ):
        convert_nb201(tmp_path, tmp_path / "out.csv")
    shutil.copy(NATS / "000000.pickle.pbz2", tmp_path / "000000.pickle.pbz2")
    with pytest.raises(DataError, match=r"meta.pickle.pbz2: cannot be read: No such file"):
        convert_nb201(tmp_path, tmp_path / "out.csv")
    shutil.copy(NATS / "meta.pickle.pbz2", tmp_path)
    shutil.copy(NATS / "000000.pickle.pbz2", tmp_path / "000003.pickle.pbz2")
    with pytest.raises(DataError, match=r"000003.* stands under 3, but says arch_index 0"):
        convert_nb201(tmp_path, tmp_path / "out.csv")
    (tmp_path / "000003.pickle.pbz2").rename(tmp_path / "0.pickle.pbz2")
    with pytest.raises(DataError, match="architecture 0 stands there twice"):
        convert_nb201(tmp_path, tmp_path / "out.csv")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file/out.csv: cannot be written"):
        convert_nb201(NATS, tmp_path / "file" / "out.csv")


CELL, OTHER = made.ARCHS[0], made.ARCHS[1]
HEAD = "index,arch,cifar10_test_accuracy,num_params"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{HEAD}\n0,{CELL},91,5\n1,{CELL},92,5\n", r"t.csv:3: the cell .* stands at .*:2 already"),
        (f"{HEAD}\n0,{CELL},91,5\n0,{OTHER},9,5\n", r"t.csv:3: the index '0' stands at .*:2 alrea"),
        (f"{HEAD}\n0.5,{CELL},91,5\n", r"t.csv:2: index must be a whole number, not negative, but"),
        (
            f"{HEAD}\n0,{CELL},101,5\n",
            r"t.csv:2: cifar10_test_accuracy must be percent .* found 101",
        ),
        (f"{HEAD}\n0,{CELL},-1,5\n", r"t.csv:2: cifar10_test_accuracy must be percent .* found -1"),
        (
            f"{HEAD}\n0,{CELL},inf,5\n",
            r"t.csv:2: cifar10_test_accuracy must be percent .* found inf",
        ),
        (f"{HEAD}\n0,{CELL},9x,5\n", r"t.csv:2: cifar10_test_accuracy must be a number, but found"),
        (
            f"{HEAD}\n0,{CELL},0.91,5\n1,{OTHER},0.1,5\n",
            r"none is above 0.91: they look like fract",
        ),
        (f"{HEAD}\n0,{CELL},91,0\n", r"t.csv:2: num_params must be a whole number above 0, but"),
        (f"{HEAD}\n0,{CELL},91,5.5\n", r"t.csv:2: num_params must be a whole number above 0, but"),
        (f"arch,bleu\n{CELL},91\n", r"has no column of NAS-Bench-201's values, such as"),
        (f"Arch,bleu\n{CELL},91\n", r"has no column 'arch'; did you mean 'Arch'"),
        (
            f"arch,cifar10_test_accuracy,cifar10_test_accuracy@200:777\n{CELL},91,91\n",
            "cifar10_test_accuracy must stand in one column, or in one for each run, but found",
        ),
        (
            f"arch,cifar10_training_time@12:777\n{CELL},-3\n",
            "t.csv:2: cifar10_training_time@12:777 must be finite seconds, not negative, but",
        ),
    ],
)
def test_rows_that_cannot_be(text, message, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        load_benchmark(f"nasbench201:{tmp_path}/t.csv")


def test_means_and_runs_in_one_table(tmp_path):
    (tmp_path / "t.csv").write_text(
        "arch,cifar10_test_accuracy,cifar100_test_accuracy@12:1,cifar100_test_accuracy@200:2\n"
        f"{CELL},90,50,70\n{OTHER},10,,1\n"
    )
    table = load_benchmark(f"nasbench201:{tmp_path}/t.csv")
    assert (table.epochs, table.seeds) == ((12, 200), (1, 2))
    assert table.query(CELL, "cifar10_test_accuracy", seed=2) == 0.9
    assert table.query(CELL, "cifar100_test_accuracy", epochs=12) == 0.5
    assert table.query(CELL, "cifar100_test_accuracy") == 0.7
    assert np.isnan(table.query(OTHER, "cifar100_test_accuracy", epochs=12))
    with pytest.raises(DataError, match=r"cifar10_test_accuracy is not known after 12 epochs"):
        table.query(CELL, "cifar10_test_accuracy", epochs=12)
