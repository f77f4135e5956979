"""What hat stands on is said once: setup.py, the pins and README name the same packages."""

import ast
import importlib.metadata
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def names(text: str) -> set[str]:
    """The packages of a text with one pinned package a line."""
    return set(re.findall(r"^([A-Za-z][\w.-]*)==", text, flags=re.MULTILINE))


def declared() -> set[str]:
    """What setup.py declares."""
    tree = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    values = {n.arg: n.value for n in ast.walk(tree) if isinstance(n, ast.keyword)}
    extras = values["extras_require"]
    assert isinstance(extras, ast.Dict)
    lists = [values["install_requires"]]
    lists += extras.values
    words = [n.value for each in lists for n in ast.walk(each) if isinstance(n, ast.Constant)]
    return {str(word) for word in words}


def imported() -> set[str]:
    """The distributions that hat's code imports."""
    modules = set()
    for path in (ROOT / "hat").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module.partition(".")[0])
    homes = importlib.metadata.packages_distributions()
    return {homes[m][0] for m in modules - {*sys.stdlib_module_names, "hat"} if m in homes}


def test_readme_has_a_reason_for_each_package_that_setup_declares() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("## What hat stands on")[2]
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", table, flags=re.MULTILINE)
    listed = {name for packages, _ in rows[1:] for name in packages.split(", ")}
    assert listed == declared()


def test_each_has_a_pin_and_nothing_else_is_said_to_be_imported() -> None:
    makefile = " ".join((ROOT / "Makefile").read_text(encoding="utf-8").split())
    compiled = set(re.findall(r" ([A-Za-z-]+)==[\d.]+", makefile))
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    built = names((ROOT / "requirements-build.txt").read_text(encoding="utf-8"))
    assert declared() <= names(pins) | built | compiled
    own = names(pins.partition("# what hat imports")[2].partition("# what torch needs")[0])
    assert own | compiled <= declared()


def test_what_is_imported_is_declared() -> None:
    plain = {name.lower() for name in declared()}
    assert {name.lower() for name in imported()} <= plain
