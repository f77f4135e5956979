"""Devices behind ssh that are not there, take nobody, or lack what runs a network."""

import getpass
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hat.measuring.devices import ssh_session
from tests.environments import environment_of, files_of
from tests.faults.fault import Fault, refused
from tests.measuring.devices.conftest import NEEDED, Server, server

__all__ = ["server"]

pytest.importorskip("onnxruntime")

SHORT = "--latiter 2 --lat-src-len 3 --lat-decode-steps 2 --lat-warmup 0 --lat-threads 1 --beam 1"
ENGINE = f"--latcpu --lat-engine onnxruntime {SHORT}"
COMMANDS = {
    "measure": f"latency measure --configs=space.yml --configs=sub.yml {ENGINE}",
    "dataset": (
        f"latency-dataset --configs=space.yml {ENGINE} --lat-dataset-path new.csv "
        "--lat-dataset-size 2 --lat-patience 0"
    ),
    "compare": (
        f"latency compare sub.yml --configs=space.yml --ckpt-path predictor.pt {ENGINE} "
        "--compare-rounds 2"
    ),
}


def _without_numpy(folder: Path) -> Path:
    return environment_of(folder, [])


def _without_engine(folder: Path) -> Path:
    return environment_of(folder, files_of(["numpy"]))


def _with_half_an_engine(folder: Path) -> Path:
    """What an installation that was cut off leaves."""
    names = {name.partition(".")[0] for name in NEEDED} | files_of(["numpy"])
    made = environment_of(folder, names)
    (package,) = made.glob("lib/python*/site-packages")
    (package / "onnxruntime").mkdir()
    (package / "onnxruntime" / "__init__.py").write_text("from .capi import *\n")
    return made


def _with_a_program(text: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").write_text(text)
        (folder / "bin" / "python").chmod(0o755)
        return folder

    return make


def _read_only(folder: Path) -> Path:
    return Path("/proc/self")


FOLDERS: dict[str, tuple[Callable[[Path], Path], tuple[str, ...]]] = {
    "no-numpy": (_without_numpy, ("the package numpy is missing there", "bin/python")),
    "no-engine": (_without_engine, ("the package onnxruntime is missing there", "bin/python")),
    "half-an-engine": (_with_half_an_engine, ("the package onnxruntime is missing there",)),
    "no-interpreter": (_with_a_program("#!/nowhere/python3\n"), ("no Python could be run there",)),
    "another-program": (
        _with_a_program("#!/bin/sh\necho '[1]'; exit 0\n"),
        ("what runs there gives no answer",),
    ),
    "prints-on": (_with_a_program("#!/bin/sh\nexec yes\n"), ("it sends what is no answer",)),
    "fails": (_with_a_program("#!/bin/sh\necho 'no licence' >&2; exit 5\n"), ("no licence",)),
    "nowhere": (lambda folder: folder / "nowhere", ("cannot be written there", "No such file")),
    "read-only": (_read_only, ("/proc/self cannot be written there",)),
}
"""What is wrong with the folder on the device."""


@pytest.mark.parametrize("name", FOLDERS)
def test_a_device_that_lacks_something(
    name: str, server: Server, good: Path, tmp_path: Path
) -> None:
    make, says = FOLDERS[name]
    folder = make(tmp_path / "device")
    address = server.address(folder)
    words = f"{COMMANDS['dataset']} --device={address} --ssh-config={server.config}"
    refused(Fault(name, words, (f"--device {address}", *says)), good, tmp_path)
    assert not list(tmp_path.glob("device/hat-*"))


CONFIGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "unknown-host": ("UserKnownHostsFile /dev/null", ("its host key is not known here", "ssh")),
    "no-key": ("IdentityFile /dev/null", ("it takes none of the keys that ssh offers",)),
    "nobody-listens": ("Port 1", ("it refuses the connection: is the ssh server running",)),
    "no-such-host": ("HostName nowhere.invalid", ("there is no host of that name",)),
    "not-a-configuration": ("Prot 22", ("configuration option",)),
    "proxy-fails": ("ProxyCommand false", ("ssh",)),
}
"""What the user's configuration of ssh says first, which wins."""


def test_a_device_without_python(tmp_path: Path) -> None:
    """Its shell ends as for a program that is not there; see ``no-interpreter``."""
    shell = shutil.which("sh")
    assert shell is not None
    command = [shell, "-c", ssh_session._SHELL, str(tmp_path), "print(1)"]
    assert subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True).returncode in (
        *(126, 127),
    )


REACHED = ("unknown-host", "nobody-listens")
"""Tried with every command."""


def test_a_device_that_says_nothing(
    server: Server, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_session, "_HELLO_S", 1.0)
    folder = _with_a_program("#!/bin/sh\nexec sleep 60\n")(tmp_path / "device")
    words = f"--device={server.address(folder)} --ssh-config={server.config}"
    says = ("what runs there gives no answer",)
    refused(Fault("silent", f"{COMMANDS['dataset']} {words}", says), good, tmp_path)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        *((name, "dataset") for name in CONFIGS),
        *((name, command) for name in REACHED for command in ("measure", "compare")),
    ],
)
def test_a_device_that_cannot_be_reached(
    name: str, command: str, server: Server, good: Path, tmp_path: Path
) -> None:
    first, says = CONFIGS[name]
    config = tmp_path / "config"
    key = first.split()[0]
    rest = [line for line in server.config.read_text().splitlines() if line.split()[0] != key]
    config.write_text("\n".join([first, *rest, f"Port {server.port}\n"]))
    address = f"ssh://{getpass.getuser()}@127.0.0.1/tmp"
    words = f"{COMMANDS[command]} --device={address} --ssh-config={config}"
    refused(Fault(name, words, (f"--device {address}", *says)), good, tmp_path)
