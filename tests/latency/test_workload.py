import pytest

from hat.errors import ConfigError
from hat.latency.workload import Workload
from hat.machine.instructions import FULL, INT8_RANGES, REDUCED


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"device": "tpu"}, "device must be one of cpu, cuda, but found 'tpu'"),
        ({"precision": "fp8"}, "precision must be one of fp32, bf16, fp16, int8, but found 'fp8'"),
        ({"device": "cuda", "precision": "int8"}, "precision int8 is for the CPU"),
        ({"precision": "int8", "int8_range": "half"}, "int8-range must be one of full, reduced"),
        ({"int8_range": "full"}, "int8-range is for precision int8, not fp32"),
        ({"beam": 0}, "beam must be at least 1, but found 0"),
        ({"beam": 2.5}, "beam must be a whole number, but found 2.5"),
        ({"warmup_runs": -1}, "warmup-runs must be at least 0, but found -1"),
        ({"trim_fraction": 0.5}, "trim-fraction must be below 0.5, but found 0.5"),
        ({"ci_percent": 0.0}, "ci-percent must be above 0, but found 0"),
    ],
)
def test_impossible_workloads_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Workload(**fields)  # type: ignore[arg-type]


def test_round_trip() -> None:
    workload = Workload(precision="bf16", ci_percent=1.0)
    assert Workload.from_dict(workload.to_dict(), "x") == workload


def test_int8_states_its_range(monkeypatch: pytest.MonkeyPatch) -> None:
    for chosen in INT8_RANGES:
        monkeypatch.setattr("hat.latency.workload.int8_range", lambda chosen=chosen: chosen)
        workload = Workload(precision="int8")
        assert workload.int8_range == chosen
        assert workload.tag() == f"cpu-int8{chosen}-t1-s30-d30-b1x5"
        assert Workload.from_dict(workload.to_dict(), "x") == workload
    assert Workload().tag() == "cpu-fp32-t1-s30-d30-b1x5"
    full, reduced = (Workload(precision="int8", int8_range=name) for name in INT8_RANGES)
    assert full.difference(reduced) == "int8_range is full in one and reduced in the other"


def test_int8_of_old_files_was_over_the_full_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hat.latency.workload.int8_range", lambda: REDUCED)
    assert Workload.from_dict({"precision": "int8"}, "x").int8_range == FULL


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
