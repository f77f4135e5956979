"""What every engine has: settings, and what it makes of a network."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Protocol, Self

from hat.errors import CheckpointError, ConfigError, HatError
from hat.reading import reason
from hat.settings import AtLeast, AtMost, Settings
from hat.version import DISTRIBUTION

if TYPE_CHECKING:
    from torch import Tensor

    from hat.arch.config import SubTransformerConfig
    from hat.models.config import SuperTransformerConfig
    from hat.models.super_transformer import SuperTransformer
    from hat.translation.beam import BeamSettings, Hypothesis
    from hat.translation.shortlist import Shortlist

END_IDX, UNKNOWN_IDX = 2, 3
"""fairseq's words that a search knows."""

DUMMY_WORD = 7
"""Of which sentences are made that are only timed; which one does not matter."""


@dataclass(frozen=True, kw_only=True)
class EngineSettings(Settings):
    """How an engine runs a network."""

    precision: Literal["fp32", "bf16", "fp16", "int8"] = "fp32"
    """Number format of weights and products. int8: weights of 8 bits, and inputs of products that
    are rounded to 8 bits as they come; on the CPU only."""

    threads: Annotated[int | None, AtLeast(1), AtMost(4096)] = None
    """CPU threads. Default: as many as torch takes"""


@contextmanager
def told_of(folder: Path, engine: str) -> Iterator[None]:
    """Says of a network's folder what an engine says while it runs what is in there.

    Raises:
        CheckpointError: in place of whatever the engine raises of a network that it cannot run.
    """
    try:
        yield
    except (HatError, MemoryError):
        raise
    except Exception as error:  # of the engine's own kinds, which all derive from it
        raise CheckpointError(f"{folder}: {engine} cannot run it: {reason(error)}") from None


@dataclass(frozen=True)
class Passes:
    """The two halves of a translation, to be timed by whoever holds a clock."""

    encode: Callable[[], object]
    """Runs the encoder over a batch of B sentences."""

    decode: Callable[[], object]
    """Takes all steps of the decoder with B * beam hypotheses: keys and values are cached, and the
    hypotheses change places after each step."""

    is_whole: bool = False
    """Whether ``decode`` encodes first, because the engine does not part the two. Then ``encode``
    also takes one step, and what the decoder takes is the difference."""


class Runnable(Protocol):
    """A network in an engine, ready to run."""

    vocab_size: int
    """Words of the target."""

    takes: tuple[int, int] | None
    """Words of the source, and tokens of the longest sentence; None, or missing: not known."""

    def search(
        self,
        settings: "BeamSettings",
        *,
        shortlist: "Shortlist | None" = None,
        eos_idx: int = END_IDX,
        unk_idx: int = UNKNOWN_IDX,
    ) -> "Callable[[Tensor], list[list[Hypothesis]]]":
        """Returns a function that translates a batch of (B, S) int64 source tokens.

        It returns the n best hypotheses of each sentence, best first. See ``BeamSearch``.
        """

    def forced(self, src_tokens: "Tensor", prev_output_tokens: "Tensor") -> "Tensor":
        """Follows given targets step by step, as in a search.

        Args:
            src_tokens: (B, S) int64, padded on either side.
            prev_output_tokens: (B, T) int64, the targets shifted right, not padded.

        Returns:
            Log-probabilities of the next token after each, (B, T, V) float32.
        """

    def passes(self, src_tokens: "Tensor", *, beam: int, steps: int) -> Passes:
        """Prepares what is timed: (B, S) int64 source tokens, ``steps`` target tokens each."""


class Engine(Protocol):
    """A named part (``hat.parts``) that runs networks."""

    name: ClassVar[str]
    """As in the table."""

    about: ClassVar[str]
    """What it is, for the model card."""

    script: ClassVar[Path | None]
    """A Python file that runs what ``write`` wrote with numpy and the engine's package alone: its
    ``load(folder, threads)`` gives an object with ``passes`` as a ``Runnable`` has, for lists of
    token numbers. None: the engine needs hat."""

    Settings: ClassVar[type[EngineSettings]]

    settings: EngineSettings

    @classmethod
    def build(cls, settings: Any) -> "Engine":
        """Makes the part."""

    def signature(self) -> dict[str, Any]:
        """Name, version of the engine's package, and settings: what decides a latency."""

    def check(self, config: "SuperTransformerConfig", arch: "SubTransformerConfig") -> None:
        """Checks that the engine is installed and can represent a network.

        Raises:
            ConfigError: naming the package that is missing, or what cannot be represented.
        """

    def load(self, small: "SuperTransformer", *, device: str = "cpu") -> Runnable:
        """Makes a runnable of an extracted model; later changes to it have no effect.

        Raises:
            ConfigError: see ``check``.
        """

    def write(
        self,
        small: "SuperTransformer",
        folder: Path,
        *,
        words: tuple[Sequence[str], Sequence[str]] | None = None,
    ) -> None:
        """Writes the network into a folder that is there.

        Args:
            small: the extracted model.
            folder: where to.
            words: source and target words by number, for an engine that keeps them itself.

        Raises:
            ConfigError: see ``check``.
        """

    def open(self, folder: Path, *, device: str = "cpu") -> Runnable:
        """Opens what ``write`` wrote, on any machine, without running code from it.

        Raises:
            HatError: if a file is missing or damaged, or the engine is not installed.
        """


class PackageEngine(Engine):
    """What engines share that are another package's, by whose name they go."""

    packages: ClassVar[tuple[str, ...]]
    """What writing files needs; opening them needs the one that the engine is called after."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @classmethod
    def check_packages(cls) -> None:
        """Checks that all packages are there.

        Raises:
            ConfigError: naming the one that is missing, and how it is installed.
        """
        for package in cls.packages:
            check_installed(package, cls.name, "engines")

    @classmethod
    def build(cls, settings: Any) -> Self:
        """Makes the part."""
        return cls(settings)

    def signature(self) -> dict[str, Any]:
        """See ``Engine``."""
        from importlib.metadata import version

        check_installed(self.name, self.name, "engines")
        return {
            "engine": self.name,
            "version": version(self.name),
            "threads": threads_of(self.settings),
            **self.settings.signature(),
        }

    def load(self, small: "SuperTransformer", *, device: str = "cpu") -> Runnable:
        """See ``Engine``: the package reads files only, so they are written first."""
        check_cpu(device, self.name)
        with TemporaryDirectory(prefix=f"hat-{self.name}-") as folder:
            self.write(small, Path(folder))
            return self.open(Path(folder))


def threads_of(settings: EngineSettings) -> int:
    """Returns how many threads are meant: by default as many as torch takes."""
    import torch

    return settings.threads or torch.get_num_threads()


def check_installed(package: str, engine: str, extra: str) -> None:
    """Checks that a package is there, without importing it.

    Raises:
        ConfigError: saying how it is installed.
    """
    import importlib.util

    if importlib.util.find_spec(package) is None:
        raise ConfigError(
            f"the engine {engine} needs the package {package}, which is not installed: "
            f'pip install {package}, or "{DISTRIBUTION}[{extra}]"'
        )


def check_cpu(device: str, engine: str) -> None:
    """Checks that an engine that runs on the CPU only is asked for that.

    Raises:
        ConfigError: if not.
    """
    if device != "cpu":
        raise ConfigError(f"the engine {engine} runs on the CPU only, but the device is {device}")
