"""Package metadata. ``requirements.txt`` holds the pins that ``make setup`` installs."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

root = Path(__file__).parent
version_file = (root / "hat" / "version.py").read_text(encoding="utf-8")
(version,) = re.findall(r'^__version__ = "(.+)"$', version_file, flags=re.MULTILINE)


class BuildWithConfigs(build_py):
    """Puts ``configs/`` into the wheel, where ``hat configs`` finds it."""

    def run(self) -> None:
        """Builds the package, then copies."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "hat" / "configs"
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(root / "configs", target)


setup(
    name="hat-nas",
    version=version,
    description="Hardware-aware Transformer architecture search: train one supernet, measure "
    "your device, find the Transformer that translates best under your latency budget",
    long_description=(root / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.11",
    packages=find_packages(include=["hat", "hat.*"]),
    package_data={"hat": ["py.typed", "cli/options.json", "page/templates/*"]},
    cmdclass={"build_py": BuildWithConfigs},
    install_requires=[
        *("torch", "numpy", "scipy", "scikit-learn", "pymoo", "matplotlib"),
        *("PyYAML", "ConfigArgParse", "shtab", "tqdm", "Jinja2", "MarkupSafe"),
        *("safetensors", "h5py", "protobuf"),
        *("sacrebleu", "sacremoses", "subword-nmt", "sentencepiece"),
    ],
    extras_require={
        # fairseq is built first: see README
        "train": ["fairseq-fixed==0.12.3.1", "fastBPE", "num2words", "tensorboardX"],
        "pictures": ["foolbox", "pillow"],
        "engines": ["onnx", "onnxruntime", "ctranslate2"],
    },
    entry_points={"console_scripts": ["hat = hat.cli.main:main"]},
)
