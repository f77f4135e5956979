"""Text in, text out: in order, by the way that training data went, without fairseq."""

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import hat
from hat.cli.console import CLOSED_PIPE
from hat.commands.translate import main
from hat.errors import ConfigError, DataError, HatError
from hat.export.folder import ExportSettings, export
from hat.export.formats import FORMATS
from hat.export.trained import TaskSettings, read_trained
from hat.models.extract import extract
from hat.tasks.bpe import remove_bpe
from hat.text.moses import detokenise
from hat.translation.beam import BeamSearch, BeamSettings
from hat.translation.sentences import TranslationSettings
from hat.translation.torch_runner import TorchRunner
from tests.export.conftest import Task

Run = Callable[..., list[str]]


@pytest.fixture
def folder(tmp_path: Path, task: Task, checkpoint: Path, sub_yml: Path) -> Path:
    settings = TaskSettings(data=task.data, bpe_codes=task.codes)
    what = read_trained(checkpoint, sub_yml, settings)
    part = FORMATS.load("safetensors")
    settings_ = ExportSettings(parity_sentences=1)
    export(what, tmp_path / "out", settings_, part.build(part.Settings()))
    return tmp_path / "out"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command on a text and returns the lines it printed."""

    def lines_of(*words: str | Path, text: str | bytes = "") -> list[str]:
        data = text if isinstance(text, bytes) else text.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        capsys.readouterr()
        main([*map(str, words), "--max-len-b", "12"])
        return capsys.readouterr().out.removesuffix("\n").split("\n")

    return lines_of


def by_hand(task: Task, checkpoint: Path, sub_yml: Path, beam: int, nbest: int) -> list[list[str]]:
    """BPE units of the translations of the test set, each sentence by itself."""
    model = hat.load_checkpoint(checkpoint)
    runner = TorchRunner(extract(model, hat.load_arch(sub_yml)))
    search = BeamSearch(runner, BeamSettings(beam=beam, nbest=nbest, max_len_b=12))
    numbers = {word: number for number, word in enumerate(task.words[0])}
    found = []
    for line in task.lines("bpe", "en"):
        tokens = torch.tensor([[*(numbers.get(word, 3) for word in line.split()), 2]])
        (hypotheses,) = search(tokens)
        found.append([" ".join(task.words[1][t] for t in h.tokens[:-1]) for h in hypotheses])
    return found


def test_text_goes_the_way_of_the_training_data(
    task: Task, checkpoint: Path, sub_yml: Path, folder: Path, run: Run
) -> None:
    expected = by_hand(task, checkpoint, sub_yml, 5, 1)
    assert len({line for (line,) in expected}) > 3  # the network says different things
    raw, units = ("\n".join(task.lines(kind, "en")) + "\n" for kind in ("raw", "bpe"))
    assert raw != units
    assert run(folder, "--pretokenised", text=units) == [line for (line,) in expected]
    plain = detokenise([remove_bpe(line) for (line,) in expected], "fr")
    assert run(folder, text=raw) == plain
    # from the checkpoint itself, from a file, in small batches and buffers
    (folder.parent / "text").write_text(raw)
    task_flags = ["--data", task.data, "--bpe-codes", task.codes]
    words = [checkpoint, sub_yml, folder.parent / "text", *task_flags]
    assert run(*words) == plain
    assert run(*words, "--batch-tokens", "1", "--buffer-size", "2") == plain
    assert run(folder, "--beam", "5", folder.parent / "text") == plain
    assert hat.Translator(
        folder, settings=TranslationSettings(search=BeamSettings(max_len_b=12))
    ).translate(task.lines("raw", "en")) == plain  # fmt: skip


def test_nbest_and_scores(
    task: Task, checkpoint: Path, sub_yml: Path, folder: Path, run: Run
) -> None:
    expected = by_hand(task, checkpoint, sub_yml, 4, 3)
    text = "\n".join(task.lines("bpe", "en"))
    words = [folder, "--pretokenised", "--beam", "4", "--nbest", "3"]
    lines = [line.split("\t") for line in run(*words, text=text)]
    numbered = [
        [str(number), line] for number, nbest in enumerate(expected, start=1) for line in nbest
    ]
    assert lines == numbered
    scored = [line.split("\t") for line in run(*words, "--scores", text=text)]
    assert [[number, line] for number, _, line in scored] == numbered
    scores = [float(score) for _, score, _ in scored]
    assert all(a >= b for a, b, c in zip(scores[::3], scores[1::3], scores[2::3], strict=True))
    best = run(folder, "--pretokenised", "--scores", "--beam", "4", text=text)
    assert [line.split("\t")[0] for line in best] == [score for _, score, _ in scored[::3]]


def test_empty_lines_stay_empty(task: Task, folder: Path, run: Run) -> None:
    line = task.lines("raw", "en")[0]
    (alone,) = run(folder, text=line)
    text = f"\n{line}\n   \u00a0\n\n{line}\n\n"
    for more in ([], ["--buffer-size", "1"]):
        assert run(folder, *more, text=text) == ["", alone, "", "", alone, ""]
    found = run(folder, "--scores", "--nbest", "2", text=text)
    assert [bool(line) for line in found] == [False, *[True] * 2, False, False, *[True] * 2, False]
    assert run(folder, text="") == [""]  # nothing at all
    translator = hat.Translator(folder)
    assert translator.translate([]) == []
    assert translator.translate(["", " "]) == ["", ""]


def test_lines_are_those_of_the_one_rule(task: Task, folder: Path, run: Run) -> None:
    first, second = task.lines("raw", "en")[:2]
    expected = run(folder, text=f"{first}\n{second}\n")
    wide = f"\ufeff {first}".replace(" ", "\u00a0\u2028")
    assert run(folder, text=f"{wide}\r\n{second}") == expected


def test_symbols_of_fairseq_in_a_text_are_words(folder: Path, run: Run) -> None:
    for more in ([], ["--pretokenised"]):
        found = run(folder, *more, text="</s> one\n<pad>\none\n")
        assert len(found) == 3
        assert all(found)


def test_bad_input(task: Task, checkpoint: Path, sub_yml: Path, folder: Path) -> None:
    translator = hat.Translator(folder)
    with pytest.raises(
        DataError, match="line 2: has 76 tokens with the end, but the model takes 60"
    ):
        translator.translate(["one", "q" * 75])
    with pytest.raises(ConfigError, match="expected a list of lines, but found one text"):
        translator.translate("one")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="an exported folder has all that it needs"):
        hat.Translator(folder, sub_yml)
    settings = TaskSettings(data=task.data)
    with pytest.raises(ConfigError, match=r"hold BPE units \(@@\), but there are no BPE codes"):
        hat.Translator(checkpoint, sub_yml, task=settings)
    pretokenised = TranslationSettings(pretokenised=True)
    hat.Translator(checkpoint, sub_yml, task=settings, settings=pretokenised)
    with pytest.raises(HatError, match=r"nowhere: cannot be read: No such file"):
        hat.Translator("nowhere")


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["a", "b"], "expected one file of text, but found a b"),
        (["nowhere.txt"], "nowhere.txt: cannot be read: No such file"),
        (["--baem", "3"], "unknown option --baem; did you mean '--beam'?"),
        (["--beam", "x"], "--beam must be a whole number, but found 'x'"),
        (["--beam", "0"], "beam must be at least 1, but found 0"),
        (["--beam", "2", "--nbest", "3"], "nbest must be at most beam (2), but found 3"),
        (["--buffer-size", "0"], "buffer-size must be at least 1, but found 0"),
        (["--batch-tokens", "-1"], "batch-tokens must be at least 1, but found -1"),
        (["--data", "x"], "an exported folder has all that it needs"),
    ],
)
def test_bad_flags(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(folder), *words])
    assert stop.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert sentence in printed.err
    assert printed.err.count("\n") == 1


def test_a_bad_byte_is_named_and_what_came_before_is_translated(
    folder: Path, capsys: pytest.CaptureFixture[str], run: Run
) -> None:
    with pytest.raises(SystemExit):
        run(folder, text=b"one\n\xff\n")
    printed = capsys.readouterr()
    assert "standard input: is not UTF-8 (byte 4): found 0xff in line 2" in printed.err
    assert printed.out.count("\n") == 1


def test_a_line_is_answered_before_the_next_one_comes_and_without_fairseq(folder: Path) -> None:
    code = (
        "import sys, hat.commands.translate as t\n"
        f"t.main([{str(folder)!r}, '--max-len-b', '9'])\n"
        "slow = {'fairseq', 'fairseq_cli', 'torch._dynamo'}  # seconds before the first line\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    for line in ("one\n", "two\n"):
        process.stdin.write(line)
        process.stdin.flush()
        started = time.monotonic()
        assert process.stdout.readline().strip()
        assert time.monotonic() - started < 60
    process.stdin.close()
    assert process.stdout.read() == "[]\n"
    assert process.wait() == 0


def test_whoever_has_read_enough_may_leave(folder: Path) -> None:
    words = [sys.executable, "-m", "hat.cli", "translate", str(folder), "--max-len-b", "3"]
    process = subprocess.Popen(
        [*words, "--buffer-size", "1", "--beam", "1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    process.stdin.write("one\n")
    process.stdin.flush()
    assert process.stdout.readline()
    process.stdout.close()
    process.stdin.write("two\n" * 3)
    process.stdin.close()
    assert process.wait(60) == CLOSED_PIPE
    assert process.stderr.read() == ""


def test_json_of_the_folder_is_for_people_too(folder: Path) -> None:
    content = json.loads((folder / "export.json").read_text())
    assert content["text"]["tokeniser"] == "numbers"
    assert content["files"]["bpe.codes"] == (folder / "bpe.codes").stat().st_size
