"""``latency_dataset.py``: measure SubTransformers on this device and write HAT's CSV."""

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_from_mapping, arch_to_mapping, space_from_options
from hat.arch.space import SearchSpace
from hat.cli.console import command, print_result
from hat.cli.options import StageParser
from hat.conditions import mapping_digest
from hat.errors import ConfigError, DataError
from hat.files import split_lines
from hat.latency.options import measuring_parser, super_transformer_from, workload_from
from hat.latency.predictor import space_choices
from hat.latency.samples import LatencySample, read_samples, write_samples
from hat.latency.sidecar import Sidecar, read_sidecar, sidecar_path
from hat.latency.workload import Workload
from hat.measuring.active import UntilError
from hat.measuring.collect import Collector, Plan
from hat.measuring.device import check_device, device_facts
from hat.measuring.measure import measure
from hat.measuring.precision import check_precision
from hat.measuring.reference import Baseline, Reference
from hat.measuring.resuming import check_same_conditions
from hat.models.config import SuperTransformerConfig
from hat.signature import signature
from hat.version import __version__


def _parser() -> StageParser:
    parser = measuring_parser(
        "latency_dataset.py", "Measures SubTransformers of a search space on this device."
    )
    group = parser.add_argument_group("dataset")  # DATASET_KEYS lists them
    group.add_argument(
        "--lat-dataset-path", default="./latency_dataset/lat.tmp", help="CSV file to write"
    )
    group.add_argument("--lat-dataset-size", type=int, default=200, help="rows; the most of them")
    group.add_argument("--resume", action="store_true", help="go on with the dataset that is there")
    group.add_argument(
        "--until-error",
        type=float,
        metavar="PERCENT",
        help="choose rows where they teach most; stop when the cross-validated mean absolute "
        "percentage error is this small",
    )
    group.add_argument(
        "--lat-reference-every",
        type=int,
        default=10,
        help="rows between two looks at the reference SubTransformer",
    )
    group.add_argument(
        "--lat-patience",
        type=float,
        default=120.0,
        help="seconds, in total, to wait for a busy machine to settle",
    )
    return parser


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``latency_dataset.py``."""
    argv = argv or []
    options = _parser().parse_args(list(argv))
    if options.lat_dataset_size < 1:
        raise ConfigError(f"--lat-dataset-size must be at least 1, not {options.lat_dataset_size}")
    if options.lat_reference_every < 1:
        raise ConfigError(
            f"--lat-reference-every must be at least 1, not {options.lat_reference_every}"
        )
    workload = workload_from(options, argv)
    check_device(workload.device)
    check_precision(workload)
    space = space_from_options(vars(options), "the options")
    model = super_transformer_from(options)
    model.config.check(space.largest())
    path = Path(options.lat_dataset_path)
    facts = _facts(options, workload, space, vars(model.config))
    plan = _plan(options, space)
    samples, sidecar = _open(path, facts, resume=options.resume)
    _check_rows(options, space, samples)
    print(f"| workload: {workload.tag()} on {facts['device']['name']}")
    started = time.monotonic()

    with tqdm(
        total=options.lat_dataset_size, initial=len(samples), unit="row", mininterval=1.0
    ) as bar:

        def timed(arch: SubTransformerConfig) -> LatencySample:
            sample = measure(model, arch, workload)
            if not options.latsilent:
                bar.write(
                    f"| encoder {sample.encoder_ms:.2f} ms, decoder {sample.decoder_ms:.2f} ms"
                )
            return sample

        reference = arch_from_mapping(facts["reference"], "the reference")
        collector = Collector(
            path=path,
            sidecar=sidecar,
            measure=timed,
            reference=Reference(
                lambda: measure(model, reference, workload).total_ms, _last_baseline(sidecar)
            ),
            every=options.lat_reference_every,
            patience_s=options.lat_patience,
            say=lambda text: bar.write(f"| {text}"),
            on_row=lambda: _advance(bar),
            samples=samples,
        )
        if samples:
            # Nobody has vouched for rows after the last look at the reference.
            collector.check(_unchecked(sidecar, len(samples)))
        else:
            baseline = collector.reference.baseline
            sidecar.append(event="baseline", baseline_ms=baseline.latency_ms, noise=baseline.noise)
        collector.run(plan)

    seconds = time.monotonic() - started
    _report(options, collector, plan, space, workload, model.config, seconds)


def _advance(bar: "tqdm[Any]") -> None:
    bar.update()


def _facts(
    options: argparse.Namespace,
    workload: Workload,
    space: SearchSpace,
    model: dict[str, Any],
) -> dict[str, Any]:
    return {
        "hat": __version__,
        "workload": workload.to_dict(),
        "device": device_facts(workload.device, workload.num_threads),
        "space": space_choices(space),
        "space_fingerprint": space.fingerprint(),
        "model": model,
        "seed": options.seed,
        "until_error": options.until_error,
        "reference_every": options.lat_reference_every,
        "reference": arch_to_mapping(reference_arch(space)),
    }


def reference_arch(space: SearchSpace) -> SubTransformerConfig:
    """Returns an architecture of about median size, always the same one for a space."""
    rng = np.random.default_rng(0)

    def size(arch: SubTransformerConfig) -> int:
        decoder = arch.decoder
        return sum(arch.encoder.ffn_dims) + decoder.embed_dim * sum(
            (*decoder.ffn_dims, *decoder.ende_heads)
        )

    archs = sorted((space.sample(rng) for _ in range(101)), key=size)
    return archs[len(archs) // 2]


def _open(
    path: Path, facts: dict[str, Any], *, resume: bool
) -> tuple[list[LatencySample], Sidecar]:
    """Opens a new dataset, or one to go on with; an older one is kept under another name."""
    if not resume:
        for old in (path, sidecar_path(path)):
            if old.exists():
                os.replace(old, f"{old}.old")
                print(f"| {old} was there already: kept as {old}.old")
        write_samples(path, [])
        return [], Sidecar.create(path, facts)
    if not path.exists():
        raise DataError(f"{path}: there is no dataset to resume")
    sidecar = read_sidecar(path)
    if sidecar is None:
        raise DataError(
            f"{path}: cannot be resumed, because {sidecar_path(path).name} is missing, which says "
            "how it was measured"
        )
    check_same_conditions(path, sidecar, facts)
    _repair(path)
    lines = split_lines(path.read_text(encoding="utf-8"))
    samples = read_samples(path) if len(lines) > 1 else []
    if any(sample.arch is None for sample in samples):
        raise DataError(f"{path}: cannot be resumed, because it holds rows without architecture")
    print(f"| goes on after row {len(samples) - 1}")
    return samples, sidecar


def _repair(path: Path) -> None:
    """Removes a last line that was cut short when the run was killed."""
    text = path.read_text(encoding="utf-8")
    if text and not text.endswith("\n"):
        path.write_text(text[: text.rfind("\n") + 1], encoding="utf-8")


def _last_baseline(sidecar: Sidecar) -> Baseline | None:
    for event in reversed(sidecar.events):
        if "baseline_ms" in event:
            return Baseline(event["baseline_ms"], event["noise"])
    return None


def _unchecked(sidecar: Sidecar, count: int) -> list[int]:
    checked = 0
    for event in sidecar.events:
        if event.get("event") == "reference" and event["rows"]:
            checked = max(checked, max(event["rows"]) + 1)
    return list(range(checked, count))


def _plan(options: argparse.Namespace, space: SearchSpace) -> Plan:
    if options.until_error is not None:
        return UntilError(
            space,
            target_percent=options.until_error,
            max_rows=options.lat_dataset_size,
            batch=options.lat_reference_every,
            seed=options.seed,
        )
    archs = _distinct(space, options.lat_dataset_size, options.seed)
    return lambda done: archs[len(done) :]


def _check_rows(
    options: argparse.Namespace, space: SearchSpace, samples: Sequence[LatencySample]
) -> None:
    """Checks that the rows to go on from are those that the seed draws."""
    if options.until_error is not None or not samples:
        return
    archs = _distinct(space, max(len(samples), options.lat_dataset_size), options.seed)
    for index, (sample, arch) in enumerate(zip(samples, archs, strict=False)):
        if sample.arch != arch:
            raise DataError(
                f"{options.lat_dataset_path}: row {index} is not what seed {options.seed} draws: "
                "the dataset was made by another version or edited"
            )


def _distinct(space: SearchSpace, count: int, seed: int) -> list[SubTransformerConfig]:
    """Draws ``count`` architectures; a longer list from the same seed begins the same way."""
    if count > space.size():
        raise ConfigError(
            f"--lat-dataset-size is {count}, but the space has {space.size()} architectures"
        )
    rng = np.random.default_rng(seed)
    archs: dict[SubTransformerConfig, None] = {}
    while len(archs) < count:
        archs[space.sample(rng)] = None
    return list(archs)


def _report(
    options: argparse.Namespace,
    collector: Collector,
    plan: Plan,
    space: SearchSpace,
    workload: Workload,
    model: SuperTransformerConfig,
    seconds: float,
) -> None:
    totals = np.array([sample.total_ms for sample in collector.samples])
    marked = sum(not sample.trusted for sample in collector.samples)
    print(
        f"| {len(totals)} rows in {options.lat_dataset_path}: "
        f"{totals.min():.2f} to {totals.max():.2f} ms, median {np.median(totals):.2f} ms"
    )
    error = plan.error_percent if isinstance(plan, UntilError) else None
    if error is not None:
        reached = "reached" if error <= (options.until_error or 0) else "not reached"
        print(f"| cross-validated error {error:.2f} %, target {options.until_error:g} % {reached}")
    print_result(
        {
            "lat_dataset_path": str(options.lat_dataset_path),
            "rows": len(totals),
            "marked_rows": marked,
            "cv_error_percent": error,
            "reference_ms": collector.reference.baseline.latency_ms,
            "reference_noise_percent": 100 * collector.reference.baseline.noise,
            "seconds": round(seconds, 1),
            "signature": signature(
                stage="latency-dataset",
                space=space.fingerprint(),
                seed=options.seed,
                workload=workload.tag(),
                model=mapping_digest(vars(model)),
            ),
        }
    )
