"""Folders are replaced as a whole, by whatever name they are called, or stay as they were."""

import os
from pathlib import Path

import pytest

from hat.errors import ConfigError
from hat.folders import replacing_folder


def _names(folder: str | Path) -> list[str]:
    return sorted(each.name for each in Path(folder).iterdir())


def _replace(path: str) -> None:
    with replacing_folder(path, lambda _: True) as temporary:
        (temporary / "new").touch()


@pytest.mark.parametrize(
    "name", ["model", "model/", "./model", "model/../model", "link", "link/../model", "to-link"]
)
def test_all_names_of_a_folder_lead_to_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("model").mkdir()
    Path("model", "old").touch()
    Path("link").symlink_to("model")
    Path("to-link").symlink_to("link")
    _replace(name)
    assert _names("model") == ["new"]
    assert Path("link").is_symlink() and Path("to-link").is_symlink()
    assert _names(".") == ["link", "model", "to-link"]


def test_a_link_to_nothing_gets_its_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("model")
    _replace(str(tmp_path / "link"))
    assert _names(tmp_path / "model") == ["new"]
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("name", [".", "..", "../..", "link"])
def test_a_folder_is_not_pulled_away_from_under_the_command(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "link").symlink_to("..")
    monkeypatch.chdir(tmp_path / "a" / "b")
    with pytest.raises(ConfigError, match="because this command runs in it"):
        _replace(name)
    assert _names(tmp_path / "a" / "b") == ["link"]


def test_a_mounted_disk_is_not_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == tmp_path)
    with pytest.raises(ConfigError, match="because a disk is mounted there"):
        _replace(str(tmp_path))
