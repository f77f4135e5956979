"""Peak memory: of every engine, the same again and again, and more for what is larger."""

import numpy as np
import pytest

from hat.arch.space import SearchSpace
from hat.engines import ENGINES
from hat.latency.workload import Workload
from hat.measuring.measure import measure
from hat.measuring.memory import peak_mib
from hat.models.extract import extract
from hat.models.super_transformer import SuperTransformer
from tests.models.conftest import tiny_config

QUICK = Workload(src_len=3, decode_steps=2, beam=1, runs=1, warmup_runs=0)


@pytest.fixture(scope="module")
def broad() -> SuperTransformer:
    """10 MiB of words, in single precision."""
    sizes = {"src_vocab_size": 40_000, "tgt_vocab_size": 40_000}
    return SuperTransformer(tiny_config(**sizes)).eval()


def test_words_are_counted_and_nothing_else_comes_and_goes(broad: SuperTransformer) -> None:
    small = extract(broad, broad.arch)
    weights_mib = sum(weight.numel() for weight in small.parameters()) * 4 / 2**20
    found = [peak_mib(small, QUICK) for _ in range(2)]
    if found[0] is None:
        pytest.skip("this system does not tell the peak of a process")
    peaks = np.array(found, dtype=np.float64)
    assert peaks.min() > weights_mib
    assert np.ptp(peaks) < 0.1 * peaks.mean() + 2


def test_a_sample_has_it_where_it_is_asked_for(
    model: SuperTransformer, tiny_space: SearchSpace
) -> None:
    assert measure(model, tiny_space.smallest(), QUICK).memory_mib is None


@pytest.mark.parametrize("engine", ["torch", "onnxruntime"])
def test_every_engine_has_a_peak(engine: str, broad: SuperTransformer) -> None:
    if engine == "onnxruntime":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
    assert engine in ENGINES
    workload = Workload(engine=engine, src_len=3, decode_steps=2, beam=1, runs=1, memory=True)
    sample = measure(broad, broad.arch, workload)
    assert sample.memory_mib is None or sample.memory_mib > 5
