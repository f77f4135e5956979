"""A device behind ssh that needs Python, numpy and the package of an engine, nothing of hat's."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from hat.arch.config import SubTransformerConfig
from hat.errors import ConfigError, HatError
from hat.latency.samples import LatencySample
from hat.latency.workload import Workload
from hat.measuring.devices.base import DeviceSettings
from hat.measuring.devices.ssh_address import SshAddress
from hat.measuring.timing import Timing
from hat.settings import NO_OUTCOME, Shown

if TYPE_CHECKING:
    from hat.engines.base import Engine
    from hat.measuring.devices.ssh_session import SshSession
    from hat.models.super_transformer import SuperTransformer


_BUNDLE_BYTES = 512 * 2**20
"""Of networks on the device that wait for their turn."""


@dataclass(frozen=True, kw_only=True)
class SshSettings(DeviceSettings):
    """How a device is reached."""

    ssh_config: Annotated[Path | None, Shown("FILE"), NO_OUTCOME] = None
    """configuration of ssh to use instead of your own, for its keys and known hosts"""


class SshDevice:
    """A machine with Python 3.10, numpy, an engine's package and an ssh server.

    The folder of the address is where files lie for as long as the connection does. If it is a
    virtual environment (has ``bin/python``), that Python is used, else ``python3``.
    """

    Settings: ClassVar[type[DeviceSettings]] = SshSettings
    name: ClassVar[str] = "ssh"
    is_here: ClassVar[bool] = False

    def __init__(self, settings: SshSettings) -> None:
        self.settings = settings
        self.address = SshAddress.of(settings.device)
        if settings.ssh_config is not None and not settings.ssh_config.is_file():
            raise ConfigError(f"--ssh-config {settings.ssh_config}: there is no such file")

    @classmethod
    def build(cls, settings: SshSettings) -> "SshDevice":
        """Makes the part."""
        return cls(settings)

    def signature(self) -> dict[str, Any]:
        """See ``Device``: where files lie decides nothing."""
        return {"device": self.name}

    @contextmanager
    def open(self, model: "SuperTransformer", workload: Workload) -> "Iterator[OpenSsh]":
        """See ``Device``."""
        from hat.measuring.devices.bundle import scripts_for
        from hat.measuring.devices.ssh_session import SshSession
        from hat.measuring.engines import check_length, engine_of, settled

        if workload.device != "cpu":
            raise ConfigError(f"--device {self.address.text} measures on its CPU: use --latcpu")
        if workload.int8_range == "full":
            raise ConfigError(
                f"--device {self.address.text}: whether int8 of the full range is right there is "
                "not known; leave the range to the engine"
            )
        engine = engine_of(workload)
        scripts = scripts_for(engine)
        check_length(workload, model.config)
        workload = settled(workload)
        with SshSession(self.address, self.settings.ssh_config, scripts) as session:
            yield OpenSsh(session, model, engine, workload)


class OpenSsh:
    """See ``hat.measuring.devices.base.OpenDevice``.

    The networks that were timed last stay on the device: the reference is timed again and again.
    """

    def __init__(
        self, session: "SshSession", model: "SuperTransformer", engine: "Engine", workload: Workload
    ) -> None:
        self._session, self._model, self._engine = session, model, engine
        self.workload = replace(workload, engine_version=session.version)
        self.facts: dict[str, Any] = {
            **session.facts,
            "address": session.address.text,
            "num_threads": workload.num_threads,
        }
        self._names: dict[SubTransformerConfig, str] = {}
        self._times: dict[SubTransformerConfig, int] = {}
        self._coming: list[SubTransformerConfig] = []
        self._sent = 0

    def measure(
        self, arch: SubTransformerConfig, report: Callable[[str], None] | None = None
    ) -> LatencySample:
        """See ``OpenDevice``."""
        from hat.measuring.engines import source_tokens

        self._send(arch)
        self._times[arch] += 1
        found = self._session.ask(
            do="time",
            name=self._names[arch],
            workload=self.workload.to_dict(),
            source=source_tokens(self.workload),
        )
        if "error" in found:
            raise HatError(
                f"{self._session.address.text}: the device could not run a network: "
                f"{found['reason']}"
            )
        encoder, decoder = Timing(*found["encoder"]), Timing(*found["decoder"])
        if report is not None:
            report(encoder.told("Encoder"))
            report(decoder.told("Decoder"))
        energy_mj = None
        if encoder.joules is not None and decoder.joules is not None:
            energy_mj = 1e3 * (encoder.joules + decoder.joules)
        return LatencySample.of(
            arch,
            encoder_ms=encoder.mean_ms,
            decoder_ms=decoder.mean_ms,
            encoder_std_ms=encoder.std_ms or 0.0,
            decoder_std_ms=decoder.std_ms or 0.0,
            measured_at=time(),
            memory_mib=found["memory_mib"],
            energy_mj=energy_mj,
            is_cut_off=encoder.is_cut_off or decoder.is_cut_off,
        )

    def prepare(self, archs: Sequence[SubTransformerConfig]) -> None:
        """See ``OpenDevice``: they travel together, when the first of them is needed."""
        self._coming = list(archs)

    def _send(self, arch: SubTransformerConfig) -> None:
        """Sends a network and those to come, unless it is there.

        What was timed once makes room. Several travel in one bundle, as many as take little room
        on the device, which may be a small one.
        """
        from hat.measuring.devices.bundle import pack, unpacked_bytes
        from hat.models.extract import extract

        if arch in self._names:
            return
        timed = [other for other, times in self._times.items() if times == 1]
        if timed:
            self._session.ask(do="drop", names=[self._names.pop(other) for other in timed])
        for other in timed:
            del self._times[other]
        place = self._coming.index(arch) if arch in self._coming else len(self._coming)
        bundle: dict[str, bytes] = {}
        room = _BUNDLE_BYTES
        for each in dict.fromkeys([arch, *self._coming[place:]]):
            if each in self._names:
                continue
            content = pack(extract(self._model, each), self._engine)
            room -= unpacked_bytes(content)
            if bundle and room < 0:
                break
            name = f"network{self._sent}"
            self._sent += 1
            bundle[name] = content
            self._names[each], self._times[each] = name, 0
        sizes = {name: len(content) for name, content in bundle.items()}
        self._session.ask(*bundle.values(), do="keep", sizes=sizes)
