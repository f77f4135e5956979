"""Who may import whom: read off the source, so that a wrong import fails before it is used."""

import ast
import re
from pathlib import Path

import pytest

import hat

PACKAGE = Path(hat.__file__).parent

BASE = {
    "amounts",
    "arrays",
    "errors",
    "version",
    "file_kinds",
    "files",
    "locks",
    "folders",
    "conditions",
    "signature",
    "settings",
    "parts",
    "progress",
    "machine",
    "versioned",
    "yaml_reader",
    "reading",
    "json_reader",
    "csv_reader",
    "numerals",
    "fields",
    "step_results",
    "torch_files",
}
"""The ground floor: what everything may import. Its own rules stand in ``GROUND``."""

GROUND: dict[str, set[str]] = {
    "amounts": {"errors", "numerals"},
    "arrays": set(),
    "errors": set(),
    "version": set(),
    "file_kinds": {"errors"},
    "files": {"errors", "file_kinds"},
    "locks": {"errors", "files"},
    "folders": {"errors", "files", "locks"},
    "progress": set(),
    "machine": {"errors", "files", "json_reader"},
    "numerals": set(),
    "fields": {"errors"},
    "step_results": {"amounts", "fields"},
    "torch_files": {"arrays", "errors", "reading"},
    "reading": {"errors"},
    "json_reader": {"errors", "reading"},
    "csv_reader": {"arrays", "errors", "numerals", "reading"},
    "yaml_reader": {"errors", "reading"},
    "conditions": {"errors", "reading"},
    "signature": {"version"},
    "setting_notes": set(),
    "setting": {"errors", "setting_notes"},
    "settings": {"conditions", "errors", "setting", "setting_notes"},
    "parts": {"errors", "settings"},
    "versioned": {"errors", "files", "json_reader", "version"},
}

ALLOWED: dict[str, set[str]] = {
    "cli": {"arch"},
    "arch": set(),
    "modules": set(),
    "text": set(),
    "tasks": {"text"},
    "own_corpus": {"tasks", "text"},
    "formats": set(),
    "benchmarks": {"formats", "arch"},
    "ground_truth": {"arch"},
    "search": {"arch"},
    "models": {"modules", "arch", "tasks", "text"},
    "sampling": {"models", "arch"},
    "latency": {"arch", "tasks"},
    "measuring": {
        "engines",
        "translation",
        "latency",
        "models",
        "modules",
        "arch",
        "tasks",
        "text",
        "cli",
    },
    "engines": {"translation", "models", "modules", "arch"},
    "translation": {"models", "modules", "arch", "tasks", "text"},
    "export": {"engines", "translation", "models", "modules", "arch", "tasks", "text"},
    "scoring": {"translation", "benchmarks", "models", "arch"},
    "report": {"search", "arch"},
    "record": {"search", "latency", "models", "arch", "text"},
    "page": {"record", "arch"},
    "fairseq_options": {"arch", "cli"},
    "fairseq_plugin": {
        "fairseq_options",
        *("translation", "scoring", "sampling", "models", "modules", "arch", "text", "tasks"),
        "cli",
    },
    "pipeline": {"report", "arch", "cli", "tasks", "text"},
    "retraining": {"pipeline", "fairseq_plugin", "report", "search", "arch", "text", "cli"},
    "nas": {
        *(
            "retraining",
            "pipeline",
            "fairseq_plugin",
            "engines",
            "translation",
            "scoring",
            "measuring",
        ),
        *(
            "latency",
            "report",
            "search",
            "models",
            "modules",
            "benchmarks",
            "arch",
            "text",
            "tasks",
            "cli",
        ),
    },
    "validation": {"nas", "measuring", "pipeline", "latency", "tasks", "arch", "cli"},
    "studies": {
        *("scoring", "latency", "report", "search", "models", "benchmarks", "arch", "text"),
        *("tasks", "cli"),
    },
    "commands": {
        *(
            "own_corpus",
            "validation",
            "nas",
            "retraining",
            "studies",
            "page",
            "pipeline",
            "export",
            "fairseq_plugin",
            "engines",
        ),
        *("translation", "scoring", "measuring", "latency", "report", "search", "models"),
        *("benchmarks", "tasks", "arch", "text", "cli"),
    },
}
"""What each room may import besides itself and the ground floor: no arrow leads back up."""

WITHOUT_TORCH = {
    "arch",
    "formats",
    "benchmarks",
    "ground_truth",
    "search",
    "report",
    "sampling",
    "text",
    "tasks",
    "cli",
    "pipeline",
    "fairseq_options",
}


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
    if part != "fairseq_plugin":
        assert not roots & {"fairseq", "fairseq_cli"}, "only hat/fairseq_plugin imports fairseq"
    if part != "yaml_reader":
        assert "yaml" not in roots, "only hat/yaml_reader.py reads YAML"
    if part in WITHOUT_TORCH:
        assert "torch" not in roots, f"hat/{part} works without torch"
    assert part in GROUND or part in ALLOWED, f"hat/{part} is new: say what it may import"
    allowed = GROUND[part] if part in GROUND else BASE | ALLOWED[part]
    used = {name.split(".")[1] for name in names if name.startswith("hat.")} - {part, "__init__"}
    assert used <= allowed, f"hat/{part} may not import {sorted(used - allowed)}"


def test_no_room_reaches_a_room_that_reaches_it() -> None:
    def reached(room: str, seen: frozenset[str] = frozenset()) -> set[str]:
        nearer = ALLOWED[room] - seen
        return nearer.union(*(reached(other, seen | nearer) for other in nearer))

    for room in ALLOWED:
        assert room not in reached(room), f"the rules allow a way from hat/{room} back to itself"


ROOT = PACKAGE.parent

SMALL_ROOMS = {"arch", "cli", "tasks", "text"}


def test_the_table_in_contributing_is_the_rules() -> None:
    """A newcomer reads the table, so it must not lag behind."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.partition("| room |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in table.splitlines()[2:]]
    assert sorted(name.strip("`") for name, _, _ in rows) == sorted(["__init__.py", *ALLOWED])
    for room, about, allowed in rows:
        name = room.strip("`")
        if not allowed.startswith("everything"):
            listed = set(re.findall(r"`(\w+)`", allowed))
            small = SMALL_ROOMS - {name} if "the small rooms" in allowed else set()
            assert listed | small == ALLOWED[name], name
            assert ("no torch" in about) == (name in WITHOUT_TORCH), name
    listed = text.partition("Below all rooms lies")[2].partition("`tests/")[0]
    floor = {name.removesuffix(".py") for name in re.findall(r"`([\w.]+)`", listed)}
    assert floor == BASE


@pytest.mark.parametrize("script", sorted(ROOT.glob("*.py")), ids=lambda p: p.name)
def test_scripts_only_call_a_command(script: Path) -> None:
    names = {name for name in imports(script) if name.startswith("hat")}
    assert all(name.startswith("hat.commands") for name in names)


@pytest.mark.parametrize("path", sorted(ROOT.glob("bench/*.py")), ids=lambda p: p.name)
def test_benches_stand_on_the_parts_and_not_on_commands(path: Path) -> None:
    assert not [name for name in imports(path) if name.startswith("hat.commands")]


@pytest.mark.parametrize(
    "path", [p for p in FILES if part_of(p) == "commands"], ids=lambda p: p.name
)
def test_no_command_stands_on_another(path: Path) -> None:
    assert not [name for name in imports(path) if name.startswith("hat.commands")]


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_no_room_is_too_large(room: str) -> None:
    files = [path for path in FILES if part_of(path) == room]
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files) <= 3500


def modules_and_imports() -> dict[str, set[str]]:
    """Every module of hat with the modules of hat that it imports at any place."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = imports(path)
    return {module: names & set(found) - {module} for module, names in found.items()}


def test_no_file_imports_itself_through_others() -> None:
    graph = modules_and_imports()
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, f"a circle: {' -> '.join((*way[way.index(module) :], module))}"
        if module not in done:
            for other in sorted(graph[module]):
                visit(other, (*way, module))
            done.add(module)

    for module in sorted(graph):
        visit(module, ())


def test_the_rule_can_fail(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text(
        "def f():\n    from hat.search.loop import Search\n    import fairseq.options\n"
    )
    assert {"hat.search.loop", "fairseq.options"} <= imports(path)
