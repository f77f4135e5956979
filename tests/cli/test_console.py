"""How a command ends: nobody reads what it prints, or a package is missing."""

import atexit
import gc
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from hat.cli.console import CLOSED_PIPE, command, program_words, written_out
from hat.cli.wall import SHOW


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
ROOT = str(Path(__file__).resolve().parents[2])


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
        "from hat.cli.console import one_sentence\nimport os\nwith one_sentence([]):\n"
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
        "        print('ready', flush=True)\n"
        "        for _ in range(600):\n            time.sleep(0.1)\nmain([])"
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


@pytest.fixture
def no_tracebacks(monkeypatch, tmp_path):
    """As users run it; logs go into a folder of the test's."""
    monkeypatch.delenv(SHOW)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def ending_in(error):
    @command
    def main(argv=None):
        raise error

    return main


def test_what_nobody_foresaw_is_one_sentence_and_its_traceback_a_file(no_tracebacks, capsys):
    with pytest.raises(SystemExit) as end:
        ending_in(ZeroDivisionError("division by zero"))(["--a", "b c"])
    assert end.value.code == 1
    error = capsys.readouterr().err
    (log,) = no_tracebacks.glob("hat-*.log")
    assert error == (
        "error: hat met an error that it did not foresee (ZeroDivisionError: division by zero); "
        f"please report it with the file {log}, which holds its traceback\n"
    )
    text = log.read_text()
    assert text.startswith("hat ") and "command: hat" in text and "--a 'b c'" in text
    assert "Traceback (most recent call last)" in text and "ending_in" not in error


def test_without_a_place_for_the_file_the_traceback_is_shown(no_tracebacks, monkeypatch, capsys):
    monkeypatch.setattr(tempfile, "tempdir", str(no_tracebacks / "gone"))
    with pytest.raises(SystemExit) as end:
        ending_in(KeyError("x"))([])
    assert end.value.code == 1
    error = capsys.readouterr().err
    assert "Traceback" in error and error.splitlines()[-1].endswith("please report it")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(28, "No space left on device", "x/y.pt"), "x/y.pt: No space left on device"),
        (PermissionError(13, "Permission denied", "x"), "x: Permission denied"),
        (MemoryError(), "this takes more memory than there is; choose"),
        (RuntimeError("CUDA out of memory. Tried"), "this takes more memory than there is"),
        (
            RuntimeError("[enforce] can't allocate memory: you tried"),
            "this takes more memory than there is",
        ),
    ],
)
def test_what_the_machine_refuses_is_no_bug(error, sentence, capsys):
    with pytest.raises(SystemExit) as end:
        ending_in(error)([])
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert sentence in told and told.count("\n") == 1


def test_tracebacks_can_be_asked_for(monkeypatch):
    for value in ("1", "yes"):
        monkeypatch.setenv(SHOW, value)
        with pytest.raises(ZeroDivisionError):
            ending_in(ZeroDivisionError())([])


def test_a_program_ends_without_searching_what_it_imported(monkeypatch):
    at_the_end = []
    monkeypatch.setattr(atexit, "register", at_the_end.append)
    monkeypatch.setattr(sys, "argv", ["hat", "train", "--cpu"])
    assert program_words(("search",)) == ["search"]
    assert at_the_end == []  # called from another program, whose objects these are
    assert program_words(None) == ["train", "--cpu"]
    assert at_the_end == [gc.freeze]


@pytest.mark.parametrize("encoding", ["ascii", "utf-8:strict", "latin-1"])
@pytest.mark.parametrize("name", ["é".encode(), b"\xe9"])
def test_what_is_printed_is_utf8_whatever_the_locale_is(encoding, name, tmp_path):
    (tmp_path / os.fsdecode(name)).write_text("evo-iter: 3\n")
    done = subprocess.run(
        [sys.executable, "-m", "hat.cli", "validate", name],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": ROOT},
        capture_output=True,
        check=True,
    )
    assert done.stdout.startswith(name + b": a search"), done


@pytest.mark.parametrize("asked", ["report ../run", "doctor --no-measure"])
def test_a_folder_that_is_gone_is_one_sentence(asked, tmp_path):
    words = f"mkdir gone && cd gone && rmdir ../gone && {HAT} {asked}"
    done = subprocess.run(
        ["sh", "-c", words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        check=False,
    )
    said = "error: the current folder is gone: change into one that is there\n"
    assert (done.returncode, done.stderr) == (2, said)
