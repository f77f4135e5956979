"""How a command ends: nobody reads what it prints, or a package is missing."""

import os
import subprocess
import sys

import pytest

from hat.cli.console import CLOSED_PIPE, command, written_out


@pytest.mark.parametrize("words", [["--help"], ["latency", "--help"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_is_no_traceback(words, unbuffered):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "hat.cli", *words],
        stdout=write,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        text=True,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (CLOSED_PIPE, "")


def test_a_broken_pipe_between_processes_keeps_its_traceback(tmp_path, monkeypatch):
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        with pytest.raises(BrokenPipeError), written_out():
            raise BrokenPipeError


def test_a_program_without_standard_output_ends_well(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with written_out():
        pass


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        ("num2words", "the extra 'train' brings it: pip install --no-build-isolation"),
        ("fairseq.tasks", "the package fairseq, which is not installed; the extra 'train' brings"),
        ("PIL.Image", "the extra 'pictures' brings it: pip install \"hat-nas[pictures]\""),
    ],
)
def test_the_extra_of_a_missing_package_is_named(module, sentence, capsys):
    @command
    def main(argv=None):
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: this needs") and sentence in error and error.count("\n") == 1


def test_a_module_that_no_extra_brings_is_a_bug():
    @command
    def main(argv=None):
        raise ModuleNotFoundError("No module named 'nothing'", name="nothing")

    with pytest.raises(ModuleNotFoundError):
        main([])
