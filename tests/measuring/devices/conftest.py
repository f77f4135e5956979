"""A device of our own: an ssh server on the loopback address, and a Python without torch."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.environments import environment_of, files_of

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
PACKAGES = ("numpy", "onnxruntime")
"""All that the device has, with what these import."""

NEEDED = ("flatbuffers", "packaging", "google.protobuf")


@dataclass
class Server:
    """An ssh server that takes one key."""

    port: int
    config: Path
    """Of the client."""

    known_hosts: Path
    process: subprocess.Popen[bytes]

    def address(self, folder: Path) -> str:
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{folder}"

    def drop_connections(self) -> None:
        """Kills what serves connections, as a network that breaks does."""
        for child in children(self.process.pid):
            os.kill(child, signal.SIGKILL)


def children(parent: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent:
                found.append(int(folder.name))
    return found


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if SSHD is None or shutil.which("ssh") is None or shutil.which("ssh-keygen") is None:
        pytest.skip("there is no ssh server here (Debian: openssh-server)")
    folder = tmp_path_factory.mktemp("ssh")
    for name in ("host", "user"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(make, check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/user.pub\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "PermitRootLogin prohibit-password\nLogLevel ERROR\n"
        # A profile that prints, as many do.
        'ForceCommand echo "welcome"; echo "{}"; eval "$SSH_ORIGINAL_COMMAND"\n'
    )
    # As root the server wants a folder that is not there where it never ran as a service.
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "sshd_config")])
    known = folder / "known_hosts"
    key = (folder / "host.pub").read_text().split()
    known.write_text(f"[127.0.0.1]:{port} {key[0]} {key[1]}\n")
    config = folder / "config"
    config.write_text(
        f"IdentityFile {folder}/user\nIdentitiesOnly yes\nUserKnownHostsFile {known}\n"
        "GlobalKnownHostsFile /dev/null\nLogLevel ERROR\n"
    )
    try:
        for _ in range(100):
            if process.poll() is not None:
                pytest.skip("the ssh server does not start here")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield Server(port, config, known, process)
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with ONNX Runtime, numpy, and what these import."""
    return _environment(tmp_path_factory, PACKAGES, NEEDED)


@pytest.fixture(scope="session")
def ctranslate2_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with CTranslate2."""
    return _environment(tmp_path_factory, ("numpy", "ctranslate2"), ("yaml",))


def _environment(
    tmp_path_factory: pytest.TempPathFactory, packages: Sequence[str], needed: Sequence[str]
) -> Path:
    for package in (*packages, *needed):
        pytest.importorskip(package)
    names = {name.partition(".")[0] for name in needed}
    return environment_of(tmp_path_factory.mktemp("device") / "venv", names | files_of(packages))
