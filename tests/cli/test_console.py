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


HAT = f"{sys.executable} -m hat.cli"


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--version >&-", "standard output is closed: redirect it to a file or to /dev/null"),
        ("--version >/dev/full", "standard output cannot be written: No space left on device"),
        ("new --help >/dev/full", "standard output cannot be written: No space left on device"),
    ],
)
def test_an_output_that_takes_nothing_is_one_sentence(words, sentence, unbuffered):
    done = subprocess.run(
        ["sh", "-c", f"{HAT} {words}"],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        text=True,
    )
    assert (done.returncode, done.stderr) == (2, f"error: {sentence}\n")


def test_a_closed_stream_is_not_the_next_file_that_is_opened(tmp_path):
    code = (
        "from hat.cli.console import one_sentence\nimport os\nwith one_sentence():\n"
        "    stream = open('x', 'w')\n    os.write(2, b'noise')\n    stream.write('text')"
    )
    subprocess.run(
        ["sh", "-c", f'{sys.executable} -c "$CODE" <&- 2>&-'],
        env={**os.environ, "CODE": code},
        cwd=tmp_path,
        check=True,
    )
    assert (tmp_path / "x").read_text() == "text"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (PermissionError(13, "denied", "a/b"), "a/b: Permission denied"),
        (OSError(28, "full", "a/b"), "a/b: No space left on device"),
        (OSError(28, "full"), "No space left on device"),
        (IsADirectoryError(21, "folder", "old", None, "new"), "new: Is a directory"),
    ],
)
def test_what_the_system_refuses_is_one_sentence(error, sentence, capsys):
    @command
    def main(argv=None):
        raise error

    with pytest.raises(SystemExit) as end:
        main([])
    assert (end.value.code, capsys.readouterr().err) == (2, f"error: {sentence}\n")


def test_other_errors_of_the_system_are_bugs():
    @command
    def main(argv=None):
        raise OSError(9, "bad file descriptor")

    with pytest.raises(OSError, match="bad"):
        main([])


def test_sigterm_tidies_up(tmp_path):
    code = (
        "from hat.cli.console import command\nfrom hat.files import replacing\nimport time\n"
        "@command\ndef main(argv=None):\n"
        "    with replacing('x') as temporary:\n"
        "        print('ready', flush=True)\n        time.sleep(60)\nmain([])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n" and len(list(tmp_path.iterdir())) == 1
    process.terminate()
    process.communicate()
    assert process.returncode == 143 and list(tmp_path.iterdir()) == []


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
