"""The short help: quick, within a screen, with an example, and true."""

import os
import re
import shlex
import subprocess
import sys

import pytest

from hat.cli.described import Command, commands
from hat.cli.main import COMMANDS, HIDDEN
from hat.cli.main import main as hat
from hat.cli.pages import PAGES, short_help

HEAVY = ("configargparse", "fairseq", "h5py", "matplotlib", "numpy", "scipy", "torch", "yaml")


def every_command() -> dict[str, Command]:
    """All commands and their tools by name."""
    found = {}
    for name, command in commands().items():
        found[name] = command
        found |= {f"{name} {tool}": inner for tool, inner in command.commands.items()}
    return {name: command for name, command in found.items() if name not in HIDDEN}


def test_every_command_is_described_and_has_a_page() -> None:
    """Where this fails: a page in hat/cli/pages.py, then python -m tests.golden --update."""
    assert set(COMMANDS) == set(commands())
    assert set(PAGES) == set(every_command())


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_screen_and_all_its_options_exist(name: str, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    command = every_command()[name]
    assert all(command.option(key) is not None for key in PAGES[name].options)
    first, *tool = name.split()
    text = short_help(first, tool)
    assert text is not None and len(text.splitlines()) <= 45, text
    assert max(map(len, text.splitlines())) <= 100  # names of files are not broken
    assert "\nexample" in text


@pytest.mark.parametrize("name", PAGES)
def test_examples_call_the_command_with_options_that_it_has(name: str) -> None:
    for example in PAGES[name].examples:
        words = shlex.split(example, comments=False)
        if words[0] == "pip":
            continue
        words = [*words[words.index("hat") + 1 :], ""]
        called = f"{words[0]} {words[1]}" if f"{words[0]} {words[1]}" in PAGES else words[0]
        assert called.startswith(name), example
        for word in words:
            flag = word.partition("=")[0]
            if flag.startswith("--"):
                assert every_command()[called].option(flag) is not None, f"{example}: {flag}"


def test_a_tool_and_all_options_can_be_asked_for(capsys) -> None:
    hat(["nasbench", "query", "--help"])
    assert capsys.readouterr().out.startswith("usage: hat nasbench query benchmark [id] [OPTIONS]")
    hat(["translate", "--help"])
    assert capsys.readouterr().out.startswith("usage: hat translate MODEL [FILE ...] [OPTIONS]")
    hat(["average-checkpoints", "--help"])
    usage = "usage: hat average-checkpoints --inputs FILE ... --output FILE [OPTIONS]"
    assert capsys.readouterr().out.startswith(usage)
    with pytest.raises(SystemExit):
        hat(["pipeline", "--help-all"])
    everything = capsys.readouterr().out
    hat(["pipeline", "--help"])
    short = capsys.readouterr().out
    assert "--retrain-largest" in everything and "--retrain-largest" not in short
    assert "all options: hat pipeline --help-all" in short


SLIPS = {
    "--help-al": "--help-all",
    "--helpall": "--help-all",
    "--hepl": "--help",
    "-help": "--help",
}


@pytest.mark.parametrize("name", every_command())
def test_a_misspelt_call_for_help_is_told_before_what_is_missing(name: str, capsys) -> None:
    for slip, meant in SLIPS.items():
        with pytest.raises(SystemExit) as end:
            hat([*name.split(), slip])
        sentence = f"error: unknown option {slip}; did you mean '{meant}'?\n"
        assert (end.value.code, capsys.readouterr().err) == (2, sentence)


def test_a_misspelt_option_is_told_before_what_is_missing(capsys) -> None:
    for words, sentence in (
        (["pipeline", "--dry-rn"], "unknown option --dry-rn; did you mean '--dry-run'?"),
        (["translate", "--bem=3"], "unknown option --bem; did you mean '--beam'?"),
        (["pipeline", "--dry-run"], "the following arguments are required: FILE"),
        (["prepare", "--text-dir=x"], "the following arguments are required: TOOL"),
    ):
        with pytest.raises(SystemExit):
            hat(words)
        assert capsys.readouterr().err == f"error: {sentence}\n"
    with pytest.raises(SystemExit):
        hat(["--hepl"])
    assert capsys.readouterr().err.endswith("unknown option '--hepl'; did you mean '--help'?\n")


def test_words_behind_two_dashes_are_another_programs_business(capsys) -> None:
    from hat.cli.asked import asked_help

    assert asked_help("pipeline", ["x.yml", "--", "--help"]) == (None, ["x.yml", "--", "--help"])


def test_help_imports_nothing_heavy() -> None:
    asked = [["--help"], ["--version"], *([name, "--help"] for name in sorted(COMMANDS))]
    code = (
        "import contextlib, io, sys\nfrom hat.cli.main import main\n"
        f"for words in {asked!r}:\n"
        "    with contextlib.redirect_stdout(io.StringIO()):\n        main(words)\n"
        f"print(sorted({set(HEAVY)!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def completed(words: list[str]) -> list[str]:
    """What bash offers for the last of ``words``."""
    script = subprocess.run(
        [sys.executable, "-m", "hat.cli", "completion", "bash"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    function = re.search(r"complete .*-F (\S+) hat", script)
    assert function is not None
    array = " ".join(map(shlex.quote, words))
    script += (
        f"\nCOMP_WORDS=({array}); COMP_CWORD={len(words) - 1}; COMP_LINE={shlex.quote(array)}"
        f"\n{function[1]} hat {shlex.quote(words[-1])} {shlex.quote(words[-2])}"
        '\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    return [line.strip() for line in done.stdout.splitlines()]


def test_bash_completes_commands_options_and_choices() -> None:
    assert completed(["hat", "pip"]) == ["pipeline"]
    assert "--latency-constraint" in completed(["hat", "search", "--latency"])
    assert completed(["hat", "completion", "z"]) == ["zsh"]
    assert completed(["hat", "latency", "pre"]) == ["predict"]


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_other_shells_get_a_script(shell: str, capsys) -> None:
    hat(["completion", shell])
    text = capsys.readouterr().out
    assert "nasbench-search" in text and "--raw-dir" in text
    assert os.environ.get("HOME", "/nowhere") not in text
