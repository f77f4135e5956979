"""``import hat`` is light, and the README's calls work."""

import importlib
import inspect
import subprocess
import sys

import pytest

import hat
from hat.errors import HatError


def test_import_is_light() -> None:
    code = "import sys, hat, hat.models.flops; print({'torch', 'fairseq'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", hat.__all__)
def test_public_names(name: str) -> None:
    assert getattr(hat, name) is not None
    assert name in dir(hat)


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'hat' has no attribute 'load_chekpoint'"):
        hat.load_chekpoint  # noqa: B018


def test_a_package_of_an_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError("No module named 'fairseq'", name="fairseq")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(HatError, match=r"hat\.train: this needs the package fairseq, .*\[train\]"):
        hat.__getattr__("train")


def test_search_is_a_function_and_a_package() -> None:
    from hat.nas.run import search
    from hat.search.loop import Search

    assert hat.search.loop.Search is Search
    ours = inspect.signature(hat.search).parameters.values()
    theirs = inspect.signature(search).parameters.values()
    assert [(p.name, p.kind, p.default) for p in ours] == [
        (p.name, p.kind, p.default) for p in theirs
    ]
