"""Files are written whole or not at all, and what hinders that is one sentence."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hat.errors import DataError
from hat.files import replacing, write_text


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(lambda folder: folder / "file" / "x.json", id="below a file"),
        pytest.param(lambda folder: folder / "file" / "deep" / "x.json", id="deep below a file"),
        pytest.param(lambda folder: folder, id="a folder"),
        pytest.param(lambda folder: Path("/proc/x.json"), id="where nothing can be made"),
        pytest.param(lambda folder: folder / ("x" * 300), id="a name too long"),
    ],
)
def test_a_place_where_nothing_can_be_written_is_named(
    place: Callable[[Path], Path], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("good")
    path = place(tmp_path)
    with pytest.raises(DataError, match=rf"^{path}: cannot be written: ") as refusal:
        write_text(path, "text")
    assert "\n" not in str(refusal.value)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "good"


def test_what_fails_while_it_is_written_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    write_text(path, "good")
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "good"
    assert list(tmp_path.iterdir()) == [path]


def test_others_may_read_what_a_library_makes_for_its_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    with replacing(tmp_path / "file") as temporary:
        temporary.unlink()
        temporary.touch(mode=0o600)
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode
