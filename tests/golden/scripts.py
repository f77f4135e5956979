"""What the shell scripts of the tasks call, noted by a stand-in for Python."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.golden.capture import ROOT, called

_FAKE_PYTHON = """#!/usr/bin/env bash
echo "$@" >> "$CALLS"
"""
_OWN_DATA = ("preprocess.sh", "get_preprocessed.sh")
"""Scripts that fetch and tokenise text; they are not run here."""


def calls() -> dict[str, list[str]]:
    """Runs every stage script for every hardware in a copy of ``configs/``.

    Returns:
        The script and its arguments -> the commands that it runs, one each.
    """
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        shutil.copytree(ROOT / "configs", root / "configs")
        python = root / "python"
        python.write_text(_FAKE_PYTHON, encoding="utf-8")
        python.chmod(0o755)
        (root / "sub.yml").touch()
        (root / "checkpoint.pt").touch()
        (root / "checkpoints").mkdir()
        lines = ["set -e", f"cd {root}"]
        runs = sorted(_runs(root))
        for number, run in enumerate(runs):
            lines.append(f"CALLS={root}/{number} bash {run} > /dev/null")
        environment = {**os.environ, "PYTHON": str(python)}
        subprocess.run(["bash", "-c", "\n".join(lines)], check=True, env=environment)
        found = {}
        for number, run in enumerate(runs):
            text = (root / str(number)).read_text(encoding="utf-8").replace(f"{root}/", "")
            found[run] = [line for call in text.splitlines() for line in called(call.split())]
        return found


def _runs(root: Path) -> list[str]:
    runs = []
    for script in sorted(root.glob("configs/*/*.sh")):
        if script.name in _OWN_DATA:
            continue
        path = script.relative_to(root)
        runs += [f"{path} {words}".strip() for words in _arguments(script)]
    return runs


def _arguments(script: Path) -> list[str]:
    task = script.parent
    hardware = [path.stem for path in sorted(task.glob("latency_dataset/*.yml"))]
    takes_hardware = "[HARDWARE" in script.read_text(encoding="utf-8")
    if script.name == "test.sh":
        return ["checkpoint.pt sub.yml", "checkpoint.pt sub.yml sacre cpu valid"]
    if script.name == "average_checkpoint.sh":
        return ["checkpoints", "checkpoints 3"]
    if script.name == "train_subtransformer.sh":
        return [f"{name} sub.yml --seed 2" for name in hardware] if takes_hardware else ["sub.yml"]
    return ["", *(f"{name} --seed 2" for name in hardware)] if takes_hardware else ["--seed 2"]
