"""The environment may say which log lines are shown, and is read as strictly as a flag."""

import logging

import pytest

from hat.cli.console import set_up_logging
from hat.errors import HatError


@pytest.mark.parametrize("level", ["loud", "", "20"])
def test_a_level_that_is_none_is_one_sentence(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGLEVEL", level)
    monkeypatch.setattr(logging, "basicConfig", lambda **_: pytest.fail("set up all the same"))
    with pytest.raises(HatError, match="LOGLEVEL in the environment: expected one of CRITICAL, "):
        set_up_logging()
