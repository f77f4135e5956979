"""What to install where a package is missing: the wheel comes without what training needs."""

import importlib.util

from hat.version import DISTRIBUTION

BUILD_FAIRSEQ = "hat build-fairseq wheels"
"""What a user types before installing the extra of training."""

EXTRAS = {
    "fairseq": "train",
    "fairseq_cli": "train",
    "fastBPE": "train",
    "num2words": "train",
    "tensorboardX": "train",
    "foolbox": "pictures",
    "PIL": "pictures",
    "onnx": "engines",
    "onnxruntime": "engines",
    "ctranslate2": "engines",
}
"""Module -> the extra that brings it."""


def install_command(extra: str) -> str:
    """Returns what a user types for an extra; training wants fairseq built before."""
    if extra != "train":
        return f'pip install "{DISTRIBUTION}[{extra}]"'
    command = f'pip install --no-build-isolation --find-links wheels "{DISTRIBUTION}[{extra}]"'
    built = importlib.util.find_spec("fairseq") is not None
    return command if built else f"{BUILD_FAIRSEQ}, then {command}"


def missing_package(error: ModuleNotFoundError) -> str | None:
    """Returns the sentence about a module that an extra would bring; None for any other module."""
    module = (error.name or "").partition(".")[0]
    if module not in EXTRAS:
        return None
    extra = EXTRAS[module]
    return (
        f"this needs the package {module}, which is not installed; the extra {extra!r} brings it: "
        f"{install_command(extra)}"
    )
