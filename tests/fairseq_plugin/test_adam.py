"""The one-pass Adam moves weights as fairseq's does, and takes up its state."""

import argparse
import copy

import pytest
import torch

pytest.importorskip("fairseq")

from fairseq.optim import FP16Optimizer, build_optimizer
from fairseq.optim import adam as fairseq_s
from omegaconf import OmegaConf

from hat.fairseq_plugin.adam import FairseqAdam, OnePassAdam

OPTIONS = {
    "_name": "adam",
    "adam_betas": "(0.9, 0.98)",
    "adam_eps": 1e-8,
    "weight_decay": 0.01,
    "use_old_adam": False,
    "fp16_adam_stats": False,
    "tpu": False,
    "lr": [0.01],
}

SHAPES = ((7, 5), (11,), (3, 4, 2))


def weights() -> list[torch.nn.Parameter]:
    torch.manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape)) for shape in SHAPES]


def both() -> tuple[FairseqAdam, fairseq_s.FairseqAdam]:
    config = argparse.Namespace(**OPTIONS)
    return FairseqAdam(config, weights()), fairseq_s.FairseqAdam(config, weights())


def update(optimizer: fairseq_s.FairseqAdam, number: int, *, clip: float = 1.0) -> float:
    """One update with tiny and large gradients, in which one weight takes no part at times."""
    generator = torch.Generator().manual_seed(number)
    optimizer.zero_grad()
    for index, parameter in enumerate(optimizer.params):
        gradient = torch.randn(parameter.shape, generator=generator)
        if index != 1 or number % 3:
            parameter.grad = gradient * 10.0 ** torch.randint(-8, 2, parameter.shape)
    optimizer.multiply_grads(1 / 17)
    norm = optimizer.clip_grad_norm(clip)
    optimizer.step()
    return float(norm)


def assert_alike(ours: fairseq_s.FairseqAdam, theirs: fairseq_s.FairseqAdam) -> None:
    for one, other in zip(ours.params, theirs.params, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)
        for name in ("exp_avg", "exp_avg_sq"):
            found, expected = (
                o.optimizer.state[p][name] for o, p in ((ours, one), (theirs, other))
            )
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-12)
        assert ours.optimizer.state[one]["step"] == theirs.optimizer.state[other]["step"]


@pytest.mark.parametrize("clip", [0.0, 0.05, 100.0])
def test_moves_weights_as_fairseq_does(clip: float) -> None:
    ours, theirs = both()
    for number in range(1, 31):
        torch.manual_seed(number)
        found = update(ours, number, clip=clip)
        torch.manual_seed(number)
        assert found == pytest.approx(update(theirs, number, clip=clip), rel=1e-5)
    assert_alike(ours, theirs)


@pytest.mark.parametrize("direction", ["from fairseq's", "to fairseq's", "from our own"])
def test_goes_on_from_a_saved_state(direction: str) -> None:
    ours, theirs = both()
    first, second = {
        "from fairseq's": (theirs, ours),
        "to fairseq's": (ours, theirs),
        "from our own": (ours, both()[0]),
    }[direction]
    for number in range(1, 5):
        torch.manual_seed(number)
        update(first, number)
    with torch.no_grad():
        for parameter, value in zip(second.params, first.params, strict=True):
            parameter.copy_(value)
    second.load_state_dict(copy.deepcopy(first.state_dict()), first.optimizer_config)
    for number in range(5, 9):
        for optimizer in (first, second):
            torch.manual_seed(number)
            update(optimizer, number)
    assert_alike(first, second)
    if direction == "from our own":
        for one, other in zip(first.params, second.params, strict=True):
            assert torch.equal(one, other)


def test_is_what_adam_means_and_the_old_one_can_be_had() -> None:
    def built(**changes: object) -> fairseq_s.FairseqAdam:
        return build_optimizer(OmegaConf.create({**OPTIONS, **changes}), weights())

    assert type(built().optimizer) is OnePassAdam
    assert type(built(use_old_adam=True).optimizer) is fairseq_s.Adam
    # A checkpoint says which class wrote it; fairseq compares the names.
    assert FairseqAdam.__name__ == fairseq_s.FairseqAdam.__name__


def test_mixed_precision_scales_in_the_same_pass() -> None:
    """Also over many updates, and with norms that are told as they are: none fades away."""
    found, norms = [], []
    for use_old_adam in (False, True):
        config = OmegaConf.create(
            {
                "common": {"bf16": True, "fp16_scale_window": 1},
                "optimizer": {**OPTIONS, "use_old_adam": use_old_adam},
            }
        )
        parameters = [torch.nn.Parameter(p.data.bfloat16()) for p in weights()]
        # As in training: fairseq keeps bf16 weights and their copies in fp32 apart.
        optimizer = FP16Optimizer.build_optimizer(config, parameters)
        told = []
        for number in range(1, 6):
            generator = torch.Generator().manual_seed(number)
            optimizer.zero_grad()
            for parameter in parameters:
                parameter.grad = torch.randn(parameter.shape, generator=generator).bfloat16()
            optimizer._needs_sync = True  # what ``backward`` says
            optimizer.multiply_grads(1 / 17)
            told.append(float(optimizer.clip_grad_norm(0.5)))
            optimizer.step()
        found.append(optimizer.fp32_params)
        norms.append(told)
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)
    assert norms[0] == pytest.approx(norms[1])
    assert min(norms[0]) > 0.5 * max(norms[0]) > 0
