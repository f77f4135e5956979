"""A full disk and one that cannot be written: one sentence, and the last good state stays.

The disks are real: small file systems in a namespace of their own, where this machine has them.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.test_outputs import writers  # noqa: F401  (a fixture)

ROOT = Path(__file__).resolve().parents[2]

_MOUNTS = ["unshare", "--user", "--map-root-user", "--mount"]


def _can_mount() -> bool:
    try:
        done = subprocess.run(
            [*_MOUNTS, "sh", "-c", "mount -t tmpfs none /mnt"], capture_output=True, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


pytestmark = pytest.mark.skipif(not _can_mount(), reason="no file system can be mounted here")

COMMANDS = {
    "predictor": "latency-predictor --lat-dataset-path lat.csv --ckpt-path disk/p.pt",
    "average": "average-checkpoints --inputs c.pt --output disk/mean.pt",
    "export": "export c.pt arch.yml disk/m --data numbers_en_fr --bpe-codes codes --tokeniser none",
    "train": "train --configs=space.yml --save-dir disk/super",
    "dataset": (
        "latency-dataset --configs lat.yml --lat-threads 1 --lat-dataset-path disk/lat.csv "
        "--lat-dataset-size 40"
    ),
    "search": (
        "search --configs space.yml --restore-file net.pt --ckpt-path predictor.pt --cpu "
        "--latency-constraint 1000 --write-config-path disk/best.yml --evo-iter 3 "
        "--population-size 9 --parent-size 3 --mutation-size 3 --crossover-size 3 "
        "--measure-finalists 0 --rank-sample 0 --contest-seeds 0"
    ),
    "numbers": (
        "prepare numbers --source-lang en --target-lang fr --train 3000 --merges 9 "
        "--text-dir disk/text"
    ),
    "binarise": (
        "prepare binarise --source-lang xx --target-lang yy --text-dir text --binary-dir disk/bin"
    ),
    "configs": "configs copy disk",
    "convert": "nasbench convert records.tfrecord disk/nb.h5 --quiet",
    "epsinas": "epsinas nasbench201 --data cells.csv.gz --limit 8 --plot disk/x.png",
}
"""They write more than the disk holds."""

GOES_ON = ("train", "dataset", "search", "numbers")
"""What is whole stays there, to go on with."""

FAST = ("configs", "convert")

SCRIPT = """
size=$1 mode=$2; shift 2
mount -t tmpfs -o size=$size none disk && echo good > disk/kept || exit 99
[ $mode = rw ] || mount -o remount,ro disk || exit 99
"$@"; code=$?
(cd disk && find . -mindepth 1 | sort) > left
cat disk/kept >> left
exit $code
"""

SIZES = {"train": "160k", "dataset": "16k", "search": "16k", "predictor": "4k", "binarise": "16k"}


def on_a_disk(words: str, world: Path, size: str, mode: str) -> tuple[int, str, list[str]]:
    """Runs ``hat WORDS`` where ``disk`` is a file system of its own, which holds a file.

    Returns:
        The exit code, what it printed as errors, and the names in ``disk`` afterwards.
    """
    (world / "disk").mkdir()
    done = subprocess.run(
        [
            *(*_MOUNTS, "sh", "-c", SCRIPT, "sh", size, mode),
            *(sys.executable, "-m", "hat.cli", *words.split()),
        ],
        cwd=world,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=300,
        check=False,
    )
    *left, kept = (world / "left").read_text().split()
    assert kept == "good"
    return done.returncode, done.stderr, left


@pytest.mark.stage
@pytest.mark.parametrize("mode", ["full", "read-only"])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in FAST else pytest.mark.slow, id=name)
        for name in COMMANDS
    ],
)
def test_a_disk_that_takes_nothing_more(
    name: str,
    mode: str,
    writers: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    world = tmp_path / "world"
    shutil.copytree(writers, world)
    size, rights = (SIZES.get(name, "24k"), "rw") if mode == "full" else ("4m", "ro")
    code, said, left = on_a_disk(COMMANDS[name], world, size, rights)
    assert code == 2, said
    sentences = [line for line in said.splitlines() if "error: " in line]
    assert len(sentences) == 1 and "Traceback" not in said, said
    why = "No space left on device" if mode == "full" else "Read-only file system"
    assert re.search(rf"error: disk\S*: cannot be written: {why}$", sentences[0]), said
    if mode == "full" and name in GOES_ON:
        left = [each for each in left if re.search(r"\.(lock|tmp|old)$", each)] + ["./kept"]
    assert left == ["./kept"], said
