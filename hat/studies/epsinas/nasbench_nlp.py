"""Recurrent cells against their losses as language models."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from hat.arch.recipe import Recipe, awd_num_params
from hat.arrays import Floats
from hat.benchmarks.nb_nlp import NasBenchNlp, NlpSettings
from hat.benchmarks.reference_scores import read_reference_scores
from hat.conditions import file_digest
from hat.errors import DataError
from hat.report.epsinas_plots import plot_scores
from hat.report.tables import Column, text_table
from hat.scoring.cell_scores import RECURRENT_WEIGHTS, score_recipes
from hat.scoring.collapsed.recurrent import recurrent_outputs
from hat.scoring.epsinas import (
    FLOAT32_EPSILON,
    ScoringRule,
    epsinas,
    magnitude_and_spread,
)
from hat.settings import AtLeast
from hat.signature import signature
from hat.studies.epsinas import common
from hat.studies.epsinas.common import CellSettings, Count, WeightPair
from hat.text.lines import Changes, read_text

VOCABULARY, EMBED_DIM = 10_000, 400
STEPS, SENTENCES = 70, 256
AUTHORS_EMBEDDING_SEED = 21
_TRUTHS = {"PTB test loss": "ptb_test_loss", "WikiText-2 best test loss": "wt2_best_test_loss"}

NOISE_STEPS = 100
"""A float32 score is called noise if the output spreads over fewer float32 steps than this."""


@dataclass(frozen=True, kw_only=True)
class RecipeSettings(CellSettings):
    """Which recurrent cells are scored on what; ``limit`` takes the first ones."""

    logs: Path | None = None
    """Zip of the benchmark's logs: recipes from there."""

    reference: Path | None = None
    """Scores of the authors' code to compare."""

    direct: Literal["float32", "float64"] | None = None
    """Also run the real networks, at seconds a cell, in this precision."""

    sentences: Count = SENTENCES
    """Of the batch (256)."""

    steps: Count = STEPS
    """Tokens of each (70)."""

    seed: Annotated[int, AtLeast(0)] = 0
    """Of the random tokens (0)."""

    embedding_seed: Annotated[int, AtLeast(0)] = AUTHORS_EMBEDDING_SEED
    """PyTorch's; authors: 21."""

    text: Path | None = None
    """Take the tokens from a text instead."""

    weights: WeightPair = RECURRENT_WEIGHTS
    """The two constants (1e-05,0.001)."""


def run(settings: RecipeSettings) -> dict[str, Any]:
    """Scores the cells in float64 and, if asked, by the real networks; prints the table.

    Returns:
        All figures.
    """
    table = NasBenchNlp.build(NlpSettings(path=settings.data, logs=settings.logs))
    ids = list(table.ids())[: settings.limit]
    recipes: list[Recipe] = [table.arch(id) for id in ids]
    tokens = _tokens(settings)
    embedding = _embedding(settings.embedding_seed)
    sums = _sums(embedding, tokens)

    start = time.perf_counter()
    scores = score_recipes(recipes, sums, settings.weights)
    elapsed = time.perf_counter() - start
    columns = {
        "epsinas": scores,
        "parameters": np.array([awd_num_params(recipe, VOCABULARY) for recipe in recipes], float),
        "nodes": np.array([len(recipe.nodes) for recipe in recipes], float),
    }
    truths = {
        name: np.array([table.query(id, metric) for id in ids]) for name, metric in _TRUTHS.items()
    }
    references, num_missing = _references(settings.reference)
    if settings.direct:
        # Seconds each: where there are scores to compare with, only those cells.
        chosen = [index for index, id in enumerate(ids) if id in references or not references]
        direct = np.full(len(ids), np.nan)
        direct[chosen] = _direct(settings, [recipes[index] for index in chosen], tokens, embedding)
        columns[f"epsinas, direct {settings.direct}"] = direct
    if references:
        authors = np.array([references.get(id, np.nan) for id in ids])
        columns["epsinas, authors' code"] = authors
        columns["epsinas, same cells"] = np.where(np.isnan(authors), np.nan, scores)
    rankings = [
        common.rank(name, values, truth, losses, truth_higher_is_better=False)
        for truth, losses in truths.items()
        for name, values in columns.items()
    ]
    common.print_rankings(rankings)
    result: dict[str, Any] = {
        "rankings": [ranking.to_json() for ranking in rankings],
        "architectures": len(ids),
        "ms_per_architecture": round(1e3 * elapsed / len(ids), 2),
    }
    if references:
        direct = columns.get(f"epsinas, direct {settings.direct}", np.full(len(ids), np.nan))
        by_id = dict(zip(ids, zip(recipes, direct, strict=True), strict=True))
        result["reference"] = {
            **_compare(settings, references, by_id, sums),
            "without_score": num_missing,
        }
    common.write_scores(settings.out, {"id": ids, **columns, **truths})
    if settings.plot:
        plot_scores(
            settings.plot,
            score=np.log10(scores),
            truth=truths["PTB test loss"],
            params=columns["parameters"],
            labels=("log10 epsinas", "PTB test loss [nats/token]", "parameters"),
        )
    tokens_of = "random" if settings.text is None else "text"
    low, high = settings.weights
    result["signature"] = signature(
        **table.signature(),
        reference=settings.reference and file_digest(settings.reference),
        limit=settings.limit,
        score="epsinas",
        weights=f"{low:g},{high:g}",
        batch=f"{tokens_of}-{settings.steps}x{settings.sentences}",
        text=settings.text and file_digest(settings.text),
        seed=settings.seed,
        embedding=f"uniform-{settings.embedding_seed}",
        readout="last-layer-unit-0",
        rule=ScoringRule(),
        dtype="float64",
    )
    return result


def _compare(
    settings: RecipeSettings,
    references: Mapping[str, float],
    known: Mapping[str, tuple[Recipe, float]],
    sums: Floats,
) -> dict[str, Any]:
    """Prints score by score what the authors' code gave, and returns a summary.

    ``known`` holds recipe and direct score by identifier.
    """
    rows = []
    for id, authors in references.items():
        if id not in known:
            continue
        recipe, direct = known[id]
        low, high = recurrent_outputs(recipe, sums, settings.weights)
        exact = float(epsinas(low.ravel(), high.ravel()))
        steps = min(
            float(spread / largest) / FLOAT32_EPSILON
            for largest, spread in (
                magnitude_and_spread(low.ravel()),
                magnitude_and_spread(high.ravel()),
            )
        )
        off, direct_off = _relative(exact, authors), _relative(direct, authors)
        rows.append((id, authors, exact, off, direct, direct_off, steps))
    if not rows:
        raise DataError(f"{settings.reference}: none of its recipes is in {settings.data}")
    columns: list[Column[tuple[Any, ...]]] = [
        Column("recipe", lambda row: row[0]),
        Column("authors' code", lambda row: row[1], ".6f"),
        Column("float64", lambda row: row[2], ".6f"),
        Column("difference", lambda row: row[3], "+.2%"),
        Column(f"direct {settings.direct or ''}", lambda row: row[4], ".6f"),
        Column("difference ", lambda row: row[5], "+.2%"),
        Column("float32 steps", lambda row: row[6], ".0f"),
        Column("noise", lambda row: "yes" if row[6] < NOISE_STEPS else ""),
    ]
    print(text_table(rows, columns))
    difference = _median_size([row[3] for row in rows])
    summary: dict[str, Any] = {
        "recipes": len(rows),
        "median_difference_float64": difference,
        "noise": [row[0] for row in rows if row[6] < NOISE_STEPS],
    }
    if settings.direct:
        direct_differences = [row[5] for row in rows]
        summary[f"median_difference_direct_{settings.direct}"] = _median_size(direct_differences)
        summary[f"largest_difference_direct_{settings.direct}"] = _largest_size(direct_differences)
    shown = "-" if difference is None else f"{difference:.2%}"
    print(f"median difference from the authors' code {shown}")
    return summary


def _relative(score: float, authors: float) -> float:
    """By what part of the authors' score ours differs; nan where one of them says nothing."""
    return score / authors - 1 if authors else math.nan


def _median_size(differences: Sequence[float]) -> float | None:
    sizes = [abs(value) for value in differences if math.isfinite(value)]
    return round(float(np.median(sizes)), 6) if sizes else None


def _largest_size(differences: Sequence[float]) -> float | None:
    sizes = [abs(value) for value in differences if math.isfinite(value)]
    return round(max(sizes), 6) if sizes else None


def _direct(
    settings: RecipeSettings, recipes: Sequence[Recipe], tokens: np.ndarray, embedding: np.ndarray
) -> Floats:
    """Scores by the real three-layer networks with all their weights."""
    import torch

    from hat.models.cells.constant import fill_with_constant
    from hat.models.cells.recurrent import RecipeLanguageModel

    ids = torch.from_numpy(tokens)
    scores = []
    for recipe in recipes:
        model = RecipeLanguageModel(recipe, VOCABULARY)
        if settings.direct == "float64":
            model = model.double()
        with torch.no_grad():
            model.embedding.weight.copy_(torch.from_numpy(embedding))
            outputs = []
            for weight in settings.weights:
                fill_with_constant(model, weight, bias=weight)
                outputs.append(model.features(ids, weight)[:, :, 0].flatten().numpy())
        scores.append(float(epsinas(outputs[0], outputs[1])))
    return np.array(scores)


def random_sums() -> Floats:
    """The default batch: the embedding of random tokens summed over its width, (70, 256)."""
    tokens = np.random.default_rng(0).integers(0, VOCABULARY, (STEPS, SENTENCES))
    return _sums(_embedding(AUTHORS_EMBEDDING_SEED), tokens)


def _sums(embedding: np.ndarray, tokens: np.ndarray) -> Floats:
    sums: Floats = embedding.astype(np.float64).sum(axis=1)[tokens]
    return sums


def _embedding(seed: int) -> np.ndarray:
    """The embedding of the authors' notebook, uniform in [0, 1]: (V, E) float32."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    weights: np.ndarray = (
        torch.empty(VOCABULARY, EMBED_DIM).uniform_(0, 1, generator=generator).numpy()
    )
    return weights


def _tokens(settings: RecipeSettings) -> np.ndarray:
    """Tokens (T, B), time first: random ones, or consecutive words of a text."""
    shape = (settings.steps, settings.sentences)
    if settings.text is None:
        return np.random.default_rng(settings.seed).integers(0, VOCABULARY, shape)
    changes = Changes()
    words = [word for line in read_text(settings.text, changes) for word in line.split(" ") if word]
    if changes.changed:
        print(changes)
    needed = settings.steps * settings.sentences
    if len(words) < needed:
        raise DataError(f"{settings.text}: {needed} words are needed, but it has {len(words)}")
    known: dict[str, int] = {}
    numbers = [known.setdefault(word, len(known)) % VOCABULARY for word in words]
    per_sentence = len(words) // settings.sentences
    streams = np.array(numbers[: per_sentence * settings.sentences]).reshape(settings.sentences, -1)
    return streams[:, : settings.steps].T.copy()


def _references(path: Path | None) -> tuple[dict[str, float], int]:
    """The scores of the authors' code by identifier, and how many recipes have none."""
    if path is None:
        return {}, 0
    scores = read_reference_scores(path)
    known = {id: score for id, score in scores.items() if np.isfinite(score)}
    if len(known) < len(scores):
        print(f"{path}: {len(scores) - len(known)} of {len(scores)} recipes have no score there")
    if not known:
        raise DataError(f"{path}: holds no score to compare with")
    return known, len(scores) - len(known)
