"""Measures a latency dataset twice: on a machine left alone and with busy processes half way.

    python bench/busy_machine.py --configs configs/multi30k.en-de/latency_dataset/cpu.yml \
        --folder runs/busy --rows 200 --busy-seconds 90

Writes ``quiet.csv`` and ``busy.csv`` with their sidecars. When half of the second dataset's rows
are there, as many processes as there are processors start to multiply matrices for so many seconds.
``bench/latency_here.py`` says what became of the predictor.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

SPIN = (
    "import time, numpy as np\n"
    "a = np.random.rand(400, 400)\n"
    "end = time.monotonic() + float({seconds})\n"
    "while time.monotonic() < end: a @ a\n"
)


def measuring(options: argparse.Namespace, csv: Path, flags: list[str]) -> list[str]:
    """The command that measures one dataset."""
    return [
        *(sys.executable, "-m", "hat.cli", "latency-dataset", "--configs", options.configs),
        *("--lat-dataset-path", str(csv), "--lat-dataset-size", str(options.rows)),
        *flags,
    ]


def start_busy(seconds: float) -> list[subprocess.Popen[bytes]]:
    """Starts one busy process per processor."""
    code = SPIN.format(seconds=seconds)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return [
        subprocess.Popen([sys.executable, "-c", code], env=environment)
        for _ in range(os.cpu_count() or 1)
    ]


def rows_in(csv: Path) -> int:
    """How many rows the dataset has so far."""
    return csv.read_text(encoding="utf-8").count("\n") - 1 if csv.exists() else 0


def main() -> None:
    """Runs both measurements one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configs", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--busy-seconds", type=float, default=90.0)
    parser.add_argument("--only", choices=("quiet", "busy"), help="one of the two datasets")
    options, flags = parser.parse_known_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.only != "busy":
        subprocess.run(measuring(options, options.folder / "quiet.csv", flags), check=True)
    if options.only == "quiet":
        return
    csv = options.folder / "busy.csv"
    csv.unlink(missing_ok=True)
    process = subprocess.Popen(measuring(options, csv, flags))
    busy: list[subprocess.Popen[bytes]] = []
    while process.poll() is None:
        if not busy and rows_in(csv) >= options.rows // 2:
            print(f"\nbusy processes start after row {rows_in(csv) - 1}", flush=True)
            busy = start_busy(options.busy_seconds)
        time.sleep(0.2)
    for one in busy:
        one.wait()
    if process.returncode:
        raise SystemExit(process.returncode)


if __name__ == "__main__":
    main()
