"""What ``bench/ground_truth.py`` and ``bench/ranking.py`` make of a table; nothing is trained."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hat.arch.hat_yaml import ARCH_KEYS, arch_to_mapping
from hat.errors import ConfigError, DataError
from hat.ground_truth.draw import draw_stratified
from hat.ground_truth.table import Training, TruthTable


def drawn(recipe: Any) -> list[Any]:
    """The architectures of the whole table."""
    return draw_stratified(recipe.read_space(), recipe.num_archs, seed=recipe.draw_seed)


def made_up(recipe: Any, rng: np.random.Generator) -> TruthTable:
    """BLEU follows the decoder's depth, and the loss on the way follows BLEU."""
    table = TruthTable()
    for arch in drawn(recipe)[:10]:
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
    ranking.replace_part(page, "ranking.py conlang", "new")
    ranking.replace_part(page, "ranking.py conlang", "newer")
    assert page.read_text() == (
        "before\n<!-- bench/ranking.py conlang -->\n\nnewer\n\n<!-- end -->\nafter\n"
    )
    with pytest.raises(ConfigError, match=r"page\.md: has no part between"):
        ranking.replace_part(page, "ranking.py multi30k", "new")


def test_the_summary_foretells_the_cost(bench: Any, rng: np.random.Generator) -> None:
    ground_truth, _, recipe = bench
    text = ground_truth.summary(recipe, drawn(recipe), made_up(recipe, rng))
    assert text.startswith(
        "30 of 144 trainings are done; one takes 80 s of processor time, the rest about 2.5 h"
    )
    assert "bleu, 10 architectures, 3 seeds: a training's standard deviation is" in text


def test_what_supertransformers_say_is_ranked_beside_free_scores(
    bench: Any, rng: np.random.Generator, tmp_path: Path
) -> None:
    _, ranking, recipe = bench
    table = made_up(recipe, rng)
    lines = [",".join([*ARCH_KEYS, "good.updates.seed1", "good.updates.seed2", "bad.time.seed1"])]
    for arch, runs in table.trainings.items():
        keys = [json.dumps(value).replace(",", ";") for value in arch_to_mapping(arch).values()]
        bleu = np.mean([training.bleu for training in runs.values()])
        row = [*keys, f"{9 - bleu / 100}", f"{9 - bleu / 100}", f"{bleu / 100}"]
        lines.append(",".join('"' + cell.replace(";", ",") + '"' for cell in row))
    path = tmp_path / "inherited.csv"
    path.write_text("\n".join(lines) + "\n")
    found = ranking.study(recipe, table, 3, 20, path)
    assert found.scores["good.updates"].shape == (2, 10)
    text = ranking.agreement_table(found)
    (good,) = (line for line in text.splitlines() if line.startswith("| good.updates |"))
    (bad,) = (line for line in text.splitlines() if line.startswith("| bad.time |"))
    assert good.split("|")[2].split()[0] == "1.00" and bad.split("|")[2].split()[0] == "-1.00"
    assert any("fitted on others" in name for name in found.scores)
    path.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(DataError, match="1 of the table's architectures are not there"):
        ranking.study(recipe, table, 3, 20, path)


def test_a_prediction_is_made_from_other_rows_only(bench: Any, rng: np.random.Generator) -> None:
    import ranking_learned

    columns, noise = rng.normal(size=(60, 2)), rng.normal(size=60)
    fitted = ranking_learned.fitted_on_others(columns, columns @ [1.0, -2.0])
    assert np.corrcoef(fitted, columns @ [1.0, -2.0])[0, 1] > 0.95
    # Whoever has seen a row would follow its noise.
    assert abs(np.corrcoef(ranking_learned.fitted_on_others(columns, noise), noise)[0, 1]) < 0.4


def test_a_graph_network_is_judged_by_rows_it_did_not_see(
    bench: Any, rng: np.random.Generator
) -> None:
    _, ranking, recipe = bench
    table = made_up(recipe, rng)
    found = ranking.study(recipe, table, 3, 2)
    import ranking_learned

    truth = found.drawn[0].truth
    rows = ranking_learned.graph_network(found.archs, truth, truth, (2, 4), splits=2)
    assert [row[0] for row in rows] == ["2"], "with 4 rows too few are left"
    assert rows[0][2] == "1.00 ± 0.00"
