"""Trainings of a ground truth, tiny ones, from the data to the cell."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hat.arch.hat_yaml import load_space
from hat.errors import ConfigError
from hat.ground_truth.draw import draw_stratified
from hat.ground_truth.table import TruthFile, read_truth
from hat.tasks.binarise import binarise
from hat.tasks.conlang import LANGUAGES, Conlang, ConlangSettings
from tests.ground_truth.conftest import SPACE

pytestmark = pytest.mark.stage

_SMALLER = {
    "max-update": 20,
    "warmup-updates": 4,
    "encoder-embed-dim": 16,
    "decoder-embed-dim": 16,
    "encoder-ffn-embed-dim": 16,
    "decoder-ffn-embed-dim": 16,
    "encoder-layers": 2,
    "decoder-layers": 2,
    "qkv-dim": 16,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conlang")
    sizes = {"train": 200, "valid": 20, "test": 30, "nouns": 5, "adjectives": 2, "verbs": 3}
    settings = ConlangSettings(text_dir=folder / "text", merges=100, **sizes)
    Conlang.build(settings).prepare(lambda line: None)
    flags = ("--joined-dictionary",)
    binarise(folder / "text" / "bpe", LANGUAGES, folder / "binary", flags=flags)
    return folder / "binary"


@pytest.fixture
def recipe(bench: Any, data: Path, tmp_path: Path) -> Any:
    """The recipe of ``conlang``, with a smaller network, less data and 20 updates."""
    from truth_training import Recipe

    given = (SPACE.parents[1] / "subtransformer" / "common.yml").read_text().splitlines()
    lines = [f"{key}: {value}" for key, value in _SMALLER.items()]
    lines += [f"data: {data}"]
    names = {line.partition(":")[0] for line in lines}
    lines += [line for line in given if line.partition(":")[0] not in names]
    training = tmp_path / "common.yml"
    training.write_text("\n".join(lines) + "\n")
    space = tmp_path / "space.yml"
    choices = {"embed-choice": "[16]", "ffn-embed-dim-choice": "[16]", "layer-num-choice": "[2, 1]"}
    kept = SPACE.read_text().splitlines()
    for name, value in choices.items():
        kept = [
            f"{line.partition(':')[0]}: {value}" if line.partition(":")[0].endswith(name) else line
            for line in kept
        ]
    space.write_text("\n".join(kept) + "\n")
    return Recipe(
        name="tiny",
        data=data,
        prepare="",
        space=space,
        training=training,
        num_archs=2,
        num_seeds=2,
        updates=20,
        src_len=10,
        decode_steps=10,
        num_words=100,
        marks=5,
        averaged=2,
        beam=2,
    )


def test_a_training_is_a_cell_and_repeats_itself(recipe: Any, tmp_path: Path) -> None:
    from truth_training import train_and_score

    arch = draw_stratified(load_space(recipe.space), 2, seed=1)[1]
    first, again, other = (
        train_and_score(recipe, arch, seed, tmp_path / "scratch") for seed in (1, 1, 2)
    )
    assert replace(again, cpu_seconds=first.cpu_seconds) == first
    assert other.loss != first.loss
    assert len(first.curve) == 5 and first.curve[-1] < first.curve[0] < 10
    assert abs(first.loss - first.curve[-1]) < 1 and 0 <= first.bleu <= 100
    assert not (tmp_path / "scratch").exists()


def test_another_recipe_or_other_data_is_refused(recipe: Any, data: Path, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    arch = draw_stratified(load_space(recipe.space), 1, seed=1)[0]
    conditions = recipe.conditions()
    assert not {"seed", "save-dir", "encoder-layer-num-subtransformer"} & set(conditions)
    from hat.ground_truth.table import Training

    cell = Training(bleu=1.0, chrf=1.0, loss=1.0, cpu_seconds=1.0, curve=(1.0,))
    TruthFile(path, conditions).add(arch, 1, cell, machine="here")
    assert len(TruthFile(path, recipe.conditions()).table) == 1
    text = recipe.training.read_text()
    recipe.training.write_text(text.replace("max-lr: 0.006", "max-lr: 0.005"))
    with pytest.raises(ConfigError, match=r"other conditions: max-lr was 0.006, is now 0.005"):
        TruthFile(path, recipe.conditions())
    recipe.training.write_text(text)
    with pytest.raises(ConfigError, match="averaged was the last 2 of 5 checkpoints, is now"):
        TruthFile(path, replace(recipe, averaged=3).conditions())
    words = data / "train.qaa-qab.qab.bin"
    before = words.read_bytes()
    try:
        words.write_bytes(before[:-2] + before[:2])
        with pytest.raises(ConfigError, match="content of train was "):
            TruthFile(path, recipe.conditions())
    finally:
        words.write_bytes(before)
    assert len(read_truth(path)) == 1


@pytest.mark.slow
def test_trainings_run_side_by_side_and_one_that_fails_takes_nothing_with_it(
    bench: Any,
    recipe: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bench[0], "_TASKS_PER_CHILD", 1)  # two pools of workers, one after another
    fitting = draw_stratified(load_space(recipe.space), 2, seed=1)[1]
    too_large = draw_stratified(load_space(SPACE), 1, seed=1)[0]
    options = argparse.Namespace(
        recipe=recipe, total=4, workers=2, scratch=tmp_path / "scratch", hours=float("inf")
    )
    path = tmp_path / "table.csv"
    jobs = [(fitting, 1), (too_large, 1), (fitting, 2)]
    assert bench[0].fill(options, jobs, TruthFile(path, recipe.conditions())) == 1
    table = TruthFile(path, recipe.conditions()).table
    assert set(table.trainings) == {fitting} and table.seeds == [1, 2]
    said = capsys.readouterr().out
    log = tmp_path / "scratch" / "tiny_1_seed1.log"
    assert f"its log is {log}" in said and "Traceback" in log.read_text()
    assert "2 of 4: decoder 1 x 16, encoder 1 x 16, seed " in said
