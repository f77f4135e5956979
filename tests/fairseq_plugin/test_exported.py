"""Plain fairseq runs an exported small model, and its hypotheses are those of ``hat translate``."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("fairseq")

from fairseq.data.indexed_dataset import make_builder

import hat
from hat.arch.space import SearchSpace
from hat.export.folder import ExportSettings, export
from hat.export.formats import FORMATS
from hat.export.trained import TaskSettings, read_trained
from hat.tasks.corpus import SPLITS
from hat.text.lines import read_text
from hat.translation.beam import BeamSettings
from hat.translation.sentences import TranslationSettings
from tests.export.conftest import Task, make_task, write_checkpoint
from tests.fairseq_plugin.conftest import run_script


def write_data(task: Task) -> None:
    """What fairseq-preprocess makes of the task's text."""
    for split in SPLITS:
        for language, words in zip(("en", "fr"), task.words, strict=True):
            numbers = {word: number for number, word in enumerate(words)}
            prefix = task.data / f"{split}.en-fr.{language}"
            builder = make_builder(f"{prefix}.bin", impl="mmap", vocab_size=len(words))
            for line in read_text(task.text / "bpe" / f"{split}.{language}"):
                tokens = [*(numbers.get(word, 3) for word in line.split()), 2]
                builder.add_item(torch.IntTensor(tokens))
            builder.finalize(f"{prefix}.idx")


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param({}, marks=pytest.mark.slow),
        {"encoder_normalize_before": True, "encoder_embed_dim": 40},
    ],
)
def test_fairseq_generate(tmp_path: Path, tiny_space: SearchSpace, kind: dict[str, int]) -> None:
    task = make_task(tmp_path)
    write_data(task)
    checkpoint = write_checkpoint(tmp_path / "c.pt", task, **kind)
    hat.write_arch(tmp_path / "sub.yml", tiny_space.sample(np.random.default_rng(len(kind))))
    settings = TaskSettings(data=task.data, bpe_codes=task.codes)
    what = read_trained(checkpoint, tmp_path / "sub.yml", settings)
    part = FORMATS.load("fairseq")
    done = export(what, tmp_path / "out", ExportSettings(format="fairseq"), part.build(None))
    assert done.parity_on == "11 sentences of valid"
    assert done.parity < 2e-5
    printed = run_script(
        *("-m", "fairseq_cli.generate", str(task.data), "--path", str(tmp_path / "out/model.pt")),
        *("--user-dir", "hat/fairseq_plugin", "--gen-subset", "test", "--beam", "3"),
        *("-s", "en", "-t", "fr", "--required-batch-size-multiple", "1", "--max-len-b", "12"),
        *("--batch-size", "4", "--cpu"),
    ).stdout
    found = {int(i): (score, text) for i, score, text in _HYPOTHESIS.findall(printed)}
    lines = task.lines("bpe", "en")
    search = BeamSettings(beam=3, max_len_b=12)
    translator = hat.Translator(
        tmp_path / "out", settings=TranslationSettings(search=search, pretokenised=True)
    )
    for index, (ours,) in enumerate(translator.nbest(lines)):
        score, text = found[index]
        assert ours.text == text
        assert ours.score == pytest.approx(float(score), abs=1e-4)
    assert len(found) == len(lines)


_HYPOTHESIS = re.compile(r"^H-(\d+)\t(\S+)\t(.*)$", re.MULTILINE)
