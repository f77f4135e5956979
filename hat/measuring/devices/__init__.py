"""Where latencies are measured, by the scheme of an address: ``local``, ``ssh://...``.

Each is a ``hat.measuring.devices.base.Device``.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hat.parts import Parts

if TYPE_CHECKING:
    from hat.measuring.devices.base import Device

_HERE = "hat.measuring.devices"

DEVICES: "Parts[Device]" = Parts(
    "device",
    "hat.devices",
    {
        "local": f"{_HERE}.local:LocalDevice",
        "ssh": f"{_HERE}.ssh:SshDevice",
    },
    needs=("name", "signature", "is_here", "open"),
)
"""This machine first."""


def device_at(settings: Any) -> "Device":
    """Returns the device whose address is ``settings.device``.

    Args:
        settings: of the kind that the device has, or of another kind of device with that address.

    Raises:
        ConfigError: if there is no device of that scheme, or the address is wrong.
    """
    from hat.settings import from_values

    name = scheme_of(settings.device)
    part = DEVICES.load(name)
    DEVICES.check_others([name], vars(settings), "--device")
    return part.build(from_values(part.Settings, vars(settings)))


def picked_device(given: Iterable[Any]) -> "Device":
    """Returns the device that settings of a call from Python name; this machine if none does.

    Raises:
        ConfigError: see ``device_at``.
    """
    from hat.settings import picked

    known = tuple(given)
    local: Any = DEVICES.load("local")
    address = picked(known, local.Settings)
    part: Any = DEVICES.load(scheme_of(address.device))
    own = picked(known, part.Settings)
    return device_at(own if own.device == address.device else address)


def scheme_of(address: str) -> str:
    """Returns the name of the device that an address speaks of: what stands before the colon."""
    return address.partition(":")[0]


def device_settings() -> dict[str, type]:
    """Returns the settings classes of all devices, by a title for their flags."""
    titles = {"device": DEVICES.load("local").Settings}
    for name in DEVICES:
        titles[f"--device {name}://..."] = DEVICES.load(name).Settings
    del titles["--device local://..."]
    return titles
