"""Build a wheel of the pinned fairseq fork with only the compiled parts that hat uses.

fairseq compiles six extensions. Three of them (``libbase``, ``libnat`` and the alignment
trainer) serve models that hat does not have, include all of torch's C++ headers, and take
about four fifths of the build time. This script downloads the source distribution with pip,
runs its own ``setup.py`` with the other three extensions only, and leaves a wheel.

    python tools/build_fairseq.py fairseq-fixed==0.12.3.1 WHEEL_DIR

Needs torch, numpy, cython, setuptools and wheel in the running interpreter.
"""

import os
import runpy
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import setuptools

NEEDED_EXTENSIONS = (
    "fairseq.libbleu",
    "fairseq.data.data_utils_fast",
    "fairseq.data.token_block_utils_fast",
)


def download(requirement: str, folder: Path) -> Path:
    """Unpacks the source distribution of ``requirement`` and returns its root folder."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary"]
    command += [requirement.split("==")[0], "--no-build-isolation", "--dest", str(folder)]
    subprocess.run([*command, requirement], check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "source", filter="data")
    (root,) = (folder / "source").iterdir()
    return root


def build(root: Path, wheel_dir: Path) -> None:
    """Runs the distribution's ``setup.py bdist_wheel`` without the unused extensions."""
    original_setup = setuptools.setup

    def setup_with_needed_extensions(**kwargs: object) -> None:
        modules = kwargs["ext_modules"]
        assert isinstance(modules, list)
        kwargs["ext_modules"] = [m for m in modules if m.name in NEEDED_EXTENSIONS]
        original_setup(**kwargs)

    setuptools.setup = setup_with_needed_extensions
    os.chdir(root)
    sys.path.insert(0, str(root))
    sys.argv = ["setup.py", "--quiet", "bdist_wheel", "--dist-dir", str(wheel_dir)]
    runpy.run_path("setup.py", run_name="__main__")


def main() -> None:
    """Entry point: requirement and wheel folder from the command line."""
    if len(sys.argv) != 3:
        sys.exit("usage: python tools/build_fairseq.py NAME==VERSION WHEEL_DIR")
    requirement, wheel_dir = sys.argv[1], Path(sys.argv[2]).resolve()
    wheel_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        build(download(requirement, Path(folder)), wheel_dir)


if __name__ == "__main__":
    main()
