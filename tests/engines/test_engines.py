"""Every engine runs the same network: log-probabilities, hypotheses, files, what is timed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hat.engines import ENGINES
from hat.engines.base import Engine
from hat.errors import ConfigError
from hat.settings import own_settings
from hat.translation.beam import BeamSettings
from tests.engines.conftest import KINDS, random_network
from tests.translation.conftest import assert_same, our_n_best, random_sentences

SETTINGS = BeamSettings(beam=4, nbest=3, max_len_b=12, lenpen=0.8)

TOLERANCE = {"fp32": 2e-5, "bf16": 0.5, "fp16": 0.06, "int8": 0.8}
"""Of log-probabilities of these networks, whose logits have a deviation of about 1.5."""


def built(name: str, **values: Any) -> Engine:
    part: Any = ENGINES.load(name)
    engine: Engine = part.build(part.Settings(**values))
    return engine


def precisions(name: str) -> tuple[str, ...]:
    part: Any = ENGINES.load(name)
    (setting,) = (each for each in own_settings(part.Settings) if each.field == "precision")
    return setting.choices or ()


EVERY = [(name, precision) for name in ENGINES.names() for precision in precisions(name)]


def batch(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    source = random_sentences(rng, 5, 50)
    begun = torch.from_numpy(rng.integers(4, 50, (5, 11)))
    begun[:, 0] = 2
    return source, begun


def expected(small: Any, source: torch.Tensor, begun: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = small(source, None, begun).log_softmax(-1)
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "precision"), EVERY)
def test_log_probabilities_are_those_of_the_modules(name: str, precision: str, kind: str) -> None:
    small = random_network(kind)
    source, begun = batch()
    found = built(name, precision=precision).load(small).forced(source, begun)
    truth = expected(small, source, begun)
    assert found.dtype == torch.float32
    assert (found - truth).abs().max() < TOLERANCE[precision]
    assert (found - truth).abs().mean() < TOLERANCE[precision] / 4
    assert torch.equal(found, truth) is False or precision == "fp32"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ENGINES.names())
def test_hypotheses_and_files(tmp_path: Path, name: str, kind: str) -> None:
    """What is opened again gives the hypotheses of the checkpoint, padded on either side."""
    small = random_network(kind, seed=1)
    engine = built(name)
    engine.check(small.config, small.arch)
    engine.write(small, tmp_path)
    opened = engine.open(tmp_path)
    for left_pad in (True, False):
        source = random_sentences(np.random.default_rng(2), 6, 50, left_pad=left_pad)
        assert_same(opened.search(SETTINGS)(source), our_n_best(small, source, SETTINGS))


@pytest.mark.parametrize(("name", "precision"), EVERY)
def test_what_is_timed_runs(name: str, precision: str) -> None:
    small = random_network("shared", seed=3)
    runnable = built(name, precision=precision, threads=1).load(small)
    assert runnable.vocab_size == 50
    passes = runnable.passes(torch.full((2, 7), 7), beam=3, steps=5)
    for _ in range(2):
        passes.encode()
        passes.decode()


@pytest.mark.parametrize(("name", "precision"), EVERY)
def test_the_signature_says_what_decides_a_latency(name: str, precision: str) -> None:
    one = built(name, precision=precision).signature()
    assert one["engine"] == name and one["precision"] == precision
    assert one["version"][0].isdigit()
    assert built(name, precision=precision, threads=2).signature() != one
    assert ("int8-range" in one) == (precision == "int8" and name != "ctranslate2")


def test_int8_of_torch_is_for_the_cpu() -> None:
    with pytest.raises(ConfigError, match="precision int8 is for the CPU"):
        built("torch", precision="int8").load(random_network("shared"), device="cuda")
    with pytest.raises(ConfigError, match="int8-range is for precision int8, not bf16"):
        built("torch", precision="bf16", int8_range="full")
