import pytest

from hat.errors import ConfigError
from hat.latency.workload import Workload


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"device": "tpu"}, "device must be one of cpu, cuda, not 'tpu'"),
        ({"precision": "fp8"}, "precision must be one of fp32, bf16, fp16, int8, not 'fp8'"),
        ({"device": "cuda", "precision": "int8"}, "precision int8 is for the CPU"),
        ({"beam": 0}, "beam must be at least 1, but is 0"),
        ({"warmup_runs": -1}, "warmup_runs must not be negative"),
        ({"trim_fraction": 0.5}, "trim_fraction must lie in 0..0.5"),
        ({"ci_percent": 0.0}, "ci_percent must be positive"),
    ],
)
def test_impossible_workloads_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Workload(**fields)  # type: ignore[arg-type]


def test_round_trip() -> None:
    workload = Workload(precision="bf16", ci_percent=1.0)
    assert Workload.from_dict(workload.to_dict(), "x") == workload


def test_unknown_fields_are_named() -> None:
    with pytest.raises(ConfigError, match="x: unknown workload field 'beams'; did you mean 'beam'"):
        Workload.from_dict({"beams": 4}, "x")


def test_difference_names_what_is_timed_and_not_how_often() -> None:
    base = Workload()
    assert base.difference(Workload(runs=7, warmup_runs=0, ci_percent=1.0)) is None
    assert base.difference(Workload(beam=4)) == "beam is 5 in one and 4 in the other"
    assert base.difference(Workload(num_threads=2)) == "num_threads is 1 in one and 2 in the other"
    gpu = Workload(device="cuda", num_threads=1)
    assert gpu.difference(Workload(device="cuda", num_threads=8)) is None
