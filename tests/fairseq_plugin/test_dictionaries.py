"""A checkpoint knows the words it was trained with, not only how many they are."""

import argparse
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("fairseq")

from fairseq.data import Dictionary

from hat.errors import CheckpointError
from hat.fairseq_plugin.arguments import parse, training_parser
from hat.fairseq_plugin.loading import build_task, load_model, load_super_transformer
from hat.models.checkpoint import checkpoint_options, read_checkpoint
from hat.text.dictionaries import noted_dictionaries, words_digest


def task_of(data: Path) -> Any:
    words = [str(data), "--arch", "transformersuper", "--source-lang", "xx", "--target-lang", "yy"]
    return build_task(parse(training_parser, words))


@pytest.fixture
def other_words(corpus: Path, tmp_path: Path) -> Any:
    """A task whose target dictionary has as many words, one of them another."""
    data = Path(shutil.copytree(corpus, tmp_path / "data"))
    path = data / "dict.yy.txt"
    path.write_text(path.read_text().replace("w7 ", "w77 "))
    return task_of(data)


def test_a_digest_is_of_the_words_in_their_order() -> None:
    def digest(*words: str) -> str:
        dictionary = Dictionary()
        for word in words:
            dictionary.add_symbol(word, n=len(words))
        return words_digest(dictionary.symbols)

    assert digest("a", "b") == digest("a", "b", "b")  # counts do not matter
    assert len({digest("a", "b"), digest("b", "a"), digest("a", "c"), digest("ab")}) == 4


def test_other_words_of_equal_number_are_refused(
    trained: Path, corpus: Path, other_words: Any
) -> None:
    path = str(trained / "checkpoint_best.pt")
    assert set(noted_dictionaries(checkpoint_options(read_checkpoint(path), path))) == {
        *("source", "target"),
    }
    load_model(path, task_of(corpus))
    for load in (load_super_transformer, load_model):
        with pytest.raises(CheckpointError, match=r"best\.pt: was trained with other target words"):
            load(path, other_words)


def test_the_other_direction_is_refused_where_words_do_not_tell(
    trained: Path, corpus: Path
) -> None:
    path = str(trained / "checkpoint_best.pt")
    task = task_of(corpus)
    source, target = task.cfg.source_lang, task.cfg.target_lang
    task.cfg.source_lang, task.cfg.target_lang = target, source
    said = f"trained to translate from {source} to {target}, but the languages here are {target} to"
    for load in (load_super_transformer, load_model):
        with pytest.raises(CheckpointError, match=said):
            load(path, task)


def test_a_checkpoint_without_digests_is_judged_by_its_size(
    trained: Path, other_words: Any, tmp_path: Path
) -> None:
    content = read_checkpoint(trained / "checkpoint_best.pt")
    options = content["cfg"]["model"]
    for side in ("source", "target"):
        delattr(options, f"{side}_dictionary_digest")
    old = {"args": argparse.Namespace(**vars(options)), "model": content["model"]}
    torch.save(old, tmp_path / "old.pt")
    load_super_transformer(str(tmp_path / "old.pt"), other_words)
    other_words.target_dictionary.add_symbol("one more")
    with pytest.raises(CheckpointError, match="target words, but the data folder's dictionary has"):
        load_super_transformer(str(tmp_path / "old.pt"), other_words)
