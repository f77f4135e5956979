"""Times epsinas both ways: real networks with real weights, and their width-one twins.

One core, CPU time. The direct networks run in float32, as the authors' code does, twins in float64.

    python bench/epsinas.py --recipes recepie_loss_pairs.json --nb201 nasbench201.csv.gz

Without data, random convolutional cells and SubTransformers are timed and recurrent cells are
an LSTM and a GRU. The last line is JSON; exit code 1 if a twin is not as much faster as promised.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from hat.arch.cell import random_cell
from hat.arch.nb201_cell import sample_nb201
from hat.arch.recipe import Recipe, parse_recipe
from hat.arch.space import SearchSpace
from hat.benchmarks.images import photograph_crops
from hat.benchmarks.load import load_benchmark
from hat.models.cells.constant import fill_with_constant
from hat.models.cells.nb101 import Nb101Network
from hat.models.cells.nb201 import Nb201Network
from hat.models.cells.recurrent import RecipeLanguageModel
from hat.models.constant_transformer import ConstantTransformer
from hat.scoring.cell_scores import IMAGE_WEIGHTS, NB101_WEIGHTS, RECURRENT_WEIGHTS
from hat.scoring.collapsed.nb101 import CollapsedNb101
from hat.scoring.collapsed.nb201 import CollapsedNb201
from hat.scoring.collapsed.recurrent import recurrent_outputs
from hat.scoring.epsinas import epsinas
from hat.scoring.epsinas_scorer import EpsinasScorer

PROMISED = {"nasbench-nlp": 500, "nasbench201": 50}

LSTM_AND_GRU: tuple[dict[str, Any], ...] = (
    {
        "i": {"op": "linear", "input": ["x", "h_prev_0"]},
        "i_act": {"op": "activation_tanh", "input": ["i"]},
        "j": {"op": "linear", "input": ["x", "h_prev_0"]},
        "j_act": {"op": "activation_sigm", "input": ["j"]},
        "f": {"op": "linear", "input": ["x", "h_prev_0"]},
        "f_act": {"op": "activation_sigm", "input": ["f"]},
        "o": {"op": "linear", "input": ["x", "h_prev_0"]},
        "o_act": {"op": "activation_sigm", "input": ["o"]},
        "kept": {"op": "elementwise_prod", "input": ["f_act", "h_prev_1"]},
        "added": {"op": "elementwise_prod", "input": ["i_act", "j_act"]},
        "h_new_1": {"op": "elementwise_sum", "input": ["kept", "added"]},
        "state": {"op": "activation_tanh", "input": ["h_new_1"]},
        "h_new_0": {"op": "elementwise_prod", "input": ["state", "o_act"]},
    },
    {
        "r": {"op": "linear", "input": ["x", "h_prev_0"]},
        "r_act": {"op": "activation_sigm", "input": ["r"]},
        "z": {"op": "linear", "input": ["x", "h_prev_0"]},
        "z_act": {"op": "activation_sigm", "input": ["z"]},
        "reset": {"op": "elementwise_prod", "input": ["r_act", "h_prev_0"]},
        "new": {"op": "linear", "input": ["x", "reset"]},
        "new_act": {"op": "activation_tanh", "input": ["new"]},
        "h_new_0": {"op": "blend", "input": ["z_act", "h_prev_0", "new_act"]},
    },
)

HAT_SPACE = SearchSpace(
    encoder_embed_dims=(640, 512),
    decoder_embed_dims=(640, 512),
    encoder_layer_nums=(6,),
    decoder_layer_nums=(6, 5, 4, 3, 2, 1),
    encoder_ffn_dims=(3072, 2048, 1024),
    decoder_ffn_dims=(3072, 2048, 1024),
    encoder_self_heads=(8, 4),
    decoder_self_heads=(8, 4),
    decoder_ende_heads=(8, 4),
    decoder_ende_spans=(3, 2, 1),
)


def seconds_each(work: Callable[[Any], object], items: Sequence[Any]) -> list[float]:
    """CPU seconds that ``work`` takes for each item: what else runs on the machine counts less."""
    taken = []
    for item in items:
        start = time.process_time()
        work(item)
        taken.append(time.process_time() - start)
    return taken


def recurrent(recipes: Sequence[Recipe], direct_count: int) -> tuple[list[float], list[float]]:
    """Seconds per cell of the twin and of the real network: 70 steps of 256 sentences."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(10_000, size=(70, 256))
    embedding = torch.empty(10_000, 400).uniform_(generator=torch.Generator().manual_seed(21))
    sums = embedding.double().sum(dim=1).numpy()[tokens]

    def twin(recipe: Recipe) -> None:
        low, high = recurrent_outputs(recipe, sums, RECURRENT_WEIGHTS)
        epsinas(low.ravel(), high.ravel())

    def direct(recipe: Recipe) -> None:
        model = RecipeLanguageModel(recipe, 10_000)
        outputs = []
        with torch.no_grad():
            model.embedding.weight.copy_(embedding)
            for weight in RECURRENT_WEIGHTS:
                fill_with_constant(model, weight, bias=weight)
                features = model.features(torch.from_numpy(tokens), weight)
                outputs.append(features[:, :, 0].flatten().numpy())
        epsinas(outputs[0], outputs[1])

    twin(recipes[0])
    chosen = recipes[:: max(1, len(recipes) // direct_count)][:direct_count]
    # The same cells both ways, so that the ratio is of like with like.
    return seconds_each(twin, chosen), seconds_each(direct, chosen)


def convolutional(
    cells: Sequence[Any],
    network: Callable[..., Any],
    model_of: Callable[..., torch.nn.Module],
    weights: tuple[float, float],
) -> tuple[list[float], list[float]]:
    """Seconds per cell of the twin and of the real network: 64 images."""
    images = photograph_crops(64, np.random.default_rng(0))
    twin_network = network(images, weights)
    batch = torch.from_numpy(images).float()

    def twin(cell: Any) -> None:
        low, high = twin_network.outputs(cell)
        epsinas(low, high)

    def direct(cell: Any) -> None:
        model = model_of(cell)
        outputs = []
        with torch.no_grad():
            for weight in weights:
                fill_with_constant(model, weight)
                outputs.append(model(batch).reshape(len(batch), -1)[:, 0].numpy())
        epsinas(outputs[0], outputs[1])

    twin(cells[0])
    return seconds_each(twin, cells), seconds_each(direct, cells)


def subtransformers(direct_count: int) -> tuple[list[float], list[float]]:
    """Seconds per SubTransformer of HAT's WMT14 space: in batches, and one by one directly."""
    rng = np.random.default_rng(0)
    archs = [HAT_SPACE.sample(rng) for _ in range(1024)]
    scorer = EpsinasScorer(HAT_SPACE, qkv_dim=512)
    scorer.score(archs[:64])
    twin = [seconds / len(archs) for seconds in seconds_each(scorer.score, [archs] * 3)]
    tokens = torch.randn(16, 24, dtype=torch.float64)
    network = ConstantTransformer(HAT_SPACE, tokens, tokens, qkv_dim=512, norm="tokens")
    # One constant: that with all weights zero puts out its input.
    direct = seconds_each(lambda arch: network.outputs(arch, 1e-3), archs[:direct_count])
    return twin, direct


def main() -> int:
    """Times the four spaces and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipes", help="NAS-Bench-NLP's recipes with their losses, JSON")
    parser.add_argument("--nb201", help="NAS-Bench-201 as CSV")
    parser.add_argument("--count", type=int, default=10, help="architectures of each space")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    recipes = [parse_recipe(recipe) for recipe in LSTM_AND_GRU]
    if args.recipes:
        table = load_benchmark(f"nasbench-nlp:{args.recipes}")
        recipes = [table.arch(id) for id in table.ids()]
    cells = [sample_nb201(rng) for _ in range(3 * args.count)]
    if args.nb201:
        all_cells = load_benchmark(f"nasbench201:{args.nb201}")
        picks = rng.choice(len(all_cells), 3 * args.count, replace=False)
        cells = [all_cells.arch(all_cells.ids()[index]) for index in picks]
    # The benchmark's networks are wide: one takes seconds.
    graphs = [random_cell(rng) for _ in range(max(2, args.count // 5))]
    times = {
        "nasbench-nlp": recurrent(recipes, args.count),
        "nasbench201": convolutional(cells, CollapsedNb201, Nb201Network, IMAGE_WEIGHTS),
        "nasbench101": convolutional(graphs, CollapsedNb101, Nb101Network, NB101_WEIGHTS),
        "subtransformers": subtransformers(max(2, args.count // 3)),
    }
    result: dict[str, dict[str, float]] = {}
    kept = True
    for space, (twin, direct) in times.items():
        ratio = sum(direct) / len(direct) / (sum(twin) / len(twin))
        result[space] = {
            "twin_ms": round(1e3 * statistics.fmean(twin), 3),
            "twin_ms_min": round(1e3 * min(twin), 3),
            "twin_ms_max": round(1e3 * max(twin), 3),
            "direct_ms": round(1e3 * statistics.fmean(direct), 1),
            "direct_ms_min": round(1e3 * min(direct), 1),
            "direct_ms_max": round(1e3 * max(direct), 1),
            "times_faster": round(ratio, 1),
        }
        kept &= ratio >= PROMISED.get(space, 0)
        print(f"{space:<16} {result[space]}")
    print(json.dumps({**result, "promised": PROMISED, "kept": bool(kept)}))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
