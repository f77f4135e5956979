"""Package metadata. ``requirements.txt`` holds the pins that ``make setup`` installs."""

import re
from pathlib import Path

from setuptools import find_packages, setup

root = Path(__file__).parent
version_file = (root / "hat" / "version.py").read_text(encoding="utf-8")
(version,) = re.findall(r'^__version__ = "(.+)"$', version_file, flags=re.MULTILINE)

setup(
    name="hat",
    version=version,
    description="Hardware-aware Transformer architecture search: train one supernet, measure "
    "your device, find the Transformer that translates best under your latency budget",
    long_description=(root / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.11",
    packages=find_packages(include=["hat", "hat.*"]),
    package_data={"hat": ["py.typed"]},
    install_requires=["torch", "numpy", "PyYAML", "ConfigArgParse", "tqdm", "safetensors"],
    extras_require={
        "translation": [
            *("fairseq-fixed", "sacrebleu", "sacremoses", "subword-nmt", "fastBPE"),
            "sentencepiece",
            *("num2words", "tensorboardX"),
        ],
        "analysis": ["scikit-learn", "scipy", "matplotlib", "pymoo", "h5py", "protobuf"],
        "pictures": ["foolbox", "pillow"],
        "bench": ["ctranslate2"],
    },
    entry_points={"console_scripts": ["hat = hat.cli.main:main"]},
)
