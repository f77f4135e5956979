"""Our scores of recurrent cells beside those that the authors' code gave."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hat.arrays import Floats
from hat.benchmarks.reference_scores import References, find_references
from hat.errors import DataError
from hat.report.tables import Column, text_table
from hat.scoring.collapsed.recurrent import recurrent_outputs
from hat.scoring.epsinas import FLOAT32_EPSILON, epsinas, magnitude_and_spread
from hat.scoring.rank_stats import rank_stats
from hat.studies.epsinas.common import Progress, rounded
from hat.studies.epsinas.nlp_batch import WordBatch
from hat.studies.epsinas.nlp_cells import RecurrentCells

NOISE_STEPS = 100
"""A float32 score is called noise if the output spreads over fewer float32 steps than this."""

SHOWN = 50
"""Longest list that is shown row by row."""

_Row = tuple[str, float, float, float, float, float, float]
"""Identifier, the authors' score, ours, by how much it differs, the direct one and the same of it,
and over how many steps of float32 the output spreads."""


def read_references(path: Path, cells: RecurrentCells) -> References:
    """Reads the scores of the authors' code and says what of them cannot be compared.

    Raises:
        DataError: if the file cannot be read, or holds no score of one of ``cells``.
    """
    found = find_references(path, cells.known_by)
    total = len(found.scores) + found.without_score + found.unknown + found.ambiguous
    if found.without_score:
        print(f"{path}: {found.without_score} of {total} recipes have no score there")
    if found.unknown:
        print(f"{path}: {found.unknown} of {total} recipes are not among the cells")
    if found.ambiguous:
        print(f"{path}: {found.ambiguous} of {total} rows fit several cells or another row")
    if found.without_score == total:
        raise DataError(f"{path}: holds no score to compare with")
    if not found.scores:
        raise DataError(f"{path}: none of its recipes is among the {len(cells)} cells")
    return found


def compare(
    cells: RecurrentCells,
    references: References,
    direct: Floats,
    batch: WordBatch,
    weights: tuple[float, float],
    precision: str | None,
) -> dict[str, Any]:
    """Prints score by score what the authors' code gave, and returns a summary.

    Args:
        cells: N cells.
        references: the authors' scores of some.
        direct: (N,) scores by the real networks, NaN where none was run.
        batch: what they were scored on.
        weights: the two constants.
        precision: of the direct scores.
    """
    progress = Progress()
    rows: list[_Row] = []
    for place, authors in references.scores.items():
        network = cells.networks[place]
        sums = batch.sums(network.steps, network.embed_dim)
        outputs = recurrent_outputs(network.recipe, sums, weights, layer_sizes=network.layer_sizes)
        low, high = (output.ravel() for output in outputs)
        exact = float(epsinas(low, high))
        steps = min(
            float(spread / largest) / FLOAT32_EPSILON
            for largest, spread in (magnitude_and_spread(low), magnitude_and_spread(high))
        )
        off, direct_off = _relative(exact, authors), _relative(direct[place], authors)
        id = cells.ids[place][0]
        rows.append((id, authors, exact, off, float(direct[place]), direct_off, steps))
        if len(references.scores) > SHOWN:
            progress(len(rows), len(references.scores))
    if len(rows) <= SHOWN:
        _print_rows(rows, precision)
    difference = _median_size([row[3] for row in rows])
    noise = [row[0] for row in rows if row[6] < NOISE_STEPS]
    agreement = rank_stats([row[2] for row in rows], [row[1] for row in rows])
    summary: dict[str, Any] = {
        "recipes": len(rows),
        "median_difference_float64": difference,
        "spearman": rounded(agreement.spearman),
        "num_noise": len(noise),
        "noise": noise[:SHOWN],
    }
    if precision:
        differences = [row[5] for row in rows]
        summary[f"median_difference_direct_{precision}"] = _median_size(differences)
        summary[f"largest_difference_direct_{precision}"] = _largest_size(differences)
    shown = "-" if difference is None else f"{difference:.2%}"
    print(f"median difference from the authors' code {shown}")
    return {
        **summary,
        "without_score": references.without_score,
        "not_among_cells": references.unknown,
        "ambiguous": references.ambiguous,
    }


def _print_rows(rows: Sequence[_Row], precision: str | None) -> None:
    columns: list[Column[_Row]] = [
        Column("recipe", lambda row: row[0]),
        Column("authors' code", lambda row: row[1], ".6f"),
        Column("float64", lambda row: row[2], ".6f"),
        Column("difference", lambda row: row[3], "+.2%"),
        Column(f"direct {precision or ''}", lambda row: row[4], ".6f"),
        Column("difference ", lambda row: row[5], "+.2%"),
        Column("float32 steps", lambda row: row[6], ".0f"),
        Column("noise", lambda row: "yes" if row[6] < NOISE_STEPS else ""),
    ]
    print(text_table(rows, columns))


def _relative(score: float, authors: float) -> float:
    """By what part of the authors' score ours differs; nan where one of them says nothing."""
    return float(score / authors - 1) if authors else math.nan


def _median_size(differences: Sequence[float]) -> float | None:
    sizes = [abs(value) for value in differences if math.isfinite(value)]
    return round(float(np.median(sizes)), 6) if sizes else None


def _largest_size(differences: Sequence[float]) -> float | None:
    sizes = [abs(value) for value in differences if math.isfinite(value)]
    return round(max(sizes), 6) if sizes else None
