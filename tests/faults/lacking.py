"""Commands in an environment that lacks packages, as it is for whoever installed only the wheel.

``python -m tests.faults.lacking``, started by the Python of that environment, runs the commands
that standard input names one after the other, and prints how each ended.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.faults.fault import Ended, run_here

ROOT = Path(__file__).resolve().parents[2]


def run_lacking(environment: Path, commands: Sequence[str], folder: Path) -> list[Ended]:
    """Runs commands of hat in a folder, in one process, with the Python of an environment."""
    done = subprocess.run(
        [str(environment / "bin" / "python"), "-m", "tests.faults.lacking", str(folder)],
        input=json.dumps(list(commands)),
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [Ended(**ended) for ended in json.loads(done.stdout.splitlines()[-1])]


def _main() -> None:
    folder = Path(sys.argv[1])
    ended = [run_here(words.split(), folder) for words in json.load(sys.stdin)]
    print(json.dumps([asdict(each) for each in ended]))


if __name__ == "__main__":
    _main()
