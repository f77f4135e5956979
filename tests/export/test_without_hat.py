"""The lines of docs/translate.md that run an export where neither torch nor hat is."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hat.arch.hat_yaml import write_arch
from hat.arch.space import SearchSpace
from hat.commands.export import main as export
from hat.commands.translate import main as translate
from tests.export.conftest import Task, write_checkpoint

ROOT = Path(__file__).resolve().parents[2]
SENTENCE = "a man is riding a bicycle ."
NEEDS = {"ctranslate2": ("ctranslate2",), "onnx": ("onnx", "onnxruntime")}


def snippet(imports: str) -> str:
    page = (ROOT / "docs" / "translate.md").read_text(encoding="utf-8")
    (found,) = re.findall(rf"```python\n(import {imports}\n.*?)```", page, re.DOTALL)
    return str(found)


@pytest.mark.parametrize(
    ("name", "beam", "longest"), [("ctranslate2", 2, 256), ("onnx", 1, 200)], ids=NEEDS
)
def test_the_lines_on_the_page_translate_as_hat_does(
    name: str,
    beam: int,
    longest: int,
    task: Task,
    tiny_space: SearchSpace,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for package in NEEDS[name]:
        pytest.importorskip(package)
    # Random weights may never end a translation: then each ends where the page's lines end it.
    checkpoint = write_checkpoint(tmp_path / "c.pt", task, max_target_positions=300)
    write_arch(tmp_path / "sub.yml", tiny_space.smallest())
    folder = tmp_path / f"shipped/en-de-{name}"
    words = [checkpoint, tmp_path / "sub.yml", folder, "--format", name]
    words += ["--data", task.data, "--bpe-codes", task.codes]
    export([str(word) for word in words])
    line = task.lines("bpe", "en")[0]
    (tmp_path / "line.txt").write_text(f"{line}\n")
    capsys.readouterr()
    flags = ("--pretokenised", "--beam", str(beam), "--max-len-b", str(longest))
    translate([str(folder), str(tmp_path / "line.txt"), *flags])
    by_hat = capsys.readouterr().out.split()

    code = snippet("ctranslate2" if name == "ctranslate2" else "numpy as np")
    assert SENTENCE in code
    code = code.replace(SENTENCE, line).replace('words("de")', 'words("fr")')
    shutil.copy(ROOT / "hat" / "engines" / "onnx_files.py", tmp_path)
    check = "import sys; assert not {'torch', 'hat'} & sys.modules.keys()"
    (tmp_path / "theirs.py").write_text(f"{code}\n{check}\n")
    done = subprocess.run(
        [sys.executable, "theirs.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert ast.literal_eval(done.stdout) == by_hat
