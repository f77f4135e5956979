import os
import subprocess
import sys

import pytest

from hat.machine.threads import cores


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "100000 100000\n"}, 1),
        ({"cpu.max": "20000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "nonsense"}, None),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)
def test_a_control_group_limits_the_cores(tmp_path, monkeypatch, files, limit):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert cores(tmp_path) == (8 if limit is None else limit)


def test_the_system_s_own_limit_holds_as_well(tmp_path, monkeypatch):
    (tmp_path / "cpu.max").write_text("800000 100000")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert cores(tmp_path) == 1


@pytest.mark.parametrize(("given", "expected"), [(None, str(cores())), ("7", "7")])
def test_importing_hat_sets_the_threads_unless_the_user_has(given, expected):
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    if given is not None:
        environment["OMP_NUM_THREADS"] = given
    code = "import hat, os; print(os.environ['OMP_NUM_THREADS'])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected
