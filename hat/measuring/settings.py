"""What can be set about measuring: the workload, and the making of a dataset."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from hat.engines import ENGINES
from hat.errors import ConfigError
from hat.latency.workload import HATS_ENGINE, Precision, Workload
from hat.settings import (
    NO_OUTCOME,
    Above,
    AtLeast,
    AtMost,
    Below,
    Needs,
    OneOf,
    Settings,
    Shown,
    Switch,
)
from hat.tasks.facts import default_src_len


@dataclass(frozen=True, kw_only=True)
class WorkloadSettings(Settings):
    """Device and workload, with HAT's flags; ``workload`` makes a ``Workload`` of them."""

    lat_device: Annotated[
        Literal["cpu", "cuda"] | None,
        Switch("latcpu", "cpu", "measure on the CPU"),
        Switch("latgpu", "cuda", "measure on the GPU"),
        Switch("cpu", "cpu", "the same as --latcpu"),
    ] = None

    lat_threads: Annotated[int | None, AtLeast(1), AtMost(4096)] = None
    """CPU threads; default: torch's own choice"""

    lat_src_len: Annotated[int | None, AtLeast(1), AtMost(100_000)] = None
    """source tokens; default: by --arch, HAT's"""

    lat_decode_steps: Annotated[int | None, AtLeast(1), AtMost(100_000)] = None
    """target tokens; default: source tokens"""

    lat_batch_size: Annotated[int, AtLeast(1), AtMost(100_000)] = 1
    """sentences at once"""

    beam: Annotated[int, AtLeast(1), AtMost(10_000)] = 5
    """hypotheses per sentence"""

    lat_precision: Precision = "fp32"
    """precision of weights and products"""

    lat_warmup: Annotated[int, AtLeast(0), AtMost(10_000_000)] = 5
    """runs before the first timed one"""

    latiter: Annotated[int, AtLeast(1), AtMost(10_000_000)] = 300
    """timed runs; the cap with --lat-ci"""

    lat_trim: Annotated[float, AtLeast(0), Below(0.5)] = 0.1
    """share of the runs that is dropped at each end, the slowest and the fastest"""

    lat_ci: Annotated[float | None, Above(0), Below(100), Shown("PERCENT")] = None
    """stop timing when the 95 % confidence interval of the mean is so narrow"""

    lat_engine: Annotated[str, OneOf(ENGINES)] = HATS_ENGINE
    """what runs the networks; eager: torch's modules, as HAT measures"""

    lat_memory: bool = False
    """note the peak memory of each, too; on the CPU that takes a process for each"""

    latsilent: Annotated[bool, NO_OUTCOME] = False
    """no line per architecture"""

    def workload(self, arch: str, *, is_here: bool = True) -> Workload:
        """Returns the workload.

        Args:
            arch: the named architecture, which decides HAT's length of a sentence.
            is_here: whether it is for this machine, whose threads are known.

        Raises:
            ConfigError: if no device is chosen, or it cannot compute at the precision.
        """
        if self.lat_device is None:
            raise ConfigError("say where to measure: --latcpu or --latgpu")
        import torch

        if self.lat_threads is None and not is_here:
            raise ConfigError("say how many threads the device may use: --lat-threads")
        src_len = self.lat_src_len or default_src_len(arch)
        return Workload(
            device=self.lat_device,
            src_len=src_len,
            decode_steps=self.lat_decode_steps or src_len,
            batch_size=self.lat_batch_size,
            beam=self.beam,
            precision=self.lat_precision,
            num_threads=self.lat_threads or torch.get_num_threads(),
            warmup_runs=self.lat_warmup,
            runs=self.latiter,
            trim_fraction=self.lat_trim,
            ci_percent=self.lat_ci,
            engine=self.lat_engine,
            memory=self.lat_memory,
        )


@dataclass(frozen=True, kw_only=True)
class DatasetSettings(Settings):
    """Which SubTransformers become a dataset, and how disturbances are noticed."""

    lat_dataset_path: Annotated[Path, NO_OUTCOME] = Path("./latency_dataset/lat.tmp")
    """CSV file to write"""

    lat_dataset_size: Annotated[int, AtLeast(1), AtMost(10_000_000)] = 200
    """rows to measure; with --until-error at most so many"""

    resume: Annotated[bool, NO_OUTCOME] = False
    """go on with the dataset that is there"""

    set_aside: Annotated[bool, NO_OUTCOME] = False
    """move a dataset that is there to NAME.old and measure anew; with --resume only one that cannot
    be gone on with"""

    until_error: Annotated[float | None, Above(0), Below(100), Shown("PERCENT")] = None
    """choose rows where they teach most; stop when the cross-validated mean absolute percentage
    error is this small"""

    prior: Annotated[Path | None, Shown("FILE"), Needs("until-error")] = None
    """with --until-error, latency predictor of another device, engine or workload that the one of
    this dataset will start from"""

    lat_reference_every: Annotated[int, AtLeast(1)] = 10
    """rows between two looks at the reference SubTransformer"""

    lat_patience: Annotated[float, AtLeast(0)] = 120.0
    """seconds, in total, to wait for a busy machine to settle"""

    seed: Annotated[int, AtLeast(0)] = 1
    """draws what is measured"""
