"""How fast are predictors fitted, and how many architectures are predicted per second?

    OMP_NUM_THREADS=1 python bench/latency_predictor_speed.py

On a synthetic dataset of 2,000 rows of HAT's WMT space. One core; the best of five repeats.
"""

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from hat.arch.gene_batch import GeneBatch
from hat.arch.genes import Genes
from hat.arch.space import SearchSpace
from hat.latency.choices import space_choices
from hat.latency.fit import competing, fit_auto
from hat.latency.predictor import LatencyPredictor, Lesson
from hat.latency.table import table_of_archs

SPACE = SearchSpace(
    encoder_embed_dims=(640, 512),
    decoder_embed_dims=(640, 512),
    encoder_layer_nums=(6,),
    decoder_layer_nums=(6, 5, 4, 3, 2, 1),
    encoder_ffn_dims=(3072, 2048, 1024, 512),
    decoder_ffn_dims=(3072, 2048, 1024, 512),
    encoder_self_heads=(8, 4, 2),
    decoder_self_heads=(8, 4, 2),
    decoder_ende_heads=(8, 4, 2),
    decoder_ende_spans=(3, 2, 1),
)
BATCH = 100_000


def best_seconds(run: Callable[[], object]) -> float:
    """The shortest of five runs."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Prints one line per figure."""
    rng = np.random.default_rng(0)
    genes = Genes(SPACE)
    choices = np.array(genes.num_choices)
    matrix = rng.integers(choices, size=(BATCH, len(choices))).astype(np.int8)
    batch = GeneBatch(genes, matrix)
    table = table_of_archs(batch[:2000])
    features = table.features
    latency_ms = (10 + features[:, 5] * (20 + features[:, 6] / 200)) * rng.lognormal(0, 0.02, 2000)
    lesson = Lesson.of(table, latency_ms, choices=space_choices(SPACE))

    def fit(kinds: tuple[str, ...]) -> LatencyPredictor:
        return fit_auto(lesson, kinds=kinds).predictor

    for kinds in (*((kind,) for kind in competing()), competing()):
        predictor = fit(kinds)
        name = kinds[0] if len(kinds) == 1 else "auto"
        print(f"{name}: fitted to 2,000 rows in {best_seconds(partial(fit, kinds)):.2f} s")
        if name == "auto":
            continue
        seconds = best_seconds(partial(predictor.predict_ms, batch))
        print(f"{name}: {BATCH / seconds / 1e6:.2f} million architectures/s from genes")
        arrays = table_of_archs(batch)
        seconds = best_seconds(partial(predictor.predict_table, arrays))
        print(f"{name}: {BATCH / seconds / 1e6:.2f} million architectures/s from features")
        archs = list(batch[:5000])
        seconds = best_seconds(partial(predictor.predict_ms, archs))
        print(f"{name}: {5000 / seconds / 1e6:.2f} million architectures/s from config objects")


if __name__ == "__main__":
    main()
