"""NAS-Bench-NLP: recipes with their losses, training logs, reference scores, a result file.

The recipes are textbook cells and variants of them. Losses, times and curves are made up.
Parameters are counted on networks that are built. Scores come from a plain loop over a network
whose weights are all equal, where every unit of a layer holds the same number.

Logs hold the keys of the published ones, in their order. Those of ``train_logs_multi_runs.zip``
name a corpus, which lies beside the archive; ``epsinas_multi_runs.pickle`` is what the epsinas
authors' second notebook writes about them.
"""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hat.arch.recipe import parse_recipe
from hat.models.cells.recurrent import RecipeLanguageModel
from tests.data.make.files import write, write_json, write_zip
from tests.data.make.text import article

Recipe = dict[str, dict[str, Any]]

WIKITEXT2_WORDS, EPOCHS, BPTT = 33278, 50, 70
STEPS, SENTENCES, WEIGHTS = 6, 4, (1e-5, 1e-3)
VOCABULARY, EMBED_DIM, HIDDEN_DIM = 10_000, 400, 600


def make(folder: Path) -> None:
    rng = np.random.default_rng(3)
    home = folder / "nasbench_nlp"
    entries, logs = [], {}
    for number, recipe in enumerate(_recipes()):
        params = _num_params(recipe, WIKITEXT2_WORDS)
        id = 900_000 + 37 * number
        log = _log(recipe, id, params, "data/wikitext-2", ended_in_nan=number == 2, rng=rng)
        logs[f"log_stats_model_{id}_2020-01-{number + 1:02}_00-00-00_{number}.json"] = json.dumps(
            log
        )
        entries.append(
            {
                "recepie_id": id,
                "recepie": recipe,
                "wt2_best_test_loss": float(np.nanmin(log["test_losses"])),
                "wt2_num_params": params,
                "ptb_test_loss": round(log["test_losses"][0] - 0.2, 4),
            }
        )
    write_json(home / "recepie_loss_pairs.json", entries)
    write_zip(home / "logs_wikitext2.zip", logs)
    tokens = np.random.default_rng(0).integers(0, VOCABULARY, (STEPS, SENTENCES))
    torch.manual_seed(21)
    embedding = torch.empty(VOCABULARY, EMBED_DIM).uniform_(0, 1).numpy()
    reference = {
        "weights": WEIGHTS,
        "batch_size": SENTENCES,
        "bptt": STEPS,
        "vocabulary": VOCABULARY,
        "scores": [
            {
                "recepie_id": entry["recepie_id"],
                "epsinas": round(_score(entry["recepie"], embedding[tokens]), 5),
            }
            for entry in entries[::2]
        ],
    }
    write_json(home / "epsinas_reference.json", reference)
    _make_multi_runs(home)


def _make_multi_runs(home: Path) -> None:
    """Logs of recipes that were trained with three seeds each, their corpus and their scores."""
    rng = np.random.default_rng(7)
    texts = {name: article(rng) for name in ("train", "valid", "test")}
    for name, text in texts.items():
        write(home / "data" / "ptb" / f"{name}.txt", text)
    tokens, vocabulary = _columns(list(texts.values()))
    torch.manual_seed(21)
    embedding = torch.empty(vocabulary, EMBED_DIM).uniform_(0, 1).numpy()
    logs: dict[str, dict[str, Any]] = {}
    results: dict[str, list[Any]] = {
        name: [] for name in ("score", "accs_mean", "accs_min", "accs_max", "nparams")
    }
    for number, recipe in enumerate(_recipes()[:4]):
        params = _num_params(recipe, vocabulary)
        ends = []
        for seed in range(3):
            # Seeds of one recipe have identifiers of their own, as in the published logs.
            id = 1_000_000 + 213 * number + 2000 * seed
            log = _log(
                recipe, id, params, "data/ptb", ended_in_nan=(number, seed) == (0, 1), rng=rng
            )
            if (number, seed) == (1, 2):  # failed before its first epoch ended
                log |= {name: [] for name in log if name.endswith("_losses")}
                log |= {"wall_times": [], "status": "Exception: CUDA error"}
            if number == 3:
                del log["test_losses"]
            ends.append((log.get("test_losses") or [float("nan")])[-1])
            logs[f"log_stats_model_{id}_2020-02-0{seed + 1}_00-00-00_{999_900_000 + id}.json"] = log
        known = [end for end in ends if end == end] or [float("nan")]
        results["score"].append(np.float32(_score(recipe, embedding[tokens])))
        results["accs_mean"].append(np.float64(np.mean(known)))
        results["accs_min"].append(np.float64(min(known)))
        results["accs_max"].append(np.float64(max(known)))
        results["nparams"].append(params)
    members = {f"train_logs_multi_runs/{name}": json.dumps(log) for name, log in logs.items()}
    write_zip(home / "train_logs_multi_runs.zip", members)
    # The order of rows is that of the authors' file system, the spelling that of their NumPy.
    shuffled = {name: [column[row] for row in (2, 0, 3, 1)] for name, column in results.items()}
    pickled = pickle.dumps(shuffled, protocol=3).replace(b"numpy._core", b"numpy.core")
    write(home / "epsinas_multi_runs.pickle", pickled)


def _columns(texts: list[str]) -> tuple[Any, int]:
    """The first text in columns of words (T, B), and how many words all of them have."""
    numbers: dict[str, int] = {}
    streams = [
        [
            numbers.setdefault(word, len(numbers))
            for line in text.splitlines()
            for word in [*line.split(), "<eos>"]
        ]
        for text in texts
    ]
    length = len(streams[0]) // SENTENCES
    columns = np.array(streams[0][: length * SENTENCES]).reshape(SENTENCES, length).T
    return columns[:BPTT], len(numbers)


def _num_params(recipe: Recipe, vocabulary: int) -> int:
    with torch.device("meta"):
        network = RecipeLanguageModel(parse_recipe(recipe), vocabulary)
    return sum(parameter.numel() for parameter in network.parameters())


def _node(operation: str, *inputs: str) -> dict[str, Any]:
    return {"op": operation, "input": list(inputs)}


def _recipes() -> list[Recipe]:
    """The Elman, LSTM and GRU equations, and what changes of an activation make of them."""
    both = ("x", "h_prev_0")
    recipes: list[Recipe] = []
    for squash in ("activation_tanh", "activation_sigm", "activation_leaky_relu"):
        elman = {"a": _node("linear", *both), "h_new_0": _node(squash, "a")}
        gru = {
            "reset_in": _node("linear", *both),
            "reset": _node("activation_sigm", "reset_in"),
            "update_in": _node("linear", *both),
            "update": _node("activation_sigm", "update_in"),
            "kept": _node("elementwise_prod", "reset", "h_prev_0"),
            "new_in": _node("linear", "x", "kept"),
            "new": _node(squash, "new_in"),
            "h_new_0": _node("blend", "update", "h_prev_0", "new"),
        }
        lstm = {
            f"{gate}_in": _node("linear", *both) for gate in ("input", "forget", "output", "cell")
        }
        lstm |= {
            f"{gate}": _node("activation_sigm", f"{gate}_in")
            for gate in ("input", "forget", "output")
        }
        lstm |= {
            "cell": _node(squash, "cell_in"),
            "written": _node("elementwise_prod", "input", "cell"),
            "kept": _node("elementwise_prod", "forget", "h_prev_1"),
            "h_new_1": _node("elementwise_sum", "written", "kept"),
            "shown": _node(squash, "h_new_1"),
            "h_new_0": _node("elementwise_prod", "output", "shown"),
        }
        recipes += [elman, gru, lstm]
    return recipes


def _log(
    recipe: Recipe,
    id: int,
    params: int,
    corpus: str,
    *,
    ended_in_nan: bool,
    rng: np.random.Generator,
) -> dict[str, Any]:
    falling = 5 + 2 * rng.random() + 1.5 * np.exp(-np.arange(EPOCHS) / 10)
    curves = {
        f"{split}_losses": [
            round(float(v), 4) for v in falling + more + rng.normal(0, 0.02, EPOCHS)
        ]
        for split, more in (("train", -0.1), ("val", 0.05), ("test", 0.0))
    }
    if ended_in_nan:
        for losses in curves.values():
            losses[-1] = float("nan")
    return {
        "data": corpus,
        "recepie_id": id,
        "recepies_list_path": "data/models_recepies.json",
        "cuda": True,
        "batch_size": 20,
        "model": "CustomRNN",
        "emsize": EMBED_DIM,
        "nhid": HIDDEN_DIM,
        "nlayers": 3,
        "dropout": 0.1,
        "dropouth": 0.25,
        "dropouti": 0.4,
        "dropoute": 0.0,
        "wdrop": 0.1,
        "tied": True,
        "bptt": BPTT,
        "lr": 0.001,
        "wdecay": 1.2e-06,
        "epochs": EPOCHS,
        "alpha": 2,
        "beta": 1,
        "log_interval": 200,
        "clip": 0.25,
        "eval_batch_size": 50,
        "recepie": json.dumps(recipe),
        "experiment_id": 999_900_000 + id,
        "init_time": "2020-01-01_00-00-00",
        "num_params": params,
        "wall_times": [round(float(t), 2) for t in rng.uniform(300, 330, EPOCHS)],
        **curves,
        "status": "loss is nan!" if ended_in_nan else "OK",
    }


def _score(recipe: Recipe, words: Any) -> float:
    """epsinas of the three layers; ``words``: (T, B, E) float32."""
    outputs = [_last_layer(recipe, words, weight).ravel() for weight in WEIGHTS]
    a, b = ((v - v.min()) / (v.max() - v.min()) for v in outputs)
    # The smallest value of either is left out of every mean.
    a, b = np.where(a == 0, np.nan, a), np.where(b == 0, np.nan, b)
    return float(np.nanmean(np.abs(a - b)) / np.nanmean(np.concatenate([a, b])))


def _last_layer(recipe: Recipe, words: Any, weight: float) -> Any:
    """One unit of the last layer, (T, B): all units of a layer are alike."""
    sums = words.astype(np.float64).sum(axis=2)  # of the layer's input over its units
    for width in (HIDDEN_DIM, HIDDEN_DIM, EMBED_DIM):
        states = {name: weight for name in recipe if name.startswith("h_new_")}
        outputs = []
        for x in sums:
            values = {name.replace("new", "prev"): state for name, state in states.items()}
            pending = dict(recipe)
            while pending:
                for name, node in list(pending.items()):
                    if all(source == "x" or source in values for source in node["input"]):
                        values[name] = _compute(pending.pop(name), values, x, weight, width)
            states = {name: values[name] for name in states}
            outputs.append(values["h_new_0"] * np.ones(len(x)))
        units = np.array(outputs)
        sums = units * width
    return units


def _compute(
    node: dict[str, Any], values: dict[str, Any], x: Any, weight: float, width: int
) -> Any:
    if node["op"] == "linear":
        total = sum(x if source == "x" else width * values[source] for source in node["input"])
        return weight * total + weight
    inputs = [values[source] for source in node["input"]]
    match node["op"]:
        case "elementwise_sum":
            return inputs[0] + inputs[1]
        case "elementwise_prod":
            return inputs[0] * inputs[1]
        case "blend":
            return inputs[0] * inputs[1] + (1 - inputs[0]) * inputs[2]
        case "activation_tanh":
            return np.tanh(inputs[0])
        case "activation_sigm":
            return 1 / (1 + np.exp(-inputs[0]))
    return np.where(inputs[0] > 0, inputs[0], 0.01 * inputs[0])
