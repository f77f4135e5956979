"""hat: hardware-aware Transformer architecture search."""

from hat.version import __version__

__all__ = ["__version__"]
