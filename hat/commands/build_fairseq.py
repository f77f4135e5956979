"""``hat build-fairseq``: a wheel of the pinned fairseq, built against the torch that is installed.

pip alone would fetch a second torch to compile against, and compile six extensions for minutes.
Three of them (``libbase``, ``libnat`` and the alignment trainer) serve models that hat does not
have, include all of torch's C++ headers and take about four fifths of the time; they are left out.

It needs torch, numpy, Cython, setuptools and wheel in the running interpreter, and of hat nothing
but this file's imports: ``make setup`` runs it before anything else is installed.
"""

import hashlib
import importlib.util
import os
import runpy
import subprocess
import sys
import tarfile
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hat.cli.console import command
from hat.cli.help import Parser
from hat.errors import ConfigError, DataError
from hat.files import real_path

NAME, VERSION = "fairseq-fixed", "0.12.3.1"

SHA256 = "c607577a54ab30e2ee0f0b0a754ea5cdbc6ad0a9f99a1726638a2201445bc1cc"
"""Of the source distribution: it is one upload by one person, so no other file is built."""

BUILT_VERSION = f"{VERSION}+hat3"
"""What the wheel calls itself: the release, with the patches below."""

NEEDED_EXTENSIONS = (
    "fairseq.libbleu",
    "fairseq.data.data_utils_fast",
    "fairseq.data.token_block_utils_fast",
)

UNUSED_REQUIREMENTS = ("cython", "torchaudio")
"""The first only builds; the second is for speech, and each release of it wants one of torch."""


@dataclass(frozen=True)
class Patch:
    """One text of one file that is replaced; the build fails where it is not there exactly once."""

    file: str
    old: str
    new: str


_AUDIO_METRICS = "from sklearn import metrics as sklearn_metrics"
_SENTENCES = "fairseq/criterions/sentence_prediction.py"
_F1 = "from sklearn.metrics import f1_score"
_MATTHEWS = "from sklearn.metrics import matthews_corrcoef as _matthews_corrcoef"
_CORRELATIONS = "from scipy.stats import pearsonr, spearmanr"

PATCHES = (
    # torch deprecates both names since 2.4 and will drop them; the new ones came with 2.3.
    Patch(
        "fairseq/tasks/fairseq_task.py",
        "torch.cuda.amp.autocast(enabled=",
        'torch.amp.autocast("cuda", enabled=',
    ),
    Patch(
        "fairseq/optim/amp_optimizer.py",
        "torch.cuda.amp.GradScaler(",
        'torch.amp.GradScaler("cuda", ',
    ),
    # Where there is a GPU it takes that one even for weights on the CPU, and then fails.
    Patch(
        "fairseq/utils.py",
        "                device = torch.cuda.current_device()",
        "                device = grads[0].device",
    ),
    # Every program that imports fairseq waited for scikit-learn and SciPy's statistics, a quarter
    # of its start, for metrics that hat has no use for: they are imported where they are computed.
    Patch("fairseq/tasks/audio_classification.py", f"{_AUDIO_METRICS}\n", ""),
    Patch(
        "fairseq/tasks/audio_classification.py",
        "            fpr, tpr, thresholds = sklearn_metrics",
        f"            {_AUDIO_METRICS}\n\n            fpr, tpr, thresholds = sklearn_metrics",
    ),
    Patch(
        _SENTENCES,
        f"{_F1}\n{_MATTHEWS}\n{_CORRELATIONS}\n",
        "",
    ),
    Patch(_SENTENCES, "    f1 = f1_score(", f"    {_F1}\n\n    f1 = f1_score("),
    Patch(_SENTENCES, "    pearson_corr =", f"    {_CORRELATIONS}\n\n    pearson_corr ="),
    Patch(_SENTENCES, "    mcc = _matthews", f"    {_MATTHEWS}\n\n    mcc = _matthews"),
    Patch("fairseq/version.txt", VERSION, BUILT_VERSION),
)

_BUILD_TOOLS = ("setuptools", "wheel", "Cython", "numpy", "torch")


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``hat build-fairseq``."""
    parser = Parser(
        prog="hat build-fairseq",
        description=f"Builds a wheel of {NAME} {VERSION} against the torch that is installed. Its "
        "source is checked by its hash, patched and compiled without what hat does not use.",
    )
    parser.add_argument("wheel_dir", metavar="FOLDER", type=Path, help="folder for the wheel")
    wheel_dir: Path = real_path(parser.parse_args(list(argv or [])).wheel_dir)
    lacking = [tool for tool in _BUILD_TOOLS if importlib.util.find_spec(tool) is None]
    if lacking:
        raise ConfigError(
            f"building fairseq needs {', '.join(lacking)}: "
            'pip install "setuptools<81" wheel Cython ninja'
        )
    wheel_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        root = unpack(download(Path(folder)), Path(folder) / "source")
        for patch in PATCHES:
            apply(patch, root)
        build(root, wheel_dir)
    print(next(iter(sorted(wheel_dir.glob(f"fairseq_fixed-{BUILT_VERSION}-*.whl")))))


def download(folder: Path) -> Path:
    """Fetches the source distribution with pip and returns its path.

    Raises:
        DataError: if pip cannot get it.
    """
    words = ["download", "--quiet", "--no-deps", "--no-binary", NAME, "--no-build-isolation"]
    words += ["--dest", str(folder), f"{NAME}=={VERSION}"]
    if subprocess.run([sys.executable, "-m", "pip", *words]).returncode:
        raise DataError(f"pip could not download the source of {NAME} {VERSION}")
    (archive,) = folder.glob("*.tar.gz")
    return archive


def unpack(archive: Path, folder: Path) -> Path:
    """Unpacks the source distribution, if it is the pinned one, and returns its root folder.

    Raises:
        DataError: if its hash is another.
    """
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != SHA256:
        raise DataError(f"{archive.name}: expected SHA-256 {SHA256}, but found {found}")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    return root


def apply(patch: Patch, root: Path) -> None:
    """Changes one file of fairseq's source.

    Raises:
        DataError: if the text to be replaced is not there exactly once.
    """
    path = root / patch.file
    text = path.read_text(encoding="utf-8")
    if text.count(patch.old) != 1:
        raise DataError(f"{patch.file}: expected {patch.old!r} once, found {text.count(patch.old)}")
    path.write_text(text.replace(patch.old, patch.new), encoding="utf-8")


def build(root: Path, wheel_dir: Path) -> None:
    """Runs the distribution's ``setup.py bdist_wheel`` without what is not used.

    In this process: the working folder and ``sys.argv`` stay changed.
    """
    import setuptools

    original_setup = setuptools.setup

    def setup_with_what_is_needed(**kwargs: Any) -> None:
        modules, needs = kwargs["ext_modules"], kwargs["install_requires"]
        kwargs["ext_modules"] = [m for m in modules if m.name in NEEDED_EXTENSIONS]
        kwargs["install_requires"] = [
            need for need in needs if not need.startswith(UNUSED_REQUIREMENTS)
        ]
        original_setup(**kwargs)

    warnings.simplefilter("ignore")  # setuptools on how old the distribution's ways are
    setuptools.setup = setup_with_what_is_needed
    os.chdir(root)
    sys.path.insert(0, str(root))
    sys.argv = ["setup.py", "--quiet", "bdist_wheel", "--dist-dir", str(wheel_dir)]
    runpy.run_path("setup.py", run_name="__main__")
