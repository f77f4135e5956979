"""The manual: its order knows its pages, and what it makes from the code is whole."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
mkdocs = pytest.importorskip("mkdocs", reason="make docs installs what the manual is built with")
pytest.importorskip("mkdocstrings")


@pytest.fixture(scope="module")
def hooks():
    spec = importlib.util.spec_from_file_location("manual_hooks", ROOT / "tools/docs/hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_public_name_and_every_option_has_its_place(hooks) -> None:
    import hat
    from hat.cli.described import commands

    python = hooks._python_page()
    for name in set(hat.__all__) - {"__version__"}:
        if name.isupper():
            assert f"`hat.{name}`" in python
            continue
        assert re.search(rf"^::: hat\.[\w.]+\.{name}$", python, flags=re.MULTILINE), name
    for name in ("search", "latency", "nasbench"):
        page = hooks._command_page(name)
        for described in (commands()[name], *commands()[name].commands.values()):
            assert all(f"`{flag}`" in page for one in described.options for flag in one.flags)


def test_every_named_part_is_listed_with_its_settings(hooks) -> None:
    page = hooks._parts_page()
    for _, _, table in hooks._tables():
        assert all(f"### `{name}`" in page for name in table)
    assert "`--population-size`" in page


def test_a_page_that_nobody_ordered_is_shown_and_one_that_is_not_there_is_not(hooks) -> None:
    class Page:
        def __init__(self, uri):
            self.src_uri = uri

    class Pages:
        def documentation_pages(self):
            return [Page("index.md"), Page("brand-new.md"), Page("results/new.md")]

    nav = hooks._nav(Pages())
    assert nav == [
        {"Start": ["index.md"]},
        {"Results": ["results/new.md"]},
        {"More": ["brand-new.md"]},
    ]


@pytest.mark.slow
def test_the_manual_builds_without_a_warning_and_asks_nobody(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for page in tmp_path.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="(https?:[^"]+)"', text)
        assert not loaded, page
