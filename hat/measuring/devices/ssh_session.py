"""A conversation with a device over the system's ssh client: orders go there, answers come back."""

import contextlib
import json
import shlex
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any

from hat.errors import ConfigError
from hat.measuring.devices.base import DeviceGoneError
from hat.measuring.devices.ssh_address import SshAddress

_OPTIONS = (
    *("-T", "-x", "-a"),
    *("-o", "BatchMode=yes"),
    *("-o", "StrictHostKeyChecking=yes"),
    *("-o", "ClearAllForwardings=yes"),
    *("-o", "PermitLocalCommand=no"),
    *("-o", "ConnectTimeout=20"),
    *("-o", "ServerAliveInterval=15"),
    *("-o", "ServerAliveCountMax=4"),
)
"""Never asks, never trusts a host that is not known, notices within a minute that it is gone."""

_SHELL = (
    'if [ -x "$0/bin/python" ]; then exec "$0/bin/python" -u -B -c "$1" "$0"; fi; '
    'exec python3 -u -B -c "$1" "$0"'
)
"""Run by sh on the device with the folder as ``$0`` and ``_BEGIN`` as ``$1``."""

_BEGIN = """
import json, os, shutil, sys, tempfile
stream = sys.stdin.buffer
sizes = json.loads(stream.readline())
try:
    folder = tempfile.mkdtemp(prefix="hat-", dir=sys.argv[1])
except OSError as error:
    print(json.dumps({"error": "folder", "reason": error.strerror}))
    sys.exit(3)
try:
    for name, size in sizes.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(stream.read(size))
    sys.path.insert(0, folder)
    import remote
    remote.serve(stream, folder)
except BrokenPipeError:
    pass
finally:
    shutil.rmtree(folder, ignore_errors=True)
"""
"""Puts the scripts into a folder of their own, which goes when the connection does."""

_HELLO_S = 120.0
"""How long the device may take to import the engine's package, and to say so."""

_PROFILE_LINES, _LONGEST_LINE = 1000, 1 << 16
"""How much a shell's profile may print before."""

_REASONS = {
    "Host key verification failed": "its host key is not known here, or is another one than it "
    "was: connect once with ssh yourself, compare the key, and try again",
    "Permission denied": "it takes none of the keys that ssh offers: set up a key without a "
    "passphrase, or an agent",
    "Could not resolve hostname": "there is no host of that name",
    "Connection refused": "it refuses the connection: is the ssh server running, on that port?",
    "timed out": "it does not answer",
    "No route to host": "there is no way to it",
}


class SshSession:
    """An ssh client that runs our scripts on a device, for as long as the context is open."""

    facts: dict[str, Any]
    """What the device tells of itself."""

    version: str
    """Of the engine's package there."""

    def __init__(
        self, address: SshAddress, config: Path | None, scripts: Mapping[str, bytes]
    ) -> None:
        """Args: address: where; config: of ssh, instead of the user's; scripts: what to run."""
        self.address = address
        self._scripts = scripts
        self._errors = TemporaryFile()  # noqa: SIM115  closed with the session
        self._command = ssh_command(address, config)

    def __enter__(self) -> "SshSession":
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                # An interrupt is for hat, which ends the client itself.
                start_new_session=True,
            )
        except FileNotFoundError:
            raise ConfigError(
                f"--device {self.address.text} needs the program ssh, which is not installed here"
            ) from None
        try:
            self._begin()
        except BaseException:
            self._end()
            raise
        return self

    def _begin(self) -> None:
        sizes = {name: len(content) for name, content in self._scripts.items()}
        try:
            self._write(json.dumps(sizes).encode() + b"\n", *self._scripts.values())
            hello = self._hello()
        except DeviceGoneError:
            raise ConfigError(f"--device {self.address.text}: {self._why()}") from None
        if hello.get("error") == "folder":
            raise ConfigError(
                f"--device {self.address.text}: the folder {self.address.folder} cannot be "
                f"written there: {hello['reason']}"
            )
        if hello.get("error") == "import":
            package = str(hello["package"]).partition(".")[0]
            raise ConfigError(
                f"--device {self.address.text}: the package {package} is missing there or broken "
                f"({hello['reason']}): install it for {hello['python']}"
            )
        self.facts, self.version = dict(hello["facts"]), str(hello["version"])

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> None:
        """Ends the conversation: the device removes its files when its input ends."""
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        self._errors.close()

    def ask(self, *contents: bytes, **order: Any) -> dict[str, Any]:
        """Gives an order and returns the answer.

        Args:
            contents: bytes that belong to it; the order says how many.
            order: JSON values.

        Raises:
            DeviceGoneError: if the connection ends.
        """
        line = json.dumps(order).encode() + b"\n"
        try:
            self._write(line, *contents)
            return self._answer()
        except DeviceGoneError:
            raise DeviceGoneError(
                f"{self.address.text}: the connection ended ({self._why()})"
            ) from None

    def _write(self, *parts: bytes) -> None:
        assert self._process.stdin is not None
        try:
            for part in parts:
                self._process.stdin.write(part)
            self._process.stdin.flush()
        except OSError:
            raise DeviceGoneError("cannot be written to") from None

    def _hello(self) -> dict[str, Any]:
        """The first answer; what a shell's profile prints before it is passed over."""
        assert self._process.stdout is not None
        # What reads no input, or prints without end, is no Python of ours.
        timer = threading.Timer(_HELLO_S, self._process.kill)
        timer.start()
        try:
            for _ in range(_PROFILE_LINES):
                line = self._process.stdout.readline(_LONGEST_LINE)
                if not line:
                    break
                with contextlib.suppress(ValueError):
                    found = json.loads(line)
                    if isinstance(found, dict) and {"ready", "error"} & found.keys():
                        return found
        finally:
            timer.cancel()
        raise DeviceGoneError("no answer")

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        try:
            found = json.loads(line)
        except ValueError:
            raise DeviceGoneError("no answer") from None
        if not isinstance(found, dict):
            raise DeviceGoneError("no answer")
        return found

    def _why(self) -> str:
        """What ssh or the device said last, in words that help."""
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return "it sends what is no answer"
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace")
        for sign, reason in _REASONS.items():
            if sign in said:
                return reason
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        last = lines[-1] if lines else f"what runs there gives no answer (exit code {code})"
        return f"no Python could be run there: {last}" if code in (126, 127) else last


def ssh_command(address: SshAddress, config: Path | None) -> list[str]:
    """Returns the arguments that start ssh; the device's shell gets one quoted command."""
    command = ["ssh", *_OPTIONS]
    if config is not None:
        command += ["-F", str(config)]
    if address.port is not None:
        command += ["-p", str(address.port)]
    if address.user is not None:
        command += ["-l", address.user]
    # On one line: not every login shell takes a quoted word over several.
    begin = f"exec({json.dumps(_BEGIN)})"
    inside = shlex.join(["exec", "sh", "-c", _SHELL, address.folder, begin])
    return [*command, "--", address.host, inside]
