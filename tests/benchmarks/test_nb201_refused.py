"""Published files of NAS-Bench-201 that are damaged, hostile or cannot be are no table."""

import bz2
import copy
import os
import pickle
import shutil

import numpy as np
import pytest
import torch

from hat.benchmarks.nb201_convert import convert_nb201
from hat.errors import ConfigError, DataError
from tests.conftest import MADE_DATA
from tests.data.make import nasbench201_files as made

NATS = MADE_DATA / made.NATS_FOLDER

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


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("latency", np.array([0.25]), "latency must be a list of seconds, but found an array, wh"),
        ("params", torch.tensor(1.5), "params must be millions above 0, but found an array, which"),
        ("train_times", np.ones(200), "train_times must be of type dict, but found Unread"),
    ],
)
def test_a_number_that_is_an_array_is_not_taken_for_missing(
    name, value, message, api_file, tmp_path
):
    content = copy.deepcopy(api_file[0])
    put(*RUN, name, value)(content)
    made.save_api_file(tmp_path / "a.pth", content)
    with pytest.raises(DataError, match=rf"{WHERE}.*seed 888: {message}"):
        convert_nb201(tmp_path / "a.pth", tmp_path / "out.csv")


def test_arrays_that_nobody_needs_are_passed_over(api_file, tmp_path):
    content = copy.deepcopy(api_file[0])
    put(*RUN, "train_losses", np.ones(200))(content)
    content["meta_archs"] = tuple(content["meta_archs"])
    made.save_api_file(tmp_path / "a.pth", content)
    assert convert_nb201(tmp_path / "a.pth", tmp_path / "out.csv").num_architectures == 3
