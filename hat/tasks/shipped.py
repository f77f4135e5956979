"""The tasks' YAML files and scripts that come with hat: in the repository, and in the wheel."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from hat.errors import ConfigError, suggestion
from hat.folders import replacing_folder

FOLDER = "configs"
"""Their name wherever they are: the files name each other by paths that begin so."""

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class ShippedTask:
    """One task's folder."""

    name: str
    about: str
    """The first comment of its pipeline file."""

    hardware: tuple[str, ...]
    """What its latencies can be measured for."""


def folder() -> Path:
    """Returns the folder of all tasks: inside the installed package, else the repository's."""
    inside = _PACKAGE / FOLDER
    return inside if inside.is_dir() else _PACKAGE.parent / FOLDER


def shipped_tasks() -> tuple[ShippedTask, ...]:
    """Returns the tasks in the order of their names."""
    return tuple(
        ShippedTask(
            path.parent.name,
            path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# "),
            tuple(sorted(yml.stem for yml in path.parent.glob("latency_dataset/*.yml"))),
        )
        for path in sorted(folder().glob("*/pipeline.yml"))
    )


def copy_configs(work_dir: Path, tasks: tuple[str, ...] = ()) -> Path:
    """Copies the files into ``work_dir/configs``, where a user may change them.

    Args:
        work_dir: where the commands will be run, made if it is not there.
        tasks: names of tasks; none: all.

    Returns:
        The new folder.

    Raises:
        ConfigError: if there is no such task, or the new folder is there already.
    """
    known = [task.name for task in shipped_tasks()]
    for name in tasks:
        if name not in known:
            hint = suggestion(name, known) or f"; there are {', '.join(known)}"
            raise ConfigError(f"there is no task {name!r}{hint}")
    target = work_dir / FOLDER
    if target.exists():
        raise ConfigError(f"{target}: is there already; name another folder")
    others = _OtherTasks(tasks) if tasks else None
    with replacing_folder(target, lambda _: False) as temporary:
        shutil.copytree(folder(), temporary, ignore=others, dirs_exist_ok=True)
    return target


@dataclass(frozen=True)
class _OtherTasks:
    """Leaves out the folders of other tasks; the scripts that all share are files."""

    tasks: tuple[str, ...]

    def __call__(self, path: str, names: list[str]) -> list[str]:
        if Path(path) != folder():
            return []
        return [name for name in names if (Path(path) / name).is_dir() and name not in self.tasks]
