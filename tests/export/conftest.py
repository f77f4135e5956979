"""A tiny numbers task with its text, dictionaries and BPE codes, and checkpoints for it."""

from argparse import Namespace
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_to_mapping, write_arch
from hat.arch.space import SearchSpace
from hat.models.config import SuperTransformerConfig, options_of_super_config
from hat.models.super_transformer import SuperTransformer
from hat.tasks import numbers
from hat.tasks.prepare import prepare_corpus
from hat.text.dictionaries import digest_option, read_dictionary, words_digest
from hat.text.lines import read_text
from tests.models.conftest import KINDS, randomise, tiny_config

SIZES = {"train": 120, "valid": 11, "test": 9}


@dataclass(frozen=True)
class Task:
    """English number words to French ones."""

    text: Path
    data: Path
    codes: Path
    words: tuple[tuple[str, ...], tuple[str, ...]]

    def lines(self, kind: str, language: str) -> list[str]:
        return read_text(self.text / kind / f"test.{language}")


def make_task(folder: Path, *, seed: int = 0, merges: int = 60, joint: bool = False) -> Task:
    raw = numbers.make_numbers(("en", "fr"), SIZES, max_digits=6, rng=np.random.default_rng(seed))
    text = folder / "text"
    prepare_corpus(raw, ("en", "fr"), text, tokenise=numbers.tokenise, num_merges=merges)
    data = folder / "numbers_en_fr"
    data.mkdir(parents=True)
    counts = {
        language: Counter(
            word for line in read_text(text / "bpe" / f"train.{language}") for word in line.split()
        )
        for language in ("en", "fr")
    }
    both = counts["en"] + counts["fr"]
    words = []
    for language, own in counts.items():
        path = data / f"dict.{language}.txt"
        known = (both if joint else own).most_common()
        path.write_text("".join(f"{word} {count}\n" for word, count in known), encoding="utf-8")
        words.append(read_dictionary(path))
    return Task(text, data, text / "bpe" / "codes", (words[0], words[1]))


@pytest.fixture(scope="session")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return make_task(tmp_path_factory.mktemp("numbers"))


@pytest.fixture(scope="session")
def joint_task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return make_task(tmp_path_factory.mktemp("joint"), joint=True)


def network(task: Task, **changes: Any) -> SuperTransformerConfig:
    sizes = {"src_vocab_size": len(task.words[0]), "tgt_vocab_size": len(task.words[1])}
    positions = {"max_source_positions": 60, "max_target_positions": 60}
    return tiny_config(**{**sizes, **positions, **changes})


def write_checkpoint(
    path: Path, task: Task, *, options: Mapping[str, Any] | None = None, seed: int = 0, **kind: Any
) -> Path:
    """A SuperTransformer with random weights, as training would write it."""
    config = network(task, **kind)
    model = randomise(SuperTransformer(config), seed)
    noted = {
        "arch": "transformersuper",
        "data": "nowhere/numbers_en_fr",
        "source_lang": "en",
        "target_lang": "fr",
        digest_option("source"): words_digest(task.words[0]),
        digest_option("target"): words_digest(task.words[1]),
    }
    args = Namespace(**{**options_of_super_config(config), **noted, **(options or {})})
    torch.save({"args": None, "cfg": {"model": args}, "model": model.state_dict()}, path)
    return path


def trained_as(arch: SubTransformerConfig) -> dict[str, Any]:
    """The options of a checkpoint that was trained as one SubTransformer."""
    named = {key.replace("-", "_"): value for key, value in arch_to_mapping(arch).items()}
    return {"train_subtransformer": True, **named}


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, task: Task) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "c.pt", task)


@pytest.fixture
def sub_yml(tmp_path: Path, tiny_space: SearchSpace) -> Path:
    arch = tiny_space.sample(np.random.default_rng(3))
    write_arch(tmp_path / "sub.yml", arch)
    return tmp_path / "sub.yml"


__all__ = ["KINDS"]
