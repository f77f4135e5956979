"""How the stages are called: the one place where their commands are spelled."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from hat.files import Files, as_paths

Words = tuple[str, ...]

HAT: Words = (sys.executable, "-m", "hat.cli")
"""What every command of hat begins with."""


MODULE = "hat.cli"


def launched(command: Words, processes: int, more: Sequence[str]) -> Words:
    """Returns a command of hat's as torchrun starts it, in several processes on this machine."""
    torchrun = (sys.executable, "-m", "torch.distributed.run")
    where = () if any(word.startswith("--nnodes") for word in more) else ("--standalone",)
    count = f"--nproc_per_node={processes}"
    return (*torchrun, *where, count, *more, "-m", MODULE, *command[len(HAT) :])


def words_of(command: Sequence[str]) -> list[str] | None:
    """Returns what stands behind ``hat`` in a command, launched or not; None if it is none."""
    if tuple(command[: len(HAT)]) == HAT:
        return list(command[len(HAT) :])
    return list(command[command.index(MODULE) + 1 :]) if MODULE in command else None


def train(
    configs: Files, save_dir: Path, *, sub_configs: Files = (), flags: Sequence[str] = ()
) -> Words:
    """Trains a SuperTransformer or, with ``sub_configs``, one SubTransformer."""
    return (*HAT, "train", *_configs(configs, sub_configs), "--save-dir", str(save_dir), *flags)


def latency_dataset(configs: Files, csv: Path) -> Words:
    """Measures SubTransformers on this machine."""
    return (*HAT, "latency-dataset", *_configs(configs), "--lat-dataset-path", str(csv))


def latency_predictor(configs: Files, csv: Path, predictor: Path) -> Words:
    """Fits a predictor to what was measured."""
    files = ("--lat-dataset-path", str(csv), "--ckpt-path", str(predictor))
    return (*HAT, "latency-predictor", *_configs(configs), *files)


def search(space: Files, configs: Files, *, supernet: Path, predictor: Path, winner: Path) -> Words:
    """Searches for the best SubTransformer under the limits that ``configs`` holds."""
    files = ("--restore-file", str(supernet), "--ckpt-path", str(predictor))
    written = ("--write-config-path", str(winner))
    return (
        *HAT,
        "evo-search",
        *_configs(space),
        *_named("--evo-configs", configs),
        *files,
        *written,
    )


def average(folder: Path, checkpoint: Path, count: int, kept: Literal["epoch", "update"]) -> Words:
    """Averages the last checkpoints of epochs or updates in a training's folder."""
    last = ("--inputs", str(folder), f"--num-{kept}-checkpoints", str(count))
    return (*HAT, "average-checkpoints", *last, "--output", str(checkpoint))


def compare(archs: Sequence[Path], configs: Files, predictor: Path, flags: Sequence[str]) -> Words:
    """Measures SubTransformers in turn; ``configs`` are those of a latency dataset."""
    files = (*map(str, archs), *_configs(configs), "--ckpt-path", str(predictor))
    return (*HAT, "latency", "compare", *files, *flags)


def generate(
    arch: Path,
    configs: Files,
    checkpoint: Path,
    *,
    subset: str,
    beam: int,
    lenpen: float,
    on_cpu: bool,
) -> Words:
    """Translates a split; what it prints is the log that ``score`` reads."""
    split = ("--gen-subset", subset, "--batch-size", "128", "--remove-bpe")
    beams = ("--beam", str(beam), "--lenpen", f"{lenpen:g}")
    device = ("--cpu",) if on_cpu else ()
    named = (*_configs(arch, configs), "--path", str(checkpoint))
    return (*HAT, "generate", *named, *split, *beams, *device)


def score(
    log: Path,
    *,
    metric: str,
    target_lang: str,
    reference: Path | None,
    is_detokenised: bool = False,
) -> Words:
    """Scores translations, against the log's own references if there is no other."""
    raw = () if reference is None else ("--ref", str(reference))
    text = ("--detokenised",) if is_detokenised else ()
    scored = ("--metric", metric, "--target-lang", target_lang)
    return (*HAT, "score", str(log), *scored, *text, *raw)


def prepare(configs: Files) -> Words:
    """Makes the data of a corpus of one's own."""
    return (*HAT, "prepare", "corpus", *_configs(configs))


def export(checkpoint: Path, folder: Path, *, flags: Sequence[str]) -> Words:
    """Writes a trained SubTransformer with all that it needs to translate."""
    return (*HAT, "export", str(checkpoint), str(folder), *flags)


def _configs(configs: Files, sub_configs: Files = ()) -> Words:
    return (*_named("--configs", configs), *_named("--sub-configs", sub_configs))


def _named(flag: str, files: Files) -> Words:
    return tuple(f"{flag}={path}" for path in as_paths(files))
