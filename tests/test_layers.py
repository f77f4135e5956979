"""Who may import whom: read off the source, so that a wrong import fails before it is used."""

import ast
from pathlib import Path

import pytest

import hat

PACKAGE = Path(hat.__file__).parent

ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "version": set(),
    "training_keys": set(),
    "files": set(),
    "heap": set(),
    "console": {"errors"},
    "signature": {"version"},
    "options": {"errors"},
    "steps": {"errors", "files", "version"},
    "cli": {"errors", "version"},
    "arch": {"errors", "files"},
    "modules": {"errors"},
    "models": {"modules", "arch", "errors"},
    "fairseq_plugin": {
        *("models", "modules", "arch", "options", "scoring", "text", "errors", "files"),
        "heap",
    },
    "latency": {"models", "modules", "arch", "errors", "files", "signature"},
    "benchmarks": {"arch", "errors", "files"},
    "scoring": {"benchmarks", "models", "arch", "errors", "files"},
    "search": {"arch", "errors", "files", "signature"},
    "report": {"search", "arch", "errors", "files", "signature"},
    "text": {"errors", "files"},
    "tasks": {"text", "errors", "files"},
}
"""What each part may import besides itself. Stages may import everything; nobody imports them,
except that one stage may call another."""

WITHOUT_TORCH = {"arch", "benchmarks", "search", "report", "text", "tasks", "options", "steps"}


def imports(path: Path) -> set[str]:
    """Full names of all modules that a file imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide what is imported"
            module = node.module or ""
            found |= {f"{module}.{alias.name}" for alias in node.names} | {module}
    return found


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = [p for p in sorted(PACKAGE.rglob("*.py")) if p != PACKAGE / "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_follow_the_layers(path: Path) -> None:
    part, names = part_of(path), imports(path)
    roots = {name.split(".")[0] for name in names}
    if part != "fairseq_plugin" and part != "stages":
        assert not roots & {"fairseq", "fairseq_cli"}, "only hat/fairseq_plugin imports fairseq"
    if part in WITHOUT_TORCH:
        assert "torch" not in roots, f"hat/{part} works without torch"
    if part == "stages":
        return
    assert part in ALLOWED, f"hat/{part} is new: say in ALLOWED what it may import"
    used = {name.split(".")[1] for name in names if name.startswith("hat.")} - {part, "__init__"}
    assert used <= ALLOWED[part], f"hat/{part} may not import {sorted(used - ALLOWED[part])}"


@pytest.mark.parametrize("script", sorted(PACKAGE.parent.glob("*.py")), ids=lambda p: p.name)
def test_scripts_only_call_a_stage(script: Path) -> None:
    names = {name for name in imports(script) if name.startswith("hat")}
    assert all(name.startswith("hat.stages") for name in names)


def test_the_rule_can_fail(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text(
        "def f():\n    from hat.search.loop import Search\n    import fairseq.options\n"
    )
    assert {"hat.search.loop", "fairseq.options"} <= imports(path)
