"""What is sent to a device: scripts that run there, and networks of the right sizes.

Latency does not depend on weights, so no checkpoint travels: matrices hold a short pattern again
and again, which packs a network of 200 MB into one or two.
"""

import io
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hat.engines.base import Engine
from hat.errors import ConfigError

if TYPE_CHECKING:
    from hat.models.super_transformer import SuperTransformer

_PERIOD, _SPREAD, _SEED = 1024, 0.03, 1

SCRIPTS = {
    "remote.py": "measuring/devices/remote.py",
    "timing.py": "measuring/timing.py",
    "resident.py": "measuring/resident.py",
    "energy.py": "machine/energy.py",
    "processor.py": "machine/processor.py",
}
"""By the name on the device, files of hat that import the standard library alone."""


def scripts_for(engine: Engine) -> dict[str, bytes]:
    """Returns the content of every script that a device needs, by name.

    Raises:
        ConfigError: if the engine needs hat itself.
    """
    if engine.script is None:
        raise ConfigError(
            f"the engine {engine.name} needs hat and torch on the device: choose --lat-engine "
            "onnxruntime or ctranslate2"
        )
    root = Path(__file__).parents[2]
    contents = {name: (root / path).read_bytes() for name, path in SCRIPTS.items()}
    return {**contents, "network.py": engine.script.read_bytes()}


def pack(small: "SuperTransformer", engine: Engine) -> bytes:
    """Returns a ZIP file of an extracted model as the engine writes it; its weights are lost.

    Raises:
        ConfigError: if the engine cannot represent it.
    """
    engine.check(small.config, small.arch)
    _fill(small)
    packed = io.BytesIO()
    with TemporaryDirectory(prefix="hat-bundle-") as folder:
        engine.write(small, Path(folder))
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for path in sorted(Path(folder).rglob("*")):
                if path.is_file():
                    archive.write(path, path.relative_to(folder).as_posix())
    return packed.getvalue()


def unpacked_bytes(content: bytes) -> int:
    """Returns how many bytes the files of a packed network take."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return sum(each.file_size for each in archive.infolist())


def _fill(small: "SuperTransformer") -> None:
    """Gives every matrix the same weights again and again; vectors keep what they begin with.

    Each begins elsewhere in the pattern, and has a scale of its own. CTranslate2 keeps equal
    matrices once, which would need less memory, and less of a cache, than the network does; and
    where only their scales are equal it writes int8 files that it cannot read.
    """
    import torch

    generator = torch.Generator().manual_seed(_SEED)
    pattern = _SPREAD * torch.randn(_PERIOD, generator=generator)
    with torch.no_grad():
        for place, weight in enumerate(small.parameters()):
            if weight.dim() > 1:
                times = -(-weight.numel() // _PERIOD)
                own = (1 + place / _PERIOD) * pattern.roll(place)
                weight.copy_(own.repeat(times)[: weight.numel()].view_as(weight))
