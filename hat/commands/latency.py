"""``hat latency``: check a dataset, compare predictors, measure or predict one SubTransformer."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_from_mapping, arch_to_mapping, load_arch
from hat.cli.console import command, print_result
from hat.cli.training_keys import TRAINING_KEYS
from hat.conditions import content_digest, file_digest, mapping_digest
from hat.errors import ConfigError, DataError, suggestion
from hat.latency.drift import MIN_SHIFT_PERCENT, DriftReport, find_shifted_runs
from hat.latency.samples import LatencySample, read_samples, write_samples
from hat.signature import signature


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``hat latency``."""
    argv = list(argv or [])
    if not argv or argv[0] in ("-h", "--help"):
        print(__doc__)
        print(f"\nusage: hat latency {{{','.join(TOOLS)}}} ...   (each with --help)")
        return
    if argv[0] not in TOOLS:
        hint = suggestion(argv[0], TOOLS) or f"; expected one of {', '.join(TOOLS)}"
        raise ConfigError(f"unknown tool {argv[0]!r} of hat latency{hint}")
    TOOLS[argv[0]](argv[1:])


def check(argv: Sequence[str]) -> None:
    """Finds shifted runs in a dataset."""
    parser = argparse.ArgumentParser(
        prog="hat latency check",
        description="Finds runs of rows that were measured while the machine was disturbed.",
    )
    parser.add_argument("csv", help="latency dataset, ours or HAT's")
    parser.add_argument("--json", action="store_true", help="the last line is JSON; no picture")
    parser.add_argument(
        "--min-shift",
        type=float,
        default=MIN_SHIFT_PERCENT,
        metavar="PERCENT",
        help="smaller steps are not reported (default: %(default)s)",
    )
    parser.add_argument("--plot", metavar="PNG", help="picture (default: NAME.check.png here)")
    parser.add_argument("--write-clean", metavar="CSV", help="write the rows outside the runs")
    options = parser.parse_args(list(argv))
    if not 0 < options.min_shift < 1000:
        raise ConfigError(f"--min-shift must be a positive percentage, not {options.min_shift:g}")
    samples = read_samples(options.csv)
    try:
        report = find_shifted_runs(samples, min_shift_percent=options.min_shift)
    except DataError as error:
        raise DataError(f"{options.csv}: {error}") from None
    _print_check(options.csv, samples, report)
    if options.plot or not options.json:
        plot = options.plot or f"{Path(options.csv).stem}.check.png"
        _plot_check(plot, options.csv, samples, report)
    if options.write_clean:
        bad = report.shifted()
        kept = [s for s, is_bad in zip(samples, bad, strict=True) if not is_bad and s.trusted]
        write_samples(options.write_clean, kept)
        print(f"wrote {len(kept)} rows to {options.write_clean}")
    if options.json:
        print_result(
            {
                "shifted_runs": [
                    {
                        "first_row": run.first_row,
                        "last_row": run.last_row,
                        "shift_percent": round(run.shift_percent, 1),
                    }
                    for run in report.runs
                ]
            }
        )


def _print_check(path: str, samples: Sequence[LatencySample], report: DriftReport) -> None:
    from hat.latency.plots import runs_text

    print(
        f"{path}: {len(samples)} rows, noise between neighbours {report.noise_percent:.1f} %, "
        f"{len(report.runs)} shifted run{'' if len(report.runs) == 1 else 's'}"
    )
    for line in runs_text(report):
        print(f"  {line}")
    marked = sum(not sample.trusted for sample in samples)
    if marked:
        print(f"  {marked} rows were marked while they were measured")


def _plot_check(
    plot: str, path: str, samples: Sequence[LatencySample], report: DriftReport
) -> None:
    from hat.latency.plots import plot_shifts

    latency_ms = np.array([sample.total_ms for sample in samples])
    try:
        plot_shifts(plot, latency_ms, report, Path(path).name)
    except OSError as error:
        raise DataError(f"{plot}: cannot be written: {error.strerror}") from None
    print(f"picture: {plot}")


def bench(argv: Sequence[str]) -> None:
    """Compares HAT's predictor and ours on datasets."""
    parser = argparse.ArgumentParser(
        prog="hat latency bench",
        description="Compares HAT's predictor and ours on the same splits of each dataset.",
    )
    parser.add_argument("csv", nargs="+", help="latency datasets")
    parser.add_argument("--seeds", type=int, default=6, help="splits: seeds 0 to N - 1")
    parser.add_argument("--without-mlp", action="store_true", help="leave HAT's MLP out: seconds")
    parser.add_argument(
        "--resume",
        metavar="FILE",
        help="keep every figure in this file as it comes and take over those that are there",
    )
    options = parser.parse_args(list(argv))
    if options.seeds < 1:
        raise ConfigError(f"--seeds must be at least 1, not {options.seeds}")
    import torch

    from hat.latency.plots import runs_text
    from hat.latency.predictors.regression import fit_prices
    from hat.studies.latency_bench import BenchData, BenchStore
    from hat.studies.latency_bench import bench as run_bench
    from hat.studies.latency_bench_report import bench_summary, bench_table

    torch.set_num_threads(1)
    datasets = [BenchData.read(path) for path in options.csv]
    # The first fit imports scikit-learn, which is not what is timed here.
    fit_prices(np.eye(3) + 1, np.ones(3))
    store = BenchStore(options.resume)
    seeds, with_mlp = range(options.seeds), not options.without_mlp
    result, found_rows = {}, {}
    for data in datasets:
        print(f"\n### {data.name}\n")
        found = "; ".join(runs_text(data.report)) or "none"
        print(f"Shifted runs: {found}. Noise floor: {data.noise_floor_percent():.2f} %.\n")
        rows = list(run_bench(data, seeds=seeds, with_mlp=with_mlp, store=store))
        print(bench_table(rows), flush=True)
        found_rows[data.name] = (data, rows)
        result[data.name] = {
            f"{row.method}|{row.train_rows}|{row.seed}": {
                "all": row.everything.to_dict(),
                "unshifted": row.unshifted.to_dict(),
                "fit_seconds": round(row.fit_seconds, 3),
            }
            for row in rows
        }
    print(f"\n### Summary\n\n{bench_summary(found_rows)}\n")
    print_result(
        {
            "bench": result,
            "signature": signature(
                stage="latency-bench",
                data="+".join(data.digest for data in datasets),
                seeds=options.seeds,
            ),
        }
    )


@command
def measure_one(argv: Sequence[str] | None = None) -> None:
    """``train.py --latcpu | --latgpu``: measures the SubTransformer that the options describe."""
    argv = list(argv or [])
    from hat.latency.options import measuring_parser, super_transformer_from, workload_from
    from hat.measuring.device import check_device, device_name
    from hat.measuring.measure import measure

    parser = measuring_parser(
        "train.py --latcpu", "Measures the latency of one SubTransformer on this device."
    )
    options, rest = parser.parse_known_args(argv)
    for word in rest:
        name = word.removeprefix("--").partition("=")[0]
        if word.startswith("--") and name not in TRAINING_KEYS:
            raise ConfigError(f"unknown option {word}")
    workload = workload_from(options, argv)
    check_device(workload.device)
    arch = arch_from_mapping(vars(options), "the options")
    model = super_transformer_from(options)
    sample = measure(model, arch, workload, report=print)
    print(
        f"Latency on {device_name(workload.device)}: {sample.total_ms:.2f} ms "
        f"({sample.encoder_ms:.2f} encoder, {sample.decoder_ms:.2f} decoder), {workload.tag()}"
    )
    print_result(
        {
            "latency_ms": sample.total_ms,
            "encoder_ms": sample.encoder_ms,
            "decoder_ms": sample.decoder_ms,
            "encoder_std_ms": sample.encoder_std_ms,
            "decoder_std_ms": sample.decoder_std_ms,
            "signature": signature(
                stage="latency",
                subtransformer=mapping_digest(arch_to_mapping(arch)),
                model=mapping_digest(vars(model.config)),
                workload=workload.tag(),
                device=device_name(workload.device).replace(" ", "_"),
            ),
        }
    )


def predict(argv: Sequence[str]) -> None:
    """Predicts the latency of SubTransformers from a saved predictor."""
    parser = argparse.ArgumentParser(
        prog="hat latency predict", description="Predicts the latency of SubTransformers."
    )
    parser.add_argument("yml", nargs="+", help="SubTransformer files with HAT's keys")
    parser.add_argument("--ckpt-path", required=True, help="latency predictor, ours or HAT's")
    parser.add_argument("--feature-norm", type=float, nargs="+", help="only for HAT's predictors")
    parser.add_argument("--lat-norm", type=float, help="only for HAT's predictors")
    parser.add_argument("--coverage", type=float, default=0.9, help="of the interval, in 0..1")
    options = parser.parse_args(list(argv))
    from hat.latency.predictors.load import load_predictor

    archs: list[SubTransformerConfig] = [load_arch(path) for path in options.yml]
    predictor = load_predictor(
        options.ckpt_path, feature_norm=options.feature_norm, lat_norm=options.lat_norm
    )
    predictor.check_archs(archs)
    predicted = predictor.predict_ms(archs)
    calibrated = len(predictor.residuals) > 0
    low, high = predictor.relative_interval(options.coverage) if calibrated else (0.0, 0.0)
    results = []
    for path, value in zip(options.yml, predicted, strict=True):
        interval = [value * (1 + low), value * (1 + high)] if calibrated else None
        text = f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else ""
        print(f"{path}: {value:.2f} ms{text}")
        results.append(
            {"subtransformer": path, "latency_ms": float(value), "interval_ms": interval}
        )
    print_result(
        {
            "predictions": results,
            "signature": signature(
                stage="latency-predict",
                predictor=file_digest(options.ckpt_path),
                subtransformers=content_digest(options.yml),
            ),
        }
    )


TOOLS: dict[str, Callable[[Sequence[str]], None]] = {
    "check": check,
    "bench": bench,
    "measure": measure_one,
    "predict": predict,
}
"""What ``hat latency`` can do."""
