import importlib
import pkgutil
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest

import hat
from hat.conditions import file_digest
from hat.errors import ConfigError
from hat.settings import (
    NO_OUTCOME,
    Above,
    AtLeast,
    Below,
    Between,
    OneOf,
    Settings,
    Shown,
    all_settings,
    from_values,
    own_settings,
    picked,
    settings_signature,
)


@dataclass(frozen=True, kw_only=True)
class Sizes(Settings):
    rows: Annotated[int, AtLeast(1), Shown("N")] = 8
    """How many
    rows."""


@dataclass(frozen=True, kw_only=True)
class Everything(Settings):
    sizes: Sizes = field(default_factory=Sizes)
    share: Annotated[float, Between(0, 1)] = 0.5
    """A share."""

    patience: Annotated[float | None, Above(0), Below(10)] = None
    kind: Literal["a", "b"] = "a"
    """Which."""

    seeds: tuple[int, ...] = ()
    table: Path | None = None
    out: Annotated[Path | None, NO_OUTCOME] = None
    is_quiet: bool = False
    name: str


def test_fields_are_read_off_the_annotations():
    by_key = {setting.key: setting for setting in all_settings(Everything)}
    assert list(by_key) == [
        *("rows", "share", "patience", "kind", "seeds", "table", "out", "is-quiet", "name"),
    ]
    assert [setting.key for setting in own_settings(Everything)] == list(by_key)[1:]
    assert by_key["rows"].help == "How many rows."
    assert by_key["rows"].metavar == "N"
    assert by_key["kind"].choices == ("a", "b")
    assert (by_key["patience"].is_optional, by_key["patience"].type) == (True, float)
    assert (by_key["seeds"].is_list, by_key["seeds"].type) == (True, int)
    assert not by_key["out"].decides
    assert by_key["table"].decides


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rows": 0}, "rows must be at least 1, but found 0"),
        ({"rows": 1.5}, "rows must be a whole number, but found 1.5"),
        ({"rows": True}, "rows must be a whole number, but found True"),
        ({"share": 1.5}, "share must be between 0 and 1, but found 1.5"),
        ({"share": float("nan")}, "share must be a number, but found nan"),
        ({"patience": 0.0}, "patience must be above 0, but found 0"),
        ({"patience": 10.0}, "patience must be below 10, but found 10"),
        ({"kind": "c"}, "kind must be one of a, b, but found 'c'"),
        ({"seeds": ["x"]}, "seeds must be a whole number, but found 'x'"),
        ({"seeds": 3}, "seeds must be a list, but found 3"),
        ({"is_quiet": "no"}, "is-quiet must be True or False, but found 'no'"),
        ({"table": 3}, "table must be a path, but found 3"),
        ({"name": 7}, "name must be a text, but found 7"),
    ],
)
def test_wrong_values_are_named_with_what_was_expected(values, message):
    if "table" in values:
        with pytest.raises(ConfigError, match=re.escape(message)):
            Everything(name="x", table=3)  # type: ignore[arg-type]
        return
    with pytest.raises(ConfigError, match=re.escape(message)):
        from_values(Everything, {"name": "x", **values})


def test_a_value_without_default_has_to_be_given():
    with pytest.raises(ConfigError, match="--name is missing"):
        from_values(Everything, {})


def test_values_are_converted_and_others_left_alone():
    made = from_values(Everything, {"name": "x", "seeds": [1, 2], "table": "t.csv", "other": 1})
    assert made == Everything(name="x", seeds=(1, 2), table=Path("t.csv"))
    assert made.sizes.rows == 8


def test_a_signature_holds_contents_and_only_what_decides(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("1")
    settings = Everything(name="x", table=table, out=tmp_path / "out", sizes=Sizes(rows=3))
    signed = settings_signature(settings)
    assert signed["content of table"] == file_digest(table)
    assert signed["rows"] == 3
    assert "out" not in signed
    table.write_text("2")
    assert settings_signature(settings) != signed


def test_a_name_comes_out_of_a_table_that_may_grow():
    table = ["mlp"]

    @dataclass(frozen=True, kw_only=True)
    class Named(Settings):
        predictor: Annotated[str, OneOf(table, also=("auto",))] = "auto"

    with pytest.raises(ConfigError, match=r"one of auto, mlp, but found 'mpl'; did you mean 'mlp'"):
        Named(predictor="mpl")
    table.append("mpl")
    assert Named(predictor="mpl").predictor == "mpl"


def test_a_type_that_no_flag_can_hold_is_refused():
    @dataclass(frozen=True, kw_only=True)
    class Odd(Settings):
        value: dict = field(default_factory=dict)  # type: ignore[type-arg]

    with pytest.raises(TypeError, match="value: settings cannot be of type"):
        Odd()


def test_what_was_not_given_keeps_its_default():
    assert from_values(Sizes, {"rows": None}) == Sizes()
    with pytest.raises(ConfigError, match="rows needs a value"):
        Sizes(rows=None)  # type: ignore[arg-type]


def test_python_may_write_lists_and_the_text_of_a_path():
    made = Everything(name="x", seeds=[1, 2], table="t.csv")  # type: ignore[arg-type]
    assert made == Everything(name="x", seeds=(1, 2), table=Path("t.csv"))


@dataclass(frozen=True, kw_only=True)
class LargerSizes(Sizes):
    columns: int = 2


def test_settings_are_picked_by_class_their_own_first():
    own, larger = Sizes(rows=1), LargerSizes(rows=2)
    assert picked([larger, own], Sizes) is own
    assert picked([larger], Sizes) is larger
    assert picked([own], LargerSizes) == LargerSizes()


def _all_settings_classes() -> list[type[Settings]]:
    """Every settings class of hat that its modules define."""
    for module in pkgutil.walk_packages(hat.__path__, "hat."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, waiting = [], [Settings]
    while waiting:
        for cls in waiting.pop().__subclasses__():
            waiting.append(cls)
            found.append(cls)
    return [cls for cls in found if cls.__module__.startswith("hat.")]


def test_no_seed_is_negative() -> None:
    # NumPy takes none, and says so by a traceback.
    seeds = [
        setting
        for cls in _all_settings_classes()
        for setting in own_settings(cls)
        if "seed" in setting.field.split("_")[-1] and not setting.is_optional
    ]
    assert len(seeds) > 8
    for setting in seeds:
        with pytest.raises(ConfigError, match=r"at least [01], but found -1"):
            setting.check((-1,) if setting.is_list else -1)
