"""What can run an extracted SubTransformer, by the name that flags and files use.

Each is a ``hat.engines.base.Engine``: it writes a network as files, opens them again without
running code from them, and translates or is timed.
"""

from typing import TYPE_CHECKING

from hat.parts import Parts

if TYPE_CHECKING:
    from hat.engines.base import Engine

_HERE = "hat.engines"

ENGINES: "Parts[Engine]" = Parts(
    "engine",
    "hat.engines",
    {
        "torch": f"{_HERE}.torch_engine:TorchEngine",
        "eager": f"{_HERE}.eager:EagerEngine",
        "onnxruntime": f"{_HERE}.onnxruntime_engine:OnnxruntimeEngine",
        "ctranslate2": f"{_HERE}.ctranslate2_engine:Ctranslate2Engine",
    },
    needs=("name", "about", "script", "check", "load", "write", "open", "signature"),
)
"""What needs nothing but hat first."""
