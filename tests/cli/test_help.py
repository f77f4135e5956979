"""What ``--help`` shows and leaves out."""

import sys
from collections.abc import Iterator, Mapping

import pytest

from hat.cli.described import Command, commands
from hat.cli.help import Parser, program, sentence, value_name
from hat.cli.main import COMMANDS, GROUPS, HIDDEN
from hat.cli.main import main as hat
from hat.cli.options import StageParser


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("train.py", "train.py"),
        ("/some/where/train.py", "train.py"),
        ("/x/.venv/bin/hat", "hat train"),
        ("/x/hat/cli/__main__.py", "hat train"),
        ("my_train.py", "hat train"),
    ],
)
def test_a_command_has_the_name_it_was_called_by(called, name, monkeypatch):
    monkeypatch.setattr(sys, "argv", [called, "train"])
    assert program("train") == name


def line(parser, flag):
    """The help of ``flag`` in one line."""
    text = " ".join(parser.format_help().split())
    return text.partition(f" {flag} ")[2].partition(" --")[0]


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({"type": int, "default": 5, "help": "how many"}, "N how many (default: 5)"),
        ({"type": float, "default": 1e6, "help": "how much."}, "FLOAT how much (default: 1e+06)"),
        ({"type": int, "default": None, "help": "how many"}, "N how many"),
        ({"type": int, "default": 0, "help": "how many"}, "N how many (default: 0)"),
        ({"type": int, "default": 3, "help": "by default all"}, "N by default all"),
        ({"action": "store_true", "help": "less care"}, "less care"),
        ({"default": "70%", "help": "a part"}, "NAME a part (default: 70%)"),
        ({"nargs": "+", "default": [1, 2], "help": "a"}, "NAME [NAME ...] a (default: 1 2)"),
        ({"default": (1e-7, 1.0), "help": "a pair"}, "NAME a pair (default: 1e-07,1)"),
        ({"default": [], "help": "a list"}, "NAME a list"),
        ({"default": "a", "help": "one of ``names``"}, "NAME one of names (default: a)"),
    ],
)
def test_a_default_is_shown_where_it_says_something(settings, shown):
    parser = Parser(prog="x", add_help=False)
    parser.add_argument("--x", **settings)
    assert line(parser, "--x") == shown


def test_usage_lists_few_options_and_no_more_than_a_few():
    parser = Parser(prog="x")
    parser.add_argument("file")
    parser.add_argument("--must", required=True)
    parser.add_argument("--one")
    assert "[--one NAME]" in parser.format_usage()
    for number in range(10):
        parser.add_argument(f"--n{number}")
    assert parser.format_usage() == "usage: x --must NAME file [OPTIONS]\n"


def test_sub_commands_write_their_help_likewise_and_examples_keep_their_lines():
    example = "    x one       the first\n    x two       the second"
    parser = Parser(prog="x", description=f"Does ``this``\nor that.\n\n{example}\n")
    sub = parser.add_subparsers().add_parser("one")
    sub.add_argument("--n", type=int, default=3, help="how many")
    assert "Does this or that." in parser.format_help() and example in parser.format_help()
    assert line(sub, "--n") == "N how many (default: 3)"


def test_the_files_of_a_stage_say_which_one_wins():
    parser = StageParser(prog="x", description="Does it.")
    assert line(parser, "--evo-configs") == (
        "YML the same; wins over all other files A key of a YAML file is the name of an option "
        "without its dashes."
    )


def test_a_line_of_help_becomes_a_sentence():
    assert sentence("less care") == "Less care." and sentence("BPE") == "BPE."


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_hat_lists_its_commands_by_what_they_are_for(flag, capsys):
    hat([flag])
    text = capsys.readouterr().out
    assert all(f"\n  {name} " in text for name in COMMANDS if name not in HIDDEN)
    assert all(f"\n{title}:\n" in text for title in GROUPS)
    assert len(text.splitlines()) <= 50


def test_a_command_that_stands_in_no_group_is_listed_all_the_same(capsys, monkeypatch):
    monkeypatch.setitem(COMMANDS, "newest", ("hat.commands.newest", "something"))
    hat(["--help"])
    assert "\nmore:\n  newest " in capsys.readouterr().out


def test_hat_says_its_version(capsys):
    from hat.version import __version__

    hat(["--version"])
    assert capsys.readouterr().out == f"hat {__version__}\n"


def test_hat_latency_lists_its_tools(capsys):
    hat(["latency", "--help"])
    text = capsys.readouterr().out
    assert text.startswith("usage: hat latency TOOL [OPTIONS]\n")
    assert "\n  predict  Predicts the latency of SubTransformers" in text


def _all(described: Mapping[str, Command]) -> Iterator[tuple[str, Command]]:
    for name, one in described.items():
        yield name, one
        yield from _all(one.commands)


@pytest.mark.parametrize(("name", "described"), list(_all(commands())))
def test_no_value_is_named_as_its_option_in_capitals(name, described):
    parser = Parser(prog=name, add_help=False)
    for option in described.options:
        option.add_to(parser, reads=False)
    raw = [
        option.key
        for option in described.options
        if option.flags
        and f"{option.key} {option.key[2:].replace('-', '_').upper()}" in parser.format_help()
        and option.metavar is None
    ]
    assert not raw


def test_a_value_is_named_by_the_end_of_its_option():
    assert [value_name(name) for name in ("text-dir", "ckpt_path", "source-lang", "metric")] == [
        *("DIR", "FILE", "LANG", "NAME"),
    ]
