"""Commands, options, YAML files, scripts and pipelines are what ``interface.json`` says."""

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hat.cli.options import StageParser
from tests.conftest import SHARED_DATA
from tests.golden.capture import ROOT, help_parser, parsed
from tests.golden.describe import changed, describe, helps
from tests.golden.interface import differences, set_by_files


def test_the_interface_is_the_one_written_down() -> None:
    pytest.importorskip("fairseq")
    if importlib.util.find_spec("foolbox") is None:
        pytest.skip("without foolbox, whose pictures are a default, another interface is right")
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
    parser.add_argument("--help-all", action="help", help=argparse.SUPPRESS)
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


def reader(words: Any) -> None:
    parser = StageParser(prog="reader", description="Reads a file as all of hat's commands do.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--depth", type=int, default=1)
    parser.add_argument("--arch", default="small", choices=("small", "large"))
    parser.parse_args(words[1:])


def test_a_files_values_are_compared_with_the_defaults_of_a_parser_that_read_no_file(
    tmp_path: Path,
) -> None:
    pytest.importorskip("fairseq")
    file = tmp_path / "x.yml"
    file.write_text("rounds: 5\ndepth: 1\narch: large\n", encoding="utf-8")
    found = set_by_files(("reader", f"--configs={file}"), reader)
    assert found == {"rounds": 5, "arch": "large"}


def test_a_value_counts_for_its_flag_wherever_it_is_kept() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bf16", dest="wanted_bf16", default=False)
    parser.add_argument("--latcpu", dest="device", action="store_const", const="cpu")
    parser.add_argument("--latgpu", dest="device", action="store_const", const="gpu")
    options = argparse.Namespace(wanted_bf16="auto", bf16=True, device="cpu")
    assert changed(parser, options) == {"bf16": "auto", "device": "cpu"}


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
