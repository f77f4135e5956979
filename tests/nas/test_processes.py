"""A search by several processes is the search of one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hat.arch.hat_yaml import load_arch
from tests.fairseq_plugin.conftest import ROOT

pytest.importorskip("fairseq")

SMALL = (
    *("--population-size", "10", "--parent-size", "3", "--mutation-size", "4", "--cpu"),
    *("--crossover-size", "3", "--evo-iter", "2", "--params-constraint", "95%"),
    *("--contest-seeds", "--rank-sample", "0", "--measure-finalists", "0"),
)
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")


def run(launcher: tuple[str, ...], *flags: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *launcher, "evo_search.py", *SMALL, *map(str, flags)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.stage
@pytest.mark.parametrize(
    "scorer", ["inherited-loss", pytest.param("bleu-greedy", marks=pytest.mark.slow)]
)
def test_processes_share_a_population(
    scorer: str, space_yml: Path, supernet: Path, tmp_path: Path
) -> None:
    found = {}
    for name, launcher in {"one": (), "two": TORCHRUN}.items():
        done = run(
            launcher,
            *(f"--configs={space_yml}", "--restore-file", supernet, "--scorer", scorer),
            *("--write-config-path", tmp_path / f"{name}.yml"),
        )
        assert done.returncode == 0, done.stderr[-2000:]
        # Only one of them speaks, and its last line is the result.
        assert done.stdout.count('"candidates": 17') == 1
        found[name] = (tmp_path / f"{name}.search" / "trials.jsonl").read_bytes()
    assert found["one"] == found["two"]
    assert load_arch(tmp_path / "one.yml") == load_arch(tmp_path / "two.yml")


@pytest.mark.stage
def test_an_error_ends_all_processes(space_yml: Path, supernet: Path, tmp_path: Path) -> None:
    done = run(
        TORCHRUN,
        *(f"--configs={space_yml}", "--restore-file", supernet, "--params-constraint", "1"),
        *("--write-config-path", tmp_path / "none.yml"),
    )
    assert done.returncode != 0
    assert "no candidate met the constraint params <= 1 " in done.stderr
    assert not (tmp_path / "none.yml").exists()
