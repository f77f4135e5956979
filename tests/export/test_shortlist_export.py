"""Exports with a short-list: learned from training data, kept to, its price told, or refused."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import hat
from hat.commands.export import main
from hat.export.lexicon import learned_shortlist
from hat.text.lines import read_text
from hat.translation.shortlist import SHORTLIST_FILE, read_shortlist
from hat.translation.text import END_IDX, UNKNOWN_IDX
from tests.export.conftest import Task
from tests.export.test_engine_formats import last_layer_yml, write_sentences, write_split

__all__ = ["last_layer_yml"]


@pytest.fixture
def data(tmp_path: Path, task: Task) -> Path:
    folder = Path(shutil.copytree(task.data, tmp_path / "data" / "numbers_en_fr"))
    for split in ("train", "valid"):
        write_split(folder, task, split)
    return folder


def test_model_1_finds_the_words_that_belong_together(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sources = [[*rng.choice(np.arange(4, 24), 6), END_IDX] for _ in range(400)]
    # The translation of word n is word n + 20, in another order, and 50 stands everywhere.
    targets = [[*rng.permutation([n + 20 for n in s[:-1]]), 50, END_IDX] for s in sources]
    for language, sentences in (("en", sources), ("fr", targets)):
        write_sentences(tmp_path / f"train.en-fr.{language}", sentences)
    words = tuple(tuple(f"{side}{n}" for n in range(60)) for side in "sf")
    found = learned_shortlist(tmp_path, ("en", "fr"), (60, 60), 1)
    found.write(tmp_path / SHORTLIST_FILE, (words[0], words[1]))
    lines = (tmp_path / SHORTLIST_FILE).read_text(encoding="utf-8").splitlines()
    assert lines[0] == "\tf2 f3 f50"
    assert lines[1:] == [f"s{n}\tf{n + 20}" for n in range(4, 24)]


@pytest.mark.parametrize("name", ["safetensors", "torch", "fairseq", "ctranslate2"])
def test_translations_keep_to_the_list_and_its_price_is_told(
    name: str,
    task: Task,
    checkpoint: Path,
    last_layer_yml: Path,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if name == "ctranslate2" and importlib.util.find_spec(name) is None:
        pytest.skip("ctranslate2 is not installed")
    paths = [str(each) for each in (checkpoint, last_layer_yml, tmp_path / "out")]
    flags = [*paths, f"--data={data}", f"--bpe-codes={task.codes}", f"--format={name}"]
    main([*flags, "--shortlist=3"])
    printed = capsys.readouterr().out
    result = json.loads(printed.splitlines()[-1])
    assert result["bleu_difference"] is not None and "with a short-list," in printed
    assert "| what a short-list cost | BLEU" in (tmp_path / "out" / "README.md").read_text()
    shortlist = read_shortlist(tmp_path / "out" / SHORTLIST_FILE, task.words)
    numbers = {word: number for number, word in enumerate(task.words[1])}
    lines = read_text(task.text / "bpe" / "test.en")
    settings = hat.TranslationSettings(pretokenised=True)
    source = {word: number for number, word in enumerate(task.words[0])}
    translator = hat.Translator(tmp_path / "out", settings=settings)
    import torch

    for line in lines:
        # Sentence by sentence, since a batch shares its words.
        (found,) = translator.translate([line])
        tokens = [source.get(word, UNKNOWN_IDX) for word in line.split()]
        allowed = set(shortlist.words(torch.tensor([[*tokens, END_IDX]])).tolist())
        assert {numbers[word] for word in found.split()} <= allowed
    before = result["signature"]
    main([*flags, "--shortlist=4"])
    changed = json.loads(capsys.readouterr().out.splitlines()[-1])["signature"]
    main(flags)
    plain = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert len({before, changed, plain["signature"]}) == 3
    assert plain["bleu_difference"] is None
    assert not (tmp_path / "out" / SHORTLIST_FILE).exists()


def test_a_format_with_all_words_in_its_output_layer_takes_none(
    checkpoint: Path,
    last_layer_yml: Path,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    paths = [str(each) for each in (checkpoint, last_layer_yml, tmp_path / "out")]
    with pytest.raises(SystemExit) as stopped:
        main([*paths, f"--data={data}", "--format=onnx", "--shortlist=3"])
    assert stopped.value.code == 2
    assert "shortlist: onnx files have all words" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_without_training_data_there_is_nothing_to_learn_from(
    task: Task,
    checkpoint: Path,
    last_layer_yml: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    paths = [str(each) for each in (checkpoint, last_layer_yml, tmp_path / "out")]
    words = [*paths, f"--data={task.data}", f"--bpe-codes={task.codes}", "--shortlist=3"]
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert "learned from training data, but there is none" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
