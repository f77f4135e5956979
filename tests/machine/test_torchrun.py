"""What torchrun says is read as it says it, and nothing else is taken for it."""

import pytest

from hat.errors import ConfigError
from hat.machine import torchrun


def test_without_it_there_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert (torchrun.world_size(), torchrun.rank(), torchrun.local_rank()) == (1, 0, 0)
    assert not torchrun.started_us()


def test_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("WORLD_SIZE", "4"), ("RANK", "3"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    assert (torchrun.world_size(), torchrun.rank(), torchrun.local_rank()) == (4, 3, 1)
    assert torchrun.started_us()


@pytest.mark.parametrize("text", ["", "-1", "one", "1.5", "²", "٣"])
def test_what_is_no_number_is_told(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("RANK", text)
    with pytest.raises(ConfigError, match="RANK in the environment must be a number"):
        torchrun.rank()
