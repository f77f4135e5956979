"""The caches that grow with the number of shapes: small in every process that imports hat."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hat.machine.shape_caches import CAPACITIES

ROOT = Path(__file__).resolve().parents[2]


def run_python(*words: str, **environment: str) -> str:
    """Returns the output of ``python WORDS`` without the variables that hat has set here."""
    own = {name: value for name, value in os.environ.items() if name not in CAPACITIES}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**own, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout


ENTRIES = {
    "import": "import hat",
    "command": "import hat.cli",
    "script": "import runpy; runpy.run_path('train.py', run_name='x')",
    "user-dir": "from argparse import Namespace; from fairseq.utils import import_user_module; "
    "import_user_module(Namespace(user_dir='hat/fairseq_plugin'))",
}
"""What each way into hat imports first."""


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_point_bounds_the_caches(entry: str) -> None:
    code = f"{ENTRIES[entry]}; import json, os; print(json.dumps(dict(os.environ)))"
    environment = json.loads(run_python("-c", code).splitlines()[-1])
    assert {name: environment.get(name) for name in CAPACITIES} == CAPACITIES


def test_what_the_user_has_set_stays() -> None:
    code = "import hat, os; print(os.environ['LRU_CACHE_CAPACITY'])"
    assert run_python("-c", code, LRU_CACHE_CAPACITY="99").strip() == "99"


@pytest.mark.numbers
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_memory_does_not_grow_with_the_number_of_shapes() -> None:
    # With the libraries' own capacities it is 150 MiB in fp32 and 205 MiB in bf16.
    assert float(run_python("-m", "tests.shape_growth")) < 30
