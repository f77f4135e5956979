"""NAS-Bench-201's API file and NATS-Bench's folder, as their authors' classes write them.

Written from the public description of the formats: ``ArchResults`` and ``ResultsCount`` of
``nats_bench/api_utils.py`` (github.com/D-X-Y/NATS-Bench) with their ``state_dict`` and the order of
their attributes; the scripts ``NAS-Bench-201/statistics.py`` and ``NATS-Bench/tss-collect.py`` of
AutoDL-Projects, which say which run was evaluated when; the README files for seeds and versions.
All values are made up.
"""

import bz2
import pickle
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hat.arch.nb201_cell import Nb201Cell
from tests.data.make.files import write, write_json

ARCHS = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|",
    "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|none~1|skip_connect~2|",
    "|skip_connect~0|+|none~0|nor_conv_1x1~1|+|none~0|none~1|nor_conv_3x3~2|",
)
_CLASSES = {"cifar10-valid": 10, "cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}
_PREFIXES = {
    "cifar10-valid": "cifar10_valid",
    "cifar10": "cifar10",
    "cifar100": "cifar100",
    "ImageNet16-120": "imagenet16_120",
}
_SETS = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("ori-test", "x-valid", "x-test"),
    "ImageNet16-120": ("ori-test", "x-valid", "x-test"),
}
Expected = dict[str, Any]

NATS_FOLDER = "nasbench201/NATS-tss-v1_0-made-simple"


def make(folder: Path) -> None:
    """NATS-Bench's folder for three of four cells; the API file is too large to keep."""
    home = folder / NATS_FOLDER
    meta = {"meta_archs": list(ARCHS), "total_archs": len(ARCHS)}
    meta |= {"arch2infos": None, "evaluated_indexes": set()}
    expected = {}
    _write_pickle(home / "meta.pickle.pbz2", meta)
    for index in (0, 2, 3):
        infos, expected[index] = nats_arch(index)
        _write_pickle(home / f"{index:06d}.pickle.pbz2", infos)
    write_json(folder / "nasbench201" / "NATS-tss-v1_0-made.expected.json.gz", expected)


def _write_pickle(path: Path, content: Any) -> None:
    write(path, bz2.compress(pickle.dumps(content, protocol=4)))


def api_file() -> tuple[dict[str, Any], Expected]:
    """The content of the API file for three cells, and what a reader must get."""
    infos, expected = {}, {}
    for index in range(3):
        infos[index], expected[str(index)] = api_arch(index)
    archs = list(ARCHS[:3])
    content = {"meta_archs": archs, "total_archs": 3, "arch2infos": infos}
    return content | {"evaluated_indexes": list(range(3))}, expected


def save_api_file(path: Path, content: Any, *, zipped: bool = False) -> None:
    """As torch saved it when the benchmark was published, or as it does since version 1.6."""
    torch.save(content, path, _use_new_zipfile_serialization=zipped)


def api_arch(index: int) -> tuple[dict[str, Any], Expected]:
    """Version 1.0: 12 epochs on one data set only; after 200, most sets are evaluated once."""
    rng = np.random.default_rng(index)
    full = {"cifar10-valid": (777, 888), "cifar10": (777, 888, 999)}
    full |= {"cifar100": (777,), "ImageNet16-120": (777,)}
    return _arch(
        index, {"full": (200, full), "less": (12, {"cifar10-valid": (777,)})}, rng, seed_type=str
    )


def nats_arch(index: int, *, weights: bool = False) -> tuple[dict[str, Any], Expected]:
    """12 and 200 epochs on every data set; the cells differ in how often they were trained."""
    rng = np.random.default_rng(100 + index)
    short = {"cifar10-valid": (111, 777)} | dict.fromkeys(list(_SETS)[1:], (777,))
    several = (777, 888, 999)[: 1 + index % 3]
    long = {"cifar10-valid": (777, 888)} | dict.fromkeys(list(_SETS)[1:], several)
    found = _arch(index, {"12": (12, short), "200": (200, long)}, rng, weights=weights)
    return OrderedDict(found[0]), found[1]


def _arch(
    index: int,
    lengths: dict[str, tuple[int, dict[str, tuple[int, ...]]]],
    rng: np.random.Generator,
    *,
    weights: bool = False,
    seed_type: type = int,
) -> tuple[dict[str, Any], Expected]:
    infos, runs, costs = {}, {}, {}
    for name, (epochs, trained) in lengths.items():
        results: dict[Any, Any] = {}
        for dataset, seeds in trained.items():
            for seed in seeds:
                run = _run(index, dataset, seed_type(seed), epochs, rng, weights=weights)
                results[dataset, seed] = run
                runs |= {f"{key}@{epochs}:{seed}": v for key, v in _expected(run)}
        state = {
            "arch_index": index,
            "arch_str": ARCHS[index],
            "all_results": results,
            "dataset_seed": {dataset: sorted(seeds) for dataset, seeds in trained.items()},
            "clear_net_done": not weights,
        }
        infos[name] = state
        some = [run for (dataset, _), run in results.items() if dataset == "cifar10"]
        if epochs == 200:
            trusted = [run for run in some if int(run["seed"]) == 888] or some
            costs = {
                "num_params": round(trusted[0]["params"] * 1e6),
                "flops": round(trusted[0]["flop"] * 1e6),
                "latency": float(np.mean([np.mean(run["latency"]) for run in some])),
            }
    return infos, {"arch": ARCHS[index], **costs, **runs}


def _run(
    index: int,
    dataset: str,
    seed: Any,
    epochs: int,
    rng: np.random.Generator,
    *,
    weights: bool,
) -> dict[str, Any]:
    """The attributes of a ``ResultsCount`` in the order in which its methods set them."""
    cell = Nb201Cell(tuple(e.split("~")[0] for e in ARCHS[index].replace("+", "").split("|") if e))
    classes = _CLASSES[dataset]
    best = float(rng.uniform(0.5, 0.95) * 100)
    wrong = 0.25 if int(seed) == 777 and dataset == "cifar10" and index == 2 else 0.0
    state = {
        "name": dataset,
        "train_acc1es": _curve(best, epochs),
        "train_acc5es": _curve(min(100.0, best + 4.5), epochs),
        "train_losses": _curve(2.5, epochs),
        "train_times": OrderedDict.fromkeys(range(epochs), round(float(rng.uniform(5, 40)), 6)),
        "arch_config": {
            "channel": 16,
            "num_cells": 5,
            "arch_str": ARCHS[index],
            "class_num": classes,
        },
        "params": cell.num_params(num_classes=classes) / 1e6 + wrong,
        "flop": cell.macs(num_classes=classes) / 1e6,
        "seed": seed,
        "epochs": epochs,
        "latency": [round(float(rng.uniform(0.01, 0.03)), 6)],
        "eval_names": [],
        "eval_acc1es": {},
        "eval_times": {},
        "eval_losses": {},
        "net_state_dict": None,
    }
    every = epochs == 12
    for position, name in enumerate(_SETS[dataset]):
        # After 200 epochs only the set that was watched in training has more than a last value.
        watched = range(epochs) if every or position == 0 else [epochs - 1]
        state["eval_names"].append(name)
        for epoch, value in _curve(best - 3 - position, epochs).items():
            if epoch in watched:
                key = f"{name}@{epoch}"
                state["eval_acc1es"][key] = value
                state["eval_losses"][key if every else f"{name}@{epoch}"] = round(value / 50, 4)
        for epoch in range(epochs):
            state["eval_times"][f"{name}@{epoch}"] = 1.5
    if weights:
        tensors = OrderedDict({"stem.0.weight": torch.zeros(16, 3, 3, 3)})
        tensors["lastact.0.num_batches_tracked"] = torch.tensor(7)
        tensors._metadata = OrderedDict({"": {"version": 1}})  # type: ignore[attr-defined]
        state["net_state_dict"] = tensors
    return state


def _curve(best: float, epochs: int) -> dict[int, float]:
    """Rises to ``best``, which it keeps with all digits."""
    values = {e: round(best * (1 - 0.7 * 0.9 ** (12 * e / epochs)), 1) for e in range(epochs)}
    return values | {epochs - 1: best}


def _expected(run: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """What a reader must find in a run: last accuracies and the time of all epochs."""
    prefix, last = _PREFIXES[run["name"]], run["epochs"] - 1
    names = {"x-valid": "validation", "ori-test": "test", "x-test": "test"}
    for name in run["eval_names"]:
        if name == "ori-test" and run["name"] in ("cifar100", "ImageNet16-120"):
            continue  # validation and test set together
        yield f"{prefix}_{names[name]}_accuracy", run["eval_acc1es"][f"{name}@{last}"]
    yield f"{prefix}_training_time", float(sum(run["train_times"].values()))
