import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from hat.arch.hat_yaml import ARCH_KEYS
from hat.arch.space import SearchSpace
from hat.errors import ConfigError, DataError
from hat.ground_truth.draw import draw_stratified
from hat.ground_truth.spread import spread
from hat.ground_truth.table import Training, TruthFile, TruthTable, read_truth

CONDITIONS = {"training data": "aa", "max-update": 100}


def training(bleu: float = 50.0) -> Training:
    return Training(
        bleu=bleu, chrf=bleu + 10, loss=bleu / 8, cpu_seconds=60.0, curve=(5.0, 3.0, 2.5)
    )


def test_a_table_is_read_as_it_was_written(space: SearchSpace, tmp_path: Path) -> None:
    path = tmp_path / "ground_truth_x.csv"
    archs = draw_stratified(space, 3, seed=1)
    file = TruthFile(path, CONDITIONS)
    for seed, arch, bleu in ((1, archs[0], 51.25), (2, archs[0], 52.5), (3, archs[2], 12.0)):
        file.add(arch, seed, training(bleu), machine="here")
    found = read_truth(path)
    assert found.trainings == file.table.trainings
    assert found.seeds == [1, 2, 3] and len(found) == 3
    assert found.archs(2) == [archs[0]]
    assert found.values("bleu", [archs[0]])[0].tolist() == [51.25, 52.5]
    header, first, second = path.read_text().splitlines()
    columns = header.split(",")
    assert tuple(columns[:10]) == ARCH_KEYS
    assert columns[10:16] == [f"{m}_seed{s}" for m in ("bleu", "chrf") for s in (1, 2, 3)]
    assert first.endswith(",5.0000 3.0000 2.5000,5.0000 3.0000 2.5000,") and '"[192, 19' in first
    assert second.count(",,") > 3


def test_a_table_goes_on_under_its_conditions_only(
    space: SearchSpace,
    tmp_path: Path,
) -> None:
    path = tmp_path / "ground_truth_x.csv"
    archs = draw_stratified(space, 2, seed=1)
    TruthFile(path, CONDITIONS).add(archs[0], 1, training(), machine="here")
    again = TruthFile(path, CONDITIONS)
    again.add(archs[1], 1, training(), machine="there")
    assert len(read_truth(path)) == 2
    assert json.loads(path.with_suffix(".json").read_text())["machines"] == {"here": 1, "there": 1}
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="other conditions: training data was aa, is now bb"):
        TruthFile(path, {**CONDITIONS, "training data": "bb"})
    path.with_suffix(".json").unlink()
    with pytest.raises(DataError, match=r"ground_truth_x\.json: cannot be read"):
        TruthFile(path, CONDITIONS)
    assert path.read_bytes() == before


def test_two_tables_are_put_together(space: SearchSpace, tmp_path: Path) -> None:
    archs = draw_stratified(space, 3, seed=1)
    here, there = (TruthFile(tmp_path / f"{name}.csv", CONDITIONS) for name in ("here", "there"))
    here.add(archs[0], 1, training(50), machine="here")
    for arch, seed in ((archs[0], 1), (archs[0], 2), (archs[2], 1)):
        there.add(arch, seed, training(60), machine="there")
    assert here.take(there) == 2 and here.take(there) == 0
    found = TruthFile(tmp_path / "here.csv", CONDITIONS).table
    assert found.trainings[archs[0]][1].bleu == 50 and len(found) == 3
    assert machines(tmp_path / "here.json") == {"here": 1, "there": 2}


def machines(path: Path) -> dict[str, int]:
    found: dict[str, int] = json.loads(path.read_text())["machines"]
    return found


def test_a_table_that_began_as_a_copy_is_counted_once(space: SearchSpace, tmp_path: Path) -> None:
    archs = draw_stratified(space, 4, seed=1)
    here = TruthFile(tmp_path / "here.csv", CONDITIONS)
    for arch in archs[:2]:
        here.add(arch, 1, training(50), machine="A")
    for name in ("here.csv", "here.json"):
        shutil.copy(tmp_path / name, tmp_path / name.replace("here", "copy"))
    there = TruthFile(tmp_path / "copy.csv", CONDITIONS)
    there.add(archs[2], 1, training(60), machine="A")
    there.add(archs[3], 1, training(60), machine="B")
    assert here.take(there) == 2
    assert machines(tmp_path / "here.json") == {"A": 3, "B": 1}
    here.add(archs[0], 2, training(50), machine="B")
    there.add(archs[1], 2, training(50), machine="C")
    assert here.take(there) == 1
    assert machines(tmp_path / "here.json") == {"A": 3, "B": 2, "C": 1}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace("50.0000", "fifty", 1), r"x\.csv:2: is no row of a ground tru"),
        (lambda text: text.replace("50.0000", "nan", 1), "'nan' is no finite decimal number"),
        (lambda text: text.replace("50.0000", "", 1), "is no row of a ground truth: KeyError"),
        (lambda text: text.replace('"[192', '"[oh', 1), r"x\.csv:2: encoder-ffn.*: is not JSON"),
        (lambda text: text + text.split("\n")[1] + "\n", r"x\.csv:3: the architecture stands"),
        (
            lambda text: text.replace("decoder-embed", "decoder-width", 1),
            "has no column 'decoder-embe",
        ),
    ],
)
def test_a_damaged_table_is_named_with_its_line(
    space: SearchSpace,
    tmp_path: Path,
    damage,
    message: str,
) -> None:
    path = tmp_path / "x.csv"
    TruthFile(path, CONDITIONS).add(space.largest(), 1, training(), machine="here")
    path.write_text(damage(path.read_text()))
    with pytest.raises(DataError, match=message):
        read_truth(path)


def test_spread_tells_seeds_and_architectures_apart(
    space: SearchSpace,
    rng: np.random.Generator,
) -> None:
    """300 architectures with a standard deviation of 6, trainings with one of 2."""
    table = TruthTable()
    for arch in draw_stratified(space, 300, seed=1):
        level = 50 + 6 * rng.normal()
        for seed in (1, 2, 3):
            table.add(arch, seed, training(level + 2 * rng.normal()))
    found = spread(table, "bleu", num_seeds=3)
    assert found.seed_std == pytest.approx(2, rel=0.1)
    assert found.mean_error == pytest.approx(2 / 3**0.5, rel=0.1)
    assert found.between_std == pytest.approx(6, rel=0.1)
    assert found.ratio == pytest.approx(found.mean_error / found.between_std)
    half = spread(table, "bleu", num_seeds=3, best=0.5)
    assert half.num_archs == 150 and half.between_std < found.between_std
    assert "300 architectures, 3 seeds: a training's standard deviation is" in str(found)
    assert np.isnan(spread(table, "bleu", num_seeds=4).ratio)
