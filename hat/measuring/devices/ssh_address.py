"""Addresses of devices behind ssh: checked so that no part of one can be an option or a command."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from hat.errors import ConfigError

_EXPECTED = "ssh://user@host:port/folder, of which user and port may be missing"
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_IPV6 = re.compile(r"[0-9A-Fa-f:]+(%[A-Za-z0-9]+)?")


@dataclass(frozen=True)
class SshAddress:
    """Where a device is."""

    text: str
    host: str
    user: str | None
    port: int | None
    folder: str
    """An absolute path on the device."""

    @classmethod
    def of(cls, text: str) -> "SshAddress":
        """Reads an address.

        Raises:
            ConfigError: if it is none, saying what is wrong.
        """

        def refuse(what: str) -> ConfigError:
            return ConfigError(f"--device {text!r}: {what}; expected {_EXPECTED}")

        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise refuse("is no address") from None
        if parts.scheme != "ssh" or not parts.hostname:
            raise refuse("names no host")
        if parts.password is not None:
            raise refuse("holds a password, which ssh never takes from a command: use a key")
        if parts.query or parts.fragment:
            raise refuse("holds a '?' or a '#'")
        host = parts.hostname
        if not (_HOST.fullmatch(host) or _IPV6.fullmatch(host)):
            raise refuse(f"the host {host!r} is no name and no number")
        user = parts.username
        if user is not None and not _USER.fullmatch(user):
            raise refuse(f"the user {user!r} is no name")
        if port == 0:
            raise refuse("the port 0 is none")
        folder = unquote(parts.path)
        if folder in ("", "/"):
            raise refuse("names no folder to work in")
        if any(not sign.isprintable() for sign in folder):
            raise refuse("the folder holds signs that cannot be printed")
        return cls(text, host, user, port, folder)
