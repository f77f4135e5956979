"""Addresses of devices, and the command that they become."""

import shlex
from pathlib import Path

import pytest

from hat.errors import ConfigError
from hat.measuring.devices import DEVICES, device_at, device_settings, picked_device
from hat.measuring.devices.base import DeviceSettings
from hat.measuring.devices.ssh import SshDevice, SshSettings
from hat.measuring.devices.ssh_address import SshAddress
from hat.measuring.devices.ssh_session import ssh_command


def test_an_address_and_its_command() -> None:
    address = SshAddress.of("ssh://pi@10.0.0.7:2222/home/pi/my%20env")
    assert (address.user, address.host, address.port) == ("pi", "10.0.0.7", 2222)
    command = ssh_command(address, Path("c"))
    assert command[0] == "ssh" and command[-3:-1] == ["--", "10.0.0.7"]
    assert "BatchMode=yes" in command and "StrictHostKeyChecking=yes" in command
    words = shlex.split(command[-1])
    assert words[:3] == ["exec", "sh", "-c"] and words[4] == "/home/pi/my env"
    short = SshAddress.of("ssh://box/srv")
    assert (short.user, short.port) == (None, None) and "-l" not in ssh_command(short, None)


@pytest.mark.parametrize(
    "folder", ["/x;touch y", "/$(touch y)", "/x' 'y", "/x`y`", "/a b", "/-rf", "/x&&y|z>w", "/%41"]
)
def test_a_folder_is_one_word_whatever_is_in_it(folder: str) -> None:
    quoted = folder.replace("%", "%25").replace("?", "%3F")
    command = ssh_command(SshAddress.of(f"ssh://box{quoted}"), None)
    assert shlex.split(command[-1])[4] == folder


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ssh://", "names no host"),
        ("ssh://box", "names no folder"),
        ("ssh://box/", "names no folder"),
        ("ssh://-oProxyCommand=x/f", "is no name and no number"),
        ("ssh://-l@box/f", "the user '-l' is no name"),
        ("ssh://a b@box/f", "is no name"),
        ("ssh://box:0/f", "the port 0 is none"),
        ("ssh://box:x/f", "is no address"),
        ("ssh://box:99999/f", "is no address"),
        ("ssh://me:secret@box/f", "holds a password"),
        ("ssh://box/f?x=1", "holds a"),
        ("ssh://box/f%0Ag", "cannot be printed"),
        ("ssh://bo$x/f", "is no name"),
    ],
)
def test_what_is_no_address_is_refused(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as caught:
        SshDevice(SshSettings(device=text))
    assert "ssh://user@host:port/folder" in str(caught.value)


def test_devices_are_found_by_scheme() -> None:
    assert device_at(DeviceSettings()).is_here
    assert isinstance(device_at(SshSettings(device="ssh://box/f")), SshDevice)
    with pytest.raises(ConfigError, match="unknown device 'telnet'"):
        device_at(DeviceSettings(device="telnet://box"))
    with pytest.raises(ConfigError, match="the device local has no address"):
        device_at(DeviceSettings(device="local:0"))
    assert set(DEVICES) == {"local", "ssh"} and len(device_settings()) == 2


def test_settings_of_a_call_name_a_device(tmp_path: Path) -> None:
    (tmp_path / "config").touch()
    full = SshSettings(device="ssh://box/f", ssh_config=tmp_path / "config")
    for given in ([full], [DeviceSettings(device="ssh://box/f"), full]):
        found = picked_device(given)
        assert isinstance(found, SshDevice) and found.settings == full
    assert picked_device([]).is_here and picked_device([SshSettings()]).is_here
    with pytest.raises(ConfigError, match="there is no such file"):
        SshDevice(SshSettings(device="ssh://box/f", ssh_config=tmp_path / "none"))
