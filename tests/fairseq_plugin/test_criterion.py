"""Our criterion and optimizer against fairseq's: same numbers, same training."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("fairseq")

from fairseq.criterions.label_smoothed_cross_entropy import (
    LabelSmoothedCrossEntropyCriterion as FairseqCriterion,
)
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.trainer import Trainer

from hat.fairseq_plugin.arguments import parse, training_parser
from hat.fairseq_plugin.criterion import LabelSmoothedCrossEntropyCriterion
from hat.fairseq_plugin.loading import build_task
from hat.fairseq_plugin.model import TransformerSuperModel

SHARING = {
    "all shared": [],
    "output shared": ["--share-decoder-input-output-embed"],
    "nothing shared": [],
}


@pytest.fixture(params=SHARING)
def args(request: pytest.FixtureRequest, space_yml: Path, tmp_path: Path) -> argparse.Namespace:
    path = space_yml
    if request.param != "all shared":
        path = tmp_path / "space.yml"
        path.write_text(space_yml.read_text().replace("share-all-embeddings: True\n", ""))
    flags = ["--no-save", "--dropout=0.2", *SHARING[request.param]]
    return parse(training_parser, [f"--configs={path}", *flags])


def batches(task: Any) -> list[dict[str, Any]]:
    task.load_dataset("train")
    iterator = task.get_batch_iterator(task.dataset("train"), max_tokens=200, seed=1)
    return list(iterator.next_epoch_itr(shuffle=False))


def test_the_name_that_users_have_means_ours(args: argparse.Namespace) -> None:
    task = build_task(args)
    criterion = task.build_criterion(convert_namespace_to_omegaconf(args).criterion)
    assert type(criterion) is LabelSmoothedCrossEntropyCriterion
    # A checkpoint says which class wrote it; fairseq compares the names.
    assert type(criterion).__name__ == FairseqCriterion.__name__


@pytest.mark.parametrize(
    "options",
    [
        {"sentence_avg": False, "label_smoothing": 0.1},
        {"sentence_avg": True, "label_smoothing": 0.0},
        {"sentence_avg": False, "label_smoothing": 0.3, "ignore_prefix_size": 2},
        {"sentence_avg": False, "label_smoothing": 0.1, "report_accuracy": True},
    ],
    ids=str,
)
def test_numbers_and_gradients_are_fairseq_s(
    args: argparse.Namespace, options: dict[str, Any]
) -> None:
    task = build_task(args)
    torch.manual_seed(0)
    model = TransformerSuperModel.build_model(args, task)
    model.eval()
    assert model.space is not None
    rng = np.random.default_rng(0)
    samples = batches(task)
    archs = [model.space.smallest(), model.space.sample(rng), model.space.largest()]
    for sample, arch in zip(samples, archs, strict=False):
        model.set_sample_config(arch)
        found = []
        for kind in (LabelSmoothedCrossEntropyCriterion, FairseqCriterion):
            model.zero_grad()
            loss, size, logged = kind(task, **options)(model, sample)
            loss.backward()
            numbers = {name: float(value) for name, value in logged.items()}
            gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
            found.append((loss.item(), size, numbers, gradients))
        ours, theirs = found
        assert ours[0] == pytest.approx(theirs[0], rel=1e-6)
        assert ours[1] == theirs[1]
        assert ours[2] == pytest.approx(theirs[2], rel=1e-6)
        assert ours[3].keys() == theirs[3].keys()
        for name, gradient in theirs[3].items():
            torch.testing.assert_close(ours[3][name], gradient, rtol=1e-4, atol=1e-5)


def test_no_reduction_and_foreign_models_are_fairseq_s(args: argparse.Namespace) -> None:
    task = build_task(args)
    model = TransformerSuperModel.build_model(args, task).eval()
    criterion = LabelSmoothedCrossEntropyCriterion(task, False, 0.1)
    sample = batches(task)[0]
    reduced, _, _ = criterion(model, sample)
    rows, _, _ = criterion(model, sample, reduce=False)
    assert rows.numel() == sample["target"].numel()
    assert float(rows.sum()) == pytest.approx(float(reduced), rel=1e-5)

    class Foreign(torch.nn.Module):
        def forward(self, **net_input: Any) -> Any:
            return model(**net_input)

        get_normalized_probs = staticmethod(model.get_normalized_probs)
        get_targets = staticmethod(model.get_targets)

    loss, _, _ = criterion(Foreign(), sample)
    assert float(loss) == pytest.approx(float(reduced), rel=1e-5)


def losses(args: argparse.Namespace, updates: int, *, plain: bool) -> list[float]:
    """Losses of a training in this process, by our criterion and Adam or by fairseq's."""
    config = convert_namespace_to_omegaconf(args)
    config.optimizer.use_old_adam = plain
    task = build_task(args)
    torch.manual_seed(1)
    model = task.build_model(config.model)
    criterion = task.build_criterion(config.criterion)
    if plain:
        criterion = FairseqCriterion.build_criterion(config.criterion, task)
    task.load_dataset("train")
    trainer = Trainer(config, task, model, criterion)
    iterator = trainer.get_train_iterator(1, load_dataset=False)
    found: list[float] = []
    criterion.register_forward_hook(lambda _, __, output: found.append(output[0].item()))
    while len(found) < updates:
        trainer.begin_epoch(1)
        for sample in iterator.next_epoch_itr(shuffle=True):
            trainer.train_step([sample])
    assert (type(trainer.optimizer.optimizer).__name__ == "Adam") == plain
    return found[:updates]


def test_fifty_updates_are_those_of_the_plain_path(space_yml: Path) -> None:
    flags = ["--no-save", "--clip-norm=0.5", "--weight-decay=0.01", "--max-update=50"]
    args = parse(training_parser, [f"--configs={space_yml}", *flags])
    fast, plain = (losses(args, 50, plain=way) for way in (False, True))
    np.testing.assert_allclose(fast, plain, rtol=1e-4)
    assert plain[-1] < 0.9 * plain[0]
