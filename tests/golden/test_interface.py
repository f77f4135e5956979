"""Commands, options, YAML files, scripts and pipelines are what ``interface.json`` says."""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SHARED_DATA
from tests.golden.capture import ROOT, help_parser, parsed
from tests.golden.describe import changed, describe, helps
from tests.golden.interface import differences


def test_the_interface_is_the_one_written_down() -> None:
    pytest.importorskip("fairseq")
    hats = SHARED_DATA / "hat" / "configs"
    also = ["--configs", str(hats)] if hats.is_dir() else []
    # A process of its own: fairseq and logging are set up once in a process.
    done = subprocess.run(
        [sys.executable, "-m", "tests.golden", *also], cwd=ROOT, capture_output=True, text=True
    )
    advice = "If this is on purpose, run: python -m tests.golden --update"
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{advice}"


def command(words: Any) -> None:
    parser = argparse.ArgumentParser(description="A command.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--rounds", "-r", type=lambda text: int(text), default=3, help="how many")
    parser.add_argument("--fast", action="store_true", help="less care")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--metric", choices=("bleu", "chrf"), required=False)
    either.add_argument("--goal", dest="metric", nargs=2, metavar="G")
    parser.parse_args(words)
    raise RuntimeError("the command went on to work")


def test_a_command_is_stopped_before_it_works_and_described() -> None:
    pytest.importorskip("fairseq")
    parser = help_parser(command, [])
    assert isinstance(parser, argparse.ArgumentParser)
    description = describe(parser)
    assert description == {
        "abbreviations": True,
        "positionals": [{"dest": "file", "type": "Path"}],
        "options": {
            "--rounds -r": {"type": "int", "default": 3},
            "--fast": {"kind": "StoreTrue", "const": True},
            "--metric": {"choices": ["bleu", "chrf"]},
            "--goal": {"dest": "metric", "nargs": 2, "metavar": "G"},
        },
        "exclusive": [["--metric", "--goal"]],
    }
    texts = helps(parser, description)
    assert texts["--rounds -r"] == "how many" and texts[""] == "A command."
    result = parsed(command, ["x", "-r", "5"])
    assert changed(result.parser, result.options) == {"file": "x", "rounds": 5}


def test_what_fairseq_has_too_is_listed_with_its_default_only() -> None:
    ours, theirs = argparse.ArgumentParser(), argparse.ArgumentParser()
    for parser, default in ((ours, 1), (theirs, 8)):
        parser.add_argument("--multiple", type=int, default=default)
        parser.add_argument("--beam", type=int, default=5)
    description = describe(ours, foreign=theirs)
    assert description["fairseq"] == {"--beam": 5}
    assert description["options"] == {"--multiple": {"type": "int", "default": 1}}


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ({"a": {"--x": {"default": 1}}}, {"a": {"--x": {"default": 1}}}, []),
        ({"a": {"--x": {}}}, {"a": {}}, ["removed: a > --x (was {})"]),
        ({"a": {}}, {"a": {"--x": {"type": "int"}}}, ['added:   a > --x = {"type": "int"}']),
        (
            {"a": {"default": 1}},
            {"a": {"default": 1.0}},
            ["changed: a > default: 1 -> 1.0"],
        ),
        (
            {"names": ["a", "b", "c", "d"]},
            {"names": ["a", "e", "f", "d"]},
            ['changed: names: without ["b", "c"], with ["e", "f"]'],
        ),
        (
            {"run": [f"{'x' * 50} --seed 1"]},
            {"run": [f"{'x' * 50} --seed 2"]},
            ['changed: run: "... xxxxxxxxxxxx --seed 1" -> "... xxxxxxxxxxxx --seed 2"'],
        ),
        (
            {"order": ["a", "b"]},
            {"order": ["b", "a"]},
            ['changed: order: ["a", "b"] -> ["b", "a"]'],
        ),
    ],
)
def test_differences_are_one_line_each(old: Any, new: Any, lines: list[str]) -> None:
    assert differences(old, new) == lines
