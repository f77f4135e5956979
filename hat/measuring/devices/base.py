"""What every device has: an address, and networks that it times one after the other."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol

from hat.arch.config import SubTransformerConfig
from hat.errors import HatError
from hat.latency.samples import LatencySample
from hat.latency.workload import Workload
from hat.settings import Settings, Shown

if TYPE_CHECKING:
    from hat.models.super_transformer import SuperTransformer


@dataclass(frozen=True, kw_only=True)
class DeviceSettings(Settings):
    """Where to measure."""

    device: Annotated[str, Shown("ADDRESS")] = "local"
    """where to measure: local, or ssh://user@host:port/folder of a device without hat"""


class DeviceGoneError(HatError):
    """The connection to a device ended while it was needed."""


class OpenDevice(Protocol):
    """A device that is ready to measure."""

    workload: Workload
    """What is timed there, with the version of the device's engine."""

    facts: dict[str, Any]
    """What the device tells of itself; ``name`` at least."""

    def prepare(self, archs: Sequence[SubTransformerConfig]) -> None:
        """Is told what will be timed next, in this order: it may travel together."""

    def measure(
        self, arch: SubTransformerConfig, report: Callable[[str], None] | None = None
    ) -> LatencySample:
        """Times one SubTransformer.

        Args:
            arch: what to time.
            report: takes a line for the encoder and one for the decoder.

        Raises:
            DeviceGoneError: if the device is gone.
            HatError: if the engine cannot run the network.
        """


class Device(Protocol):
    """A named part (``hat.parts``)."""

    name: ClassVar[str]
    """As in the table: the scheme of its addresses."""

    is_here: ClassVar[bool]
    """Whether it is this machine."""

    Settings: ClassVar[type[DeviceSettings]]

    @classmethod
    def build(cls, settings: Any) -> "Device":
        """Makes the part.

        Raises:
            ConfigError: if the address is wrong.
        """

    def signature(self) -> dict[str, Any]:
        """Returns what decides a latency besides what the open device tells of itself."""

    def open(
        self, model: "SuperTransformer", workload: Workload
    ) -> AbstractContextManager[OpenDevice]:
        """Makes the device ready to time what ``model`` holds.

        Args:
            model: whose sizes count; a device may give networks other weights.
            workload: what and how often.

        Raises:
            ConfigError: if the device cannot do the work, cannot be reached or lacks the engine.
        """
