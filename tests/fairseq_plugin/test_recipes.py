"""Trainings with each recipe: they learn, go on bit for bit, and note what decides them."""

import argparse
import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

pytest.importorskip("fairseq")

import hat
from hat.errors import CheckpointError, ConfigError
from hat.fairseq_plugin.arguments import parse, training_parser
from hat.fairseq_plugin.criterion import LabelSmoothedCrossEntropyCriterion
from hat.fairseq_plugin.draw_step import train_on_draw
from hat.fairseq_plugin.loading import build_task
from hat.fairseq_plugin.model import LossOf, TransformerSuperModel
from hat.fairseq_plugin.moving_average import MovingAverage
from hat.fairseq_plugin.quiet import fairseq_config
from hat.fairseq_plugin.recipe import recipe_conditions
from hat.fairseq_plugin.resuming import add_resume_option, begin
from hat.fairseq_plugin.training import Trained, run_training
from hat.fairseq_plugin.training_conditions import counts
from hat.models.averaging import AverageSettings, average_checkpoints
from hat.models.checkpoint import read_checkpoint, with_average
from hat.modules.soft_targets import DistillationSettings
from hat.modules.vocabulary_loss import Teacher
from hat.sampling import SAMPLINGS
from tests.fairseq_plugin.conftest import run_script
from tests.fairseq_plugin.test_training import largest_difference, torchrun

ALPHA = ("--distill-weight", "0.5", "--distill-divergence", "alpha")
RECIPES = {
    **{name: ("--sampling-strategy", name) for name in SAMPLINGS if name != "uniform"},
    "sandwich, distilled": ("--sampling-strategy", "sandwich", "--distill-weight", "1"),
    "uniform, alpha, average": (*ALPHA, "--store-ema", "--ema-decay", "0.7", "--validate-ema"),
}


def options(space_yml: Path, folder: Path, *flags: str) -> argparse.Namespace:
    words = [f"--configs={space_yml}", "--save-dir", str(folder), "--num-workers", "0", *flags]
    return parse(training_parser, words, add_options=add_resume_option)


def run(space_yml: Path, folder: Path, *flags: str) -> Trained:
    trained = run_training(options(space_yml, folder, *flags))
    assert trained is not None
    return trained


def updates(folder: Path) -> int:
    """After how many updates the last checkpoint was saved."""
    content = read_checkpoint(folder / "checkpoint_last.pt")
    return int(content["optimizer_history"][-1]["num_updates"])


def state(path: Path) -> dict[str, Tensor]:
    """All tensors of a checkpoint: weights, average, the optimizer's."""
    found: dict[str, Tensor] = {}

    def walk(value: Any, name: str) -> None:
        if isinstance(value, Tensor):
            found[name] = value
        elif isinstance(value, dict):
            for key, each in value.items():
                walk(each, f"{name}/{key}")

    content = read_checkpoint(path)
    for key in ("model", "last_optimizer_state", "extra_state"):
        walk(content[key], key)
    return found


_FAST = ("sandwich, distilled", "uniform, alpha, average", "progressive")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in _FAST else pytest.mark.slow) for name in RECIPES],
)
def test_a_training_that_stops_goes_on_bit_for_bit(
    name: str, space_yml: Path, tmp_path: Path
) -> None:
    flags = (*RECIPES[name], "--lr-period-updates", "20", "--max-update")
    if name == "progressive":  # whose stages are parts of all updates, so they must be known
        flags = (*RECIPES[name], "--warmup-updates", "2", "--max-update", "4", "--stop-time-hours")
        whole = run(space_yml, tmp_path / "whole", *flags, "0")
        run(space_yml, tmp_path / "parts", *flags, "1e-9")
    else:
        whole = run(space_yml, tmp_path / "whole", *flags, "4")
        run(space_yml, tmp_path / "parts", *flags, "2")
    assert updates(tmp_path / "parts") < 4
    last = "0" if name == "progressive" else "4"
    again = run(space_yml, tmp_path / "parts", *flags, last)
    assert updates(tmp_path / "parts") == updates(tmp_path / "whole") == 4
    one, other = (state(tmp_path / part / "checkpoint_last.pt") for part in ("whole", "parts"))
    assert one.keys() == other.keys()
    assert [key for key in one if not torch.equal(one[key], other[key])] == []
    assert ("extra_state/ema/encoder.embed_tokens.weight" in one) == ("average" in name)
    assert whole.record is not None and again.record == whole.record


@pytest.fixture(scope="module")
def parsed(space_yml: Path) -> argparse.Namespace:
    return options(space_yml, Path("nowhere"))


class Backward:
    """An optimizer that only adds up gradients."""

    @staticmethod
    def backward(loss: Tensor) -> None:
        loss.backward()  # type: ignore[no-untyped-call]


def set_up(parsed: argparse.Namespace, **changes: Any) -> tuple[Any, Any, dict[str, Any]]:
    """A model in float64 without dropout, the criterion and a batch."""
    args = copy.deepcopy(parsed)
    vars(args).update({"dropout": 0.0, **changes})
    task = build_task(args)
    torch.manual_seed(1)
    model: Any = TransformerSuperModel.build_model(args, task).double()
    criterion = task.build_criterion(fairseq_config(args).criterion)
    assert type(criterion) is LabelSmoothedCrossEntropyCriterion
    task.load_dataset("train")
    iterator = task.get_batch_iterator(task.dataset("train"), max_tokens=200, seed=1)
    model.train()
    model.set_num_updates(3)
    return model, criterion, next(iterator.next_epoch_itr(shuffle=False))


def gradients(model: Any) -> dict[str, Tensor]:
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_same(ours: dict[str, Tensor], plain: dict[str, Tensor]) -> None:
    for name in ours.keys() | plain.keys():
        zero = torch.zeros(1, dtype=torch.float64)
        one, other = ours.get(name, zero), plain.get(name, zero)
        one, other = torch.broadcast_tensors(one, other)
        assert torch.allclose(one, other, rtol=1e-7, atol=1e-9), name


def test_a_sandwich_s_gradient_is_the_sum_of_its_members(parsed: argparse.Namespace) -> None:
    model, criterion, sample = set_up(parsed, sampling_strategy="sandwich", sandwich_random=1)
    assert len(model.drawn) == 3
    rng = np.random.default_rng((parsed.seed, 3))  # of the training's seed and the update
    assert model.drawn[2] == model.space.sample(rng)
    _, size, logged = train_on_draw(sample, model, criterion, Backward, ignore_grad=False)
    ours = gradients(model)
    model.zero_grad()
    losses = []
    for arch in model.drawn:
        model.set_sample_config(arch)
        loss, one_size, _ = criterion(model, sample)
        loss.backward()
        losses.append(float(loss))
    assert_same(ours, gradients(model))
    assert size == 3 * one_size  # so that the step is along the mean
    assert float(logged["loss"]) == pytest.approx(sum(losses) / 3)
    assert logged["sample_size"] == one_size and logged["ntokens"] == sample["ntokens"]


@pytest.mark.parametrize("strategy", ["uniform", "sandwich"])
@pytest.mark.parametrize("part", [0.25, 1.0])
def test_distilled_gradients_are_those_of_whole_logits(
    strategy: str, part: float, parsed: argparse.Namespace
) -> None:
    model, criterion, sample = set_up(parsed, sampling_strategy=strategy, distill_weight=part)
    train_on_draw(sample, model, criterion, Backward, ignore_grad=False)
    ours = gradients(model)
    model.zero_grad()
    largest = model.space.largest()
    counts_ = sample["target"].ne(model.config.padding_idx)

    def words(arch: Any) -> Tensor:
        model.set_sample_config(arch)
        logits: Tensor = model(**sample["net_input"])[0]
        return logits[counts_].log_softmax(-1)

    taught = words(largest).detach()
    smoothing, vocabulary = criterion.eps, taught.size(-1)
    for arch in model.drawn:
        said = words(arch)
        nll = -said.gather(1, sample["target"][counts_][:, None]).sum()
        share = smoothing / (vocabulary - 1)
        hard = (1 - smoothing - share) * nll - share * said.sum()
        kl = (taught.exp() * (taught - said)).sum()
        loss = hard if arch == largest else (1 - part) * hard + part * kl
        loss.backward()
    assert_same(ours, gradients(model))


def test_a_process_without_a_batch_adds_nothing(parsed: argparse.Namespace) -> None:
    model, criterion, sample = set_up(parsed, sampling_strategy="sandwich", distill_weight=1.0)
    train_on_draw(sample, model, criterion, Backward, ignore_grad=True)
    assert all(gradient.abs().max() == 0 for gradient in gradients(model).values())


def test_the_teacher_of_a_uniform_draw_has_no_dropout(parsed: argparse.Namespace) -> None:
    model, criterion, sample = set_up(parsed, distill_weight=1.0)
    model.encoder.dropout_p = model.decoder.dropout_p = 0.5
    teacher = criterion.teacher(model, sample, DistillationSettings(distill_weight=1.0))
    assert model.training and isinstance(teacher, Teacher)
    model.eval()
    model.set_sample_config(model.space.largest())
    found = model(**sample["net_input"], loss_of=LossOf(sample["target"], 0.1))
    torch.testing.assert_close(teacher.features, found.features)


def test_hat_s_recipe_is_no_condition_and_others_are(space_yml: Path) -> None:
    def found(*flags: str) -> dict[str, Any]:
        return recipe_conditions(options(space_yml, Path("nowhere"), *flags))

    assert found() == {} == found("--sandwich-random", "5")
    assert found("--train-subtransformer", "--sampling-strategy", "sandwich") == {}
    sandwich = found("--sampling-strategy", "sandwich")
    assert sandwich == {"sampling-strategy": "sandwich", "sandwich-random": 2}
    assert "distill-clip" in found(*ALPHA) and "distill-clip" not in sandwich
    assert found("--sampling-strategy", "progressive")["widen-at"] == [0.2, 0.4, 0.6]
    periodic = ("--lr-period-updates", "8")
    for strategy in SAMPLINGS:
        args = options(space_yml, Path("x"), *periodic, "--sampling-strategy", strategy)
        assert counts("max-update", args) == (strategy == "progressive")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--sampling-strategy", "sandwhich"), "--sampling-strategy cannot be 'sandwhich'; did"),
        (("--distill-weight", "2"), "distill-weight must be between 0 and 1, but found 2"),
        (("--validate-ema",), "validate-ema has no effect without store-ema"),
        (
            ("--sampling-strategy", "progressive", "--max-update", "0", *("--max-epoch", "2")),
            "--sampling-strategy progressive needs max-update",
        ),
        (("--init-from-supernet", "nowhere.pt"), "init-from-supernet: there is no file nowhere.pt"),
    ],
)
def test_a_wrong_recipe_is_one_sentence_and_nothing_is_written(
    flags: tuple[str, ...], message: str, space_yml: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as error:
        run(space_yml, tmp_path / "new", *flags)
    assert str(error.value).startswith(message)
    assert not (tmp_path / "new").exists()


def test_distillation_needs_a_criterion_that_can_teach(parsed: argparse.Namespace) -> None:
    args = copy.deepcopy(parsed)
    args.distill_weight, args.criterion = 1.0, "cross_entropy"
    with pytest.raises(ConfigError, match="distill-weight needs criterion label_smoothed"):
        begin(args)


def test_the_average_is_the_formula_s(parsed: argparse.Namespace) -> None:
    model, *_ = set_up(parsed)
    config = argparse.Namespace(
        ema_decay=0.9,
        ema_start_update=2,
        ema_update_freq=2,
        ema_seed_model=None,
        ema_fp32=False,
    )
    average = MovingAverage(model.float(), config)
    name = "encoder.embed_tokens.weight"  # shared by both sides: it must count once
    assert model.encoder.embed_tokens.weight is model.decoder.embed_tokens.weight
    expected = model.state_dict()[name].clone()
    for update in range(1, 7):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 0.5
        average.step(model, update)
        now = model.state_dict()[name]
        if update < 2:
            expected = now.clone()
        elif update % 2 == 0:
            expected = 0.9 * expected + 0.1 * now
    torch.testing.assert_close(average.get_model().state_dict()[name], expected)
    assert next(MovingAverage(model.bfloat16(), config).model.parameters()).dtype == torch.float32


@pytest.fixture(scope="module")
def averaged(space_yml: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a training that keeps a moving average."""
    folder = tmp_path_factory.mktemp("averaged")
    run(space_yml, folder, "--store-ema", "--ema-decay", "0.5", "--max-update", "12")
    return folder


def test_without_its_average_a_checkpoint_is_the_same(averaged: Path, trained: Path) -> None:
    one, other = (read_checkpoint(f / "checkpoint_last.pt") for f in (averaged, trained))
    assert "ema" in one["extra_state"] and "ema" not in other["extra_state"]
    assert all(torch.equal(one["model"][key], other["model"][key]) for key in other["model"])
    plain = hat.load_checkpoint(averaged / "checkpoint_last.pt").state_dict()
    assert all(torch.equal(plain[key], other["model"][key]) for key in plain)


def test_the_average_becomes_a_checkpoint_that_everybody_reads(
    averaged: Path, trained: Path, tmp_path: Path
) -> None:
    last = averaged / "checkpoint_last.pt"
    out = tmp_path / "average.pt"
    done = average_checkpoints(out, AverageSettings(inputs=(last,), ema=True))
    found = hat.load_checkpoint(out).state_dict()
    kept = read_checkpoint(last)["extra_state"]["ema"]
    assert all(torch.equal(found[key], kept[key]) for key in found)
    assert (
        done.signature
        != average_checkpoints(tmp_path / "plain.pt", AverageSettings(inputs=(last,))).signature
    )
    without = trained / "checkpoint_last.pt"
    with pytest.raises(CheckpointError, match="holds no moving average of the weights"):
        with_average(read_checkpoint(without), without)


def test_validation_can_choose_the_average(averaged: Path, space_yml: Path, tmp_path: Path) -> None:
    flags = ("--store-ema", "--ema-decay", "0.5", "--validate-ema")
    ours = run(space_yml, tmp_path / "ours", *flags)
    best = {}
    for folder in (averaged, tmp_path / "ours"):
        content = read_checkpoint(folder / "checkpoint_last.pt")
        best[folder] = content["extra_state"]["val_loss"]
    assert best[averaged] != best[tmp_path / "ours"] == ours.best_loss
    supernet = hat.load_supernet(
        space_yml, restore_file=tmp_path / "ours" / "checkpoint_last.pt", restore_ema=True, cpu=True
    )
    scorer = hat.SCORERS.load("inherited-loss")
    loss = scorer.build(scorer.Settings(), supernet).score([supernet.space.largest()])[0]
    assert loss == pytest.approx(ours.best_loss, rel=1e-4)


def test_a_training_with_an_average_does_not_begin_from_one_without(
    space_yml: Path, trained: Path, tmp_path: Path
) -> None:
    flags = ("--store-ema", "--finetune-from-model", str(trained / "checkpoint_last.pt"))
    with pytest.raises(CheckpointError, match="holds no moving average, so a training with store"):
        run(space_yml, tmp_path / "new", *flags)


@pytest.mark.slow
def test_two_processes_train_the_same_sandwich(space_yml: Path, tmp_path: Path) -> None:
    common = ["train.py", f"--configs={space_yml}", "--max-update", "4", "--dropout", "0"]
    common += [
        "--warmup-updates",
        "2",
        "--sampling-strategy",
        "sandwich",
        "--distill-weight",
        "0.5",
    ]
    run_script(*common, "--update-freq", "2", "--save-dir", str(tmp_path / "one"))
    torchrun(*common, "--save-dir", str(tmp_path / "two"))
    # A sandwich holds the largest, so every weight has a gradient at every update.
    one, two = (tmp_path / name / "checkpoint_last.pt" for name in ("one", "two"))
    assert largest_difference(one, two) < 1e-3  # roundings, where other draws make 0.005
