import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest

from hat.cli.flags import add_flags, read_flags
from hat.errors import ConfigError
from hat.settings import JOINED, REPEATED, AtLeast, Settings, Shown, Switch, all_keys


@dataclass(frozen=True, kw_only=True)
class Group(Settings):
    beam: Annotated[int, AtLeast(1)] = 5
    """Hypotheses, 95 % of them useless."""


@dataclass(frozen=True, kw_only=True)
class Command(Settings):
    group: Group = field(default_factory=Group)
    out_dir: Path
    """Where."""

    algorithm: Annotated[tuple[str, ...], REPEATED] = ()
    seeds: tuple[int, ...] = (1,)
    more_seeds: tuple[int, ...] | None = None
    range: Annotated[tuple[float, float], JOINED] = (0.0, 1.0)
    error: Annotated[float, Shown("CHANCE")] = 0.05
    metric: Literal["normal", "sacre"] = "normal"
    is_quiet: bool = False


def parsed(*words):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_flags(parser, Command, "what", "how")
    add_flags(parser, Group)
    return read_flags(parser.parse_args(words), Command), parser


def test_flags_give_the_dataclass_and_defaults_are_its_own():
    assert parsed("--out-dir", "x")[0] == Command(out_dir=Path("x"))
    made, _ = parsed(
        *("--out-dir", "x", "--beam", "3", "--algorithm", "a", "--algorithm", "b"),
        *("--seeds", "4", "5", "--more-seeds", "--range=-1,2e3", "--error", "1e-3"),
        *("--metric", "sacre", "--is-quiet"),
    )
    assert made == Command(
        out_dir=Path("x"),
        group=Group(beam=3),
        algorithm=("a", "b"),
        seeds=(4, 5),
        more_seeds=(),
        range=(-1.0, 2e3),
        error=1e-3,
        metric="sacre",
        is_quiet=True,
    )


def test_a_missing_or_wrong_value_is_one_sentence():
    with pytest.raises(ConfigError, match="--out-dir is missing"):
        parsed()
    with pytest.raises(ConfigError, match="beam must be at least 1, but found 0"):
        parsed("--out-dir", "x", "--beam", "0")
    with pytest.raises(ConfigError, match=r"--range must be numbers with commas .* found '1;2'"):
        parsed("--out-dir", "x", "--range", "1;2")


def test_help_comes_from_the_text_under_the_field():
    _, parser = parsed("--out-dir", "x")
    text = parser.format_help()
    assert "95 % of them useless." in text
    assert "--error CHANCE" in text
    assert text.count("--beam") == 2  # in the usage and in one group
    helps = {action.dest: action.help for action in parser._actions}
    assert helps["out_dir"] == "Where (required)"
    assert helps["metric"] is None  # no text under it


def test_a_switch_that_is_on_by_default_cannot_be_a_flag():
    @dataclass(frozen=True, kw_only=True)
    class Odd(Settings):
        is_loud: bool = True

    with pytest.raises(TypeError, match="is-loud: a switch is off unless it is given"):
        add_flags(argparse.ArgumentParser(), Odd)


def test_two_settings_of_one_name_share_a_flag_only_if_they_mean_the_same():
    @dataclass(frozen=True, kw_only=True)
    class Same(Settings):
        beam: Annotated[int, AtLeast(1)] = 5
        is_quiet: bool = False

    @dataclass(frozen=True, kw_only=True)
    class Other(Settings):
        beam: int = 7

    _, parser = parsed("--out-dir", "x")
    add_flags(parser, Same)
    with pytest.raises(ConfigError, match=r"--beam of .*Other is an option with another meaning"):
        add_flags(parser, Other)


def test_switches_stand_for_the_values_of_a_choice_and_the_last_one_counts():
    @dataclass(frozen=True, kw_only=True)
    class Place(Settings):
        device: Annotated[
            Literal["cpu", "cuda"] | None,
            Switch("on-cpu", "cpu", "slow"),
            Switch("on-gpu", "cuda", "100 % faster"),
        ] = None
        threads: int = 1

    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_flags(parser, Place)
    assert "100 % faster" in parser.format_help()
    assert "--device" not in parser.format_help()
    for words, device in (([], None), (["--on-cpu"], "cpu"), (["--on-cpu", "--on-gpu"], "cuda")):
        assert read_flags(parser.parse_args(words), Place) == Place(device=device)
    assert all_keys(Place, Group) == {"on-cpu", "on-gpu", "threads", "beam"}
