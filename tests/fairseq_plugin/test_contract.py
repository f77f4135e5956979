"""Every name that hat takes from fairseq is there and takes what hat gives it.

The names are found in the source, so that a new import is checked as soon as it is written. What
fails here fails because of another build of fairseq, before a training does.
"""

import ast
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fairseq")

import hat.fairseq_plugin

FOLDER = Path(hat.fairseq_plugin.__file__).parent
ROOTS = ("fairseq", "fairseq_cli")


@dataclass(frozen=True)
class Import:
    """One name of fairseq's, as one file of hat's knows it."""

    file: str
    module: str
    name: str
    alias: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name} in {self.file}"

    def load(self) -> Any:
        module = importlib.import_module(self.module)
        if hasattr(module, self.name):
            return getattr(module, self.name)
        return importlib.import_module(f"{self.module}.{self.name}")


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(FOLDER.glob("*.py")):
        yield path.name, ast.parse(path.read_text(encoding="utf-8"))


def imports() -> list[Import]:
    found = []
    for file, tree in trees():
        for node in ast.walk(tree):
            assert not (
                isinstance(node, ast.Import) and node.names[0].name.split(".")[0] in ROOTS
            ), f"{file}: write from fairseq... import, so that the name is checked"
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ROOTS:
                found += [
                    Import(file, str(node.module), one.name, one.asname or one.name)
                    for one in node.names
                ]
    return found


IMPORTS = imports()


def dotted(node: ast.expr) -> list[str]:
    """``["a", "b"]`` for ``a.b``; nothing for anything else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return [node.id, *names] if isinstance(node, ast.Name) else []


def test_the_search_finds_what_hat_takes() -> None:
    names = {f"{one.module}.{one.name}" for one in IMPORTS}
    assert len(names) >= 20
    assert {"fairseq.options", "fairseq_cli.train.main", "fairseq.tasks.register_task"} <= names


@pytest.mark.parametrize("one", IMPORTS, ids=str)
def test_an_imported_name_is_there(one: Import) -> None:
    assert one.load() is not None


def uses() -> list[tuple[Import, str]]:
    """Attributes of what was imported, by the file that uses them."""
    found = set()
    for file, tree in trees():
        known = {one.alias: one for one in IMPORTS if one.file == file}
        for node in ast.walk(tree):
            names = dotted(node) if isinstance(node, ast.Attribute) else []
            if names and names[0] in known:
                found.add((known[names[0]], names[1]))
    return sorted(found, key=str)


@pytest.mark.parametrize(("one", "attribute"), uses(), ids=lambda value: str(value))
def test_an_attribute_of_it_is_there(one: Import, attribute: str) -> None:
    assert hasattr(one.load(), attribute)


def calls() -> list[tuple[Import, tuple[str, ...], int, tuple[str, ...]]]:
    """Calls of fairseq's functions: attributes behind the name, how many words, which keywords."""
    found = set()
    for file, tree in trees():
        known = {one.alias: one for one in IMPORTS if one.file == file}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            names = dotted(node.func)
            open_ended = any(isinstance(word, ast.Starred) for word in node.args)
            keywords = tuple(word.arg for word in node.keywords if word.arg is not None)
            if names and names[0] in known and not open_ended:
                found.add((known[names[0]], tuple(names[1:]), len(node.args), keywords))
    return sorted(found, key=str)


@pytest.mark.parametrize(("one", "behind", "words", "keywords"), calls(), ids=str)
def test_a_function_takes_what_it_is_given(
    one: Import, behind: tuple[str, ...], words: int, keywords: tuple[str, ...]
) -> None:
    called = one.load()
    for name in behind:
        called = getattr(called, name)
    inspect.signature(called).bind_partial(*[None] * words, **dict.fromkeys(keywords))


def overridden() -> list[tuple[type, type, str]]:
    """Methods of fairseq's classes that hat's classes replace."""
    found = []
    for file, _ in trees():
        module = importlib.import_module(f"hat.fairseq_plugin.{file.removesuffix('.py')}")
        for own in vars(module).values():
            if not inspect.isclass(own) or own.__module__ != module.__name__:
                continue
            for base in own.__mro__[1:]:
                if base.__module__.split(".")[0] in ROOTS:
                    found += [
                        (own, base, name)
                        for name, value in vars(own).items()
                        if name in vars(base) and inspect.isroutine(getattr(base, name))
                    ]
    return [one for one in found if not one[2].startswith("__")]


@pytest.mark.parametrize(("own", "base", "name"), overridden(), ids=lambda v: str(v))
def test_a_method_that_hat_replaces_can_be_called_as_fairseqs(
    own: type, base: type, name: str
) -> None:
    """All that may be given to fairseq's method by name or place may be given to hat's."""
    mine, theirs = (inspect.signature(getattr(cls, name)) for cls in (own, base))
    kinds = {p.kind for p in mine.parameters.values()}
    if inspect.Parameter.VAR_POSITIONAL in kinds and inspect.Parameter.VAR_KEYWORD in kinds:
        return
    for parameter in theirs.parameters.values():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        takes_any = inspect.Parameter.VAR_KEYWORD in kinds
        assert takes_any or parameter.name in mine.parameters, f"{own.__name__}.{name}: {parameter}"
