"""What ``bench/ground_truth.py`` and ``bench/ranking.py`` make of a table; nothing is trained."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hat.errors import ConfigError
from hat.ground_truth.draw import draw_stratified
from hat.ground_truth.table import Training, TruthTable


def made_up(recipe: Any, rng: np.random.Generator) -> TruthTable:
    """BLEU follows the decoder's depth, and the loss on the way follows BLEU."""
    table = TruthTable()
    for arch in draw_stratified(recipe.read_space(), 10, seed=recipe.draw_seed):
        for seed in (1, 2, 3):
            bleu = 40 + 5 * arch.decoder.num_layers + rng.normal()
            curve = tuple(9 - mark * bleu / 400 for mark in range(1, recipe.marks + 1))
            table.add(
                arch,
                seed,
                Training(bleu=bleu, chrf=bleu, loss=curve[-1], cpu_seconds=80.0, curve=curve),
            )
    return table


def test_the_ranking_says_what_the_table_holds(bench: Any, rng: np.random.Generator) -> None:
    _, ranking, recipe = bench
    text = ranking.page_text(recipe, made_up(recipe, rng), num_seeds=3, count=20)
    assert "**30 of 144 trainings** are in the table; 10 of 48 architectures" in text
    agreement = text.partition("Kendall's tau")[2].partition("Regret")[0]
    taus = {
        cells[1].strip(): float(cells[2].split()[0])
        for cells in (line.split("|") for line in agreement.splitlines() if " to " in line)
        if len(cells) > 3
    }
    assert set(taus) > {"params", "epsinas"} and max(taus, key=taus.__getitem__) == "decoder_depth"
    for name in ("params", "flops", "encoder_depth", "decoder_depth_then_params", "epsinas"):
        assert text.count(f"| {name} |") == 2
    assert "halving of 16, best by decoder_depth_then_params" in text


def test_a_table_that_has_just_begun_is_not_ranked(bench: Any, rng: np.random.Generator) -> None:
    _, ranking, recipe = bench
    table = made_up(recipe, rng)
    few = TruthTable(dict(list(table.trainings.items())[:3]))
    text = ranking.page_text(recipe, few, num_seeds=3, count=20)
    assert "**9 of 144 trainings** are in the table; 3 of 48 architectures" in text
    assert "BLEU: 3 architectures, 3 seeds: a training's" in text and "no ranks" in text
    assert "0 of 48 architectures" in ranking.page_text(recipe, few, num_seeds=4, count=20)


def test_a_page_keeps_everything_outside_its_marks(bench: Any, tmp_path: Path) -> None:
    ranking = bench[1]
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- bench/ranking.py conlang -->\nold\n<!-- end -->\nafter\n")
    ranking.replace_part(page, "conlang", "new")
    ranking.replace_part(page, "conlang", "newer")
    assert page.read_text() == (
        "before\n<!-- bench/ranking.py conlang -->\n\nnewer\n\n<!-- end -->\nafter\n"
    )
    with pytest.raises(ConfigError, match=r"page\.md: has no part between"):
        ranking.replace_part(page, "multi30k", "new")


def test_the_summary_foretells_the_cost(bench: Any, rng: np.random.Generator) -> None:
    ground_truth, _, recipe = bench
    text = ground_truth.summary(recipe, made_up(recipe, rng))
    assert text.startswith(
        "30 of 144 trainings are done; one takes 80 s of processor time, the rest about 2.5 h"
    )
    assert "bleu, 10 architectures, 3 seeds: a training's standard deviation is" in text
