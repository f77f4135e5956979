"""Virtual environments of some of our packages: links, no copies."""

import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from importlib.metadata import files
from pathlib import Path


def files_of(packages: Iterable[str]) -> set[str]:
    """Returns what distributions put beside one another into ``site-packages``."""
    parts = (Path(file).parts for package in packages for file in files(package) or [])
    return {first for first, *_ in parts if first != ".."}


def environment_of(folder: Path, names: Iterable[str]) -> Path:
    """Makes an environment of these files and folders of ours, as far as they are there."""
    ours = _packages()
    return _made(folder, (ours / name for name in names if (ours / name).exists()))


def environment_without(folder: Path, packages: Iterable[str]) -> Path:
    """Makes an environment of all that we have but these distributions."""
    hidden = files_of(packages)
    # What is installed in place is found by a file of paths, which would bring hat twice.
    found = (each for each in _packages().iterdir() if each.suffix != ".pth")
    return _made(folder, (each for each in found if each.name not in hidden))


def _packages() -> Path:
    return Path(sysconfig.get_paths()["purelib"])


def _made(folder: Path, links: Iterable[Path]) -> Path:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    theirs = folder / "lib" / version / "site-packages"
    for each in links:
        (theirs / each.name).symlink_to(each)
    return folder
