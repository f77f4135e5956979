"""How the stages are called: the one place where their commands are spelled."""

import sys
from collections.abc import Sequence
from pathlib import Path

Words = tuple[str, ...]

HAT: Words = (sys.executable, "-m", "hat.cli")
"""What every command of hat begins with."""


def train(
    configs: Path, save_dir: Path, *, sub_configs: Path | None = None, flags: Sequence[str] = ()
) -> Words:
    """Trains a SuperTransformer or, with ``sub_configs``, one SubTransformer."""
    return (*HAT, "train", *_configs(configs, sub_configs), "--save-dir", str(save_dir), *flags)


def latency_dataset(configs: Path, csv: Path) -> Words:
    """Measures SubTransformers on this machine."""
    return (*HAT, "latency-dataset", *_configs(configs), "--lat-dataset-path", str(csv))


def latency_predictor(configs: Path, csv: Path, predictor: Path) -> Words:
    """Fits a predictor to what was measured."""
    files = ("--lat-dataset-path", str(csv), "--ckpt-path", str(predictor))
    return (*HAT, "latency-predictor", *_configs(configs), *files)


def search(space: Path, configs: Path, *, supernet: Path, predictor: Path, winner: Path) -> Words:
    """Searches for the best SubTransformer under the limits that ``configs`` holds."""
    files = ("--restore-file", str(supernet), "--ckpt-path", str(predictor))
    written = ("--write-config-path", str(winner))
    return (*HAT, "evo-search", *_configs(space), f"--evo-configs={configs}", *files, *written)


def measure(arch: Path, configs: Path, *, on_cpu: bool) -> Words:
    """Measures one SubTransformer; ``configs`` are those of a latency dataset."""
    return (*HAT, "train", *_configs(arch, configs), "--latcpu" if on_cpu else "--latgpu")


def generate(
    arch: Path,
    configs: Path,
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


def score(log: Path, *, metric: str, target_lang: str, reference: Path | None) -> Words:
    """Scores translations, against the log's own references if there is no other."""
    raw = () if reference is None else ("--ref", str(reference))
    return (*HAT, "score", str(log), "--metric", metric, "--target-lang", target_lang, *raw)


def _configs(configs: Path, sub_configs: Path | None = None) -> Words:
    more = () if sub_configs is None else (f"--sub-configs={sub_configs}",)
    return (f"--configs={configs}", *more)
