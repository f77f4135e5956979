"""This machine."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from hat.arch.config import SubTransformerConfig
from hat.errors import ConfigError
from hat.latency.samples import LatencySample
from hat.latency.workload import Workload
from hat.measuring.devices.base import DeviceSettings

if TYPE_CHECKING:
    from hat.models.super_transformer import SuperTransformer


class LocalDevice:
    """The machine that hat runs on; networks are timed in its own process."""

    Settings: ClassVar[type[DeviceSettings]] = DeviceSettings
    name: ClassVar[str] = "local"
    is_here: ClassVar[bool] = True

    def __init__(self, settings: DeviceSettings) -> None:
        if settings.device != self.name:
            raise ConfigError(f"the device local has no address, but found {settings.device!r}")
        self.settings = settings

    @classmethod
    def build(cls, settings: DeviceSettings) -> "LocalDevice":
        """Makes the part."""
        return cls(settings)

    def signature(self) -> dict[str, Any]:
        """See ``Device``. The machine's name stands in its facts."""
        return {}

    @contextmanager
    def open(self, model: "SuperTransformer", workload: Workload) -> "Iterator[OpenLocal]":
        """See ``Device``."""
        from hat.measuring.device import check_device
        from hat.measuring.engines import check_length
        from hat.measuring.precision import check_precision

        check_device(workload.device)
        check_length(workload, model.config)
        check_precision(workload)
        yield OpenLocal(model, workload)


class OpenLocal:
    """See ``hat.measuring.devices.base.OpenDevice``."""

    def __init__(self, model: "SuperTransformer", workload: Workload) -> None:
        from hat.measuring.device import device_facts
        from hat.measuring.engines import settled

        self._model = model
        self.workload = settled(workload)
        self.facts = device_facts(workload.device, workload.num_threads)

    def prepare(self, archs: Sequence[SubTransformerConfig]) -> None:
        """See ``OpenDevice``: nothing has to travel."""

    def measure(
        self, arch: SubTransformerConfig, report: Callable[[str], None] | None = None
    ) -> LatencySample:
        """See ``OpenDevice``."""
        from hat.measuring.measure import measure

        return measure(self._model, arch, self.workload, report=report)
