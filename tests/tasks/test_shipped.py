"""The tasks' files that come with hat are listed, and copied whole or not at all."""

from pathlib import Path

import pytest

from hat.errors import ConfigError, DataError
from hat.tasks.shipped import copy_configs, folder, shipped_tasks


def files(path: Path) -> dict[str, bytes]:
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def test_every_task_is_listed_with_its_hardware() -> None:
    tasks = {task.name: task for task in shipped_tasks()}
    assert list(tasks) == sorted(p.name for p in folder().iterdir() if p.is_dir())
    assert tasks["numbers.en-fr"].hardware == ("cpu", "gpu")
    assert all(task.about and "\n" not in task.about for task in tasks.values())


def test_a_copy_is_the_same(tmp_path: Path) -> None:
    copied = copy_configs(tmp_path / "a folder")
    assert copied == tmp_path / "a folder" / "configs"
    assert files(copied) == files(folder())
    assert list((tmp_path / "a folder").iterdir()) == [copied]


def test_a_copy_of_one_task_has_the_scripts_that_all_share(tmp_path: Path) -> None:
    copied = copy_configs(tmp_path, ("numbers.en-fr",))
    assert {p.name for p in copied.iterdir() if p.is_dir()} == {"numbers.en-fr"}
    assert (copied / "common.sh").is_file()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    with pytest.raises(ConfigError, match="configs: is there already; name another folder"):
        copy_configs(tmp_path)
    assert not any((tmp_path / "configs").iterdir())


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("numbers.en-fn", "did you mean 'numbers.en-fr'"),
        ("x", "there are conlang.qaa-qab, iwslt14.de-en"),
    ],
)
def test_a_task_that_there_is_not(tmp_path: Path, name: str, end: str) -> None:
    with pytest.raises(ConfigError, match=f"there is no task '{name}'; {end}"):
        copy_configs(tmp_path, (name,))
    assert not any(tmp_path.iterdir())


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(DataError, match="x is not a folder"):
        copy_configs(tmp_path / "x")
