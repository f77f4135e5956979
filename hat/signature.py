"""Signatures: what it takes to repeat a number, on one line beside the number."""

from hat.version import __version__


def signature(**parts: object) -> str:
    """Joins ``name:value`` pairs by ``|`` and ends with hat's version.

    Parts that are ``None`` are left out. As in sacreBLEU, equal signatures mean comparable
    numbers: ``task:multi30k|space:1f3c0a7b|seed:7|device:cpu|hat:0.1.0``.
    """
    named = [f"{name}:{value}" for name, value in parts.items() if value is not None]
    return "|".join([*named, f"hat:{__version__}"])
