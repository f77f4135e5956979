"""``latency_predictor.py``: fit a predictor to a latency dataset and save it with its scales."""

import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from hat.conditions import mapping_digest
from hat.console import command, print_result
from hat.errors import ConfigError, DataError
from hat.latency.fit import (
    Dataset,
    Split,
    average_machine,
    fit_auto,
    load_datasets,
    split_rows,
)
from hat.latency.metrics import evaluate
from hat.latency.predictor import LatencyPredictor, Scales
from hat.latency.predictors.kinds import LINEAR_KINDS, PREDICTORS
from hat.latency.predictors.linear import LOSSES
from hat.latency.predictors.mlp import MlpRecipe, fit_mlp
from hat.option_conditions import content_digest
from hat.options import StageParser
from hat.signature import signature

_FEW_ROWS = 20
"""Undisturbed rows below which the disturbed ones are used, too."""


def _parser() -> StageParser:
    parser = StageParser(
        prog="latency_predictor.py", description="Fits a latency predictor to a latency dataset."
    )
    parser.add_argument(
        "--lat-dataset-path",
        nargs="+",
        default=["./latency_dataset/lat.tmp"],
        help="CSV files of one workload",
    )
    parser.add_argument(
        "--ckpt-path", default="latency_dataset/ckpts/tmp.pt", help="where to save the predictor"
    )
    parser.add_argument(
        "--predictor",
        choices=("auto", *PREDICTORS),
        default="auto",
        help="mlp is HAT's; auto takes the best of the others in cross-validation",
    )
    parser.add_argument(
        "--machine",
        choices=("steady", "average"),
        default="steady",
        help="what to predict: the undisturbed machine, or one that is disturbed as often and as "
        "much as it was for this dataset",
    )
    parser.add_argument(
        "--keep-shifted", action="store_true", help="learn from disturbed rows as well"
    )
    parser.add_argument(
        "--loss",
        choices=LOSSES,
        default="robust",
        help="robust: Huber's, of relative errors; squared: of errors in ms",
    )
    parser.add_argument("--seed", type=int, default=1, help="draws split, folds and weights")
    parser.add_argument(
        "--feature-norm",
        type=float,
        nargs="+",
        help="what to divide the features by; default: their largest values",
    )
    parser.add_argument(
        "--lat-norm", type=float, help="what to divide the latency by, in ms; default: its mean"
    )
    mlp = parser.add_argument_group("mlp", "HAT's recipe; these matter for --predictor mlp only")
    recipe = MlpRecipe()
    mlp.add_argument("--feature-dim", type=int, default=recipe.feature_dim, help="features")
    mlp.add_argument("--hidden-dim", type=int, default=recipe.hidden_dim, help="hidden width")
    mlp.add_argument(
        "--hidden-layer-num", type=int, default=recipe.hidden_layer_num, help="hidden layers"
    )
    mlp.add_argument("--train-steps", type=int, default=recipe.train_steps, help="updates")
    mlp.add_argument("--bsz", type=int, default=recipe.bsz, help="rows per update")
    mlp.add_argument("--lr", type=float, default=recipe.lr, help="Adam's learning rate")
    parser.add_argument("--dataset-path", help="accepted for HAT's sake; has no effect")
    return parser


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``latency_predictor.py``."""
    options = _parser().parse_args(list(argv or []))
    recipe = MlpRecipe(
        feature_dim=options.feature_dim,
        hidden_dim=options.hidden_dim,
        hidden_layer_num=options.hidden_layer_num,
        train_steps=options.train_steps,
        bsz=options.bsz,
        lr=options.lr,
    )
    if options.machine == "average" and (options.keep_shifted or options.predictor == "mlp"):
        other = "--keep-shifted" if options.keep_shifted else "--predictor mlp"
        raise ConfigError(
            f"--machine average needs the disturbed rows apart from the others: leave {other} out"
        )
    dataset = load_datasets(options.lat_dataset_path, look_for_shifts=not options.keep_shifted)
    everything = options.keep_shifted or options.machine == "average"
    rows = np.arange(len(dataset.table)) if everything else dataset.good_rows()
    if len(rows) < _FEW_ROWS and len(rows) < len(dataset.table):
        # A machine that was never at rest: noisy rows say more than none, and the interval of the
        # predictor grows with them.
        print(
            f"| only {len(rows)} of {len(dataset.table)} rows were measured undisturbed, too few "
            "to learn from: all are used, with their noise; measure again on a machine at rest"
        )
        rows = np.arange(len(dataset.table))
    else:
        _tell_what_is_left_out(dataset, options)
    split = split_rows(rows, options.seed)
    if len(split.test) == 0 or len(split.train) < 8:
        raise DataError(
            f"{', '.join(options.lat_dataset_path)}: {len(rows)} usable rows are too few for a "
            "predictor; measure at least 12"
        )
    scales = _scales(options, dataset, rows)

    started = time.perf_counter()
    predictor, cv_error = _fit(options, dataset, split, scales, recipe)
    seconds = time.perf_counter() - started
    predictor.choices = dict(dataset.choices)
    metrics = evaluate(predictor, dataset.table.take(split.test), dataset.latency_ms[split.test])
    text = signature(
        stage="latency-predictor",
        data=content_digest(options.lat_dataset_path),
        predictor=predictor.kind,
        loss=options.loss if predictor.kind != "mlp" else None,
        machine=options.machine,
        shifted="kept" if options.keep_shifted else None,
        scales=mapping_digest(vars(scales)),
        recipe=mapping_digest(vars(recipe)) if predictor.kind == "mlp" else None,
        seed=options.seed,
        rows=len(rows),
        workload=None if dataset.workload is None else dataset.workload.tag(),
    )
    predictor.facts = {
        "dataset": list(options.lat_dataset_path),
        "workload": None if dataset.workload is None else dataset.workload.to_dict(),
        "device": dataset.device,
        "reference": dataset.reference,
        "seed": options.seed,
        "split": {name: getattr(split, name).tolist() for name in ("train", "valid", "test")},
        "cv_error_percent": cv_error,
        "test": metrics.to_dict(),
        "signature": text,
    }
    predictor.save(options.ckpt_path)
    _report(predictor, metrics.to_dict(), cv_error, seconds)
    print_result(
        {
            "ckpt_path": options.ckpt_path,
            "predictor": predictor.kind,
            "rows": len(rows),
            "left_out_rows": len(dataset.table) - len(rows),
            "cv_error_percent": cv_error,
            "test": metrics.to_dict(),
            "fit_seconds": round(seconds, 3),
            "feature_norm": list(scales.feature_norm),
            "lat_norm": scales.lat_norm,
            "signature": text,
        }
    )


def _tell_what_is_left_out(dataset: Dataset, options: argparse.Namespace) -> None:
    count = len(dataset.marked)
    what = "kept" if options.keep_shifted else "left out"
    if options.machine == "average":
        what = "set apart to learn how disturbed the machine is on average"
    if count:
        print(f"| {count} rows are {what}: marked while the machine was disturbed")
    for path, runs in dataset.runs.items():
        for run in runs:
            print(
                f"| {path}: {run.num_rows} rows from row {run.first_row} on are {what}: "
                f"they sit {run.shift_percent:+.0f} % off the rest (see hat latency check)"
            )


def _scales(options: argparse.Namespace, dataset: Dataset, rows: Any) -> Scales:
    chosen = Scales.of(dataset.table.features[rows], dataset.latency_ms[rows])
    return Scales(
        chosen.feature_norm if options.feature_norm is None else tuple(options.feature_norm),
        chosen.lat_norm if options.lat_norm is None else options.lat_norm,
    )


def _fit(
    options: argparse.Namespace, dataset: Dataset, split: Split, scales: Scales, recipe: MlpRecipe
) -> tuple[LatencyPredictor, float | None]:
    table, latency_ms = dataset.table, dataset.latency_ms
    if options.predictor == "mlp":
        if recipe.bsz > len(split.train):
            raise ConfigError(
                f"--bsz is {recipe.bsz}, but there are only {len(split.train)} rows to train on"
            )
        predictor = fit_mlp(
            table.take(split.train),
            latency_ms[split.train],
            table.take(split.valid),
            latency_ms[split.valid],
            scales=scales,
            rng=np.random.default_rng(options.seed),
            recipe=recipe,
            report=print,
        )
        return predictor, None
    # These need no validation set: cross-validation does its work.
    learn = np.concatenate([split.train, split.valid])
    steady = options.keep_shifted | np.isin(learn, dataset.good_rows())
    rows, disturbed = learn[steady], learn[~steady]
    fit = fit_auto(
        table.take(rows),
        latency_ms[rows],
        choices=dataset.choices,
        scales=scales,
        seed=options.seed,
        loss=options.loss,
        kinds=LINEAR_KINDS if options.predictor == "auto" else [options.predictor],
    )
    if options.machine == "average":
        average = average_machine(fit.predictor, table.take(disturbed), latency_ms[disturbed])
        return average, fit.cv_error_percent
    return fit.predictor, fit.cv_error_percent


def _report(
    predictor: LatencyPredictor,
    metrics: dict[str, Any],
    cv_error: float | None,
    seconds: float,
) -> None:
    print(f"| predictor: {predictor.kind}, fitted in {seconds:.2f} s")
    if cv_error is not None:
        print(f"| mean absolute percentage error in cross-validation: {cv_error:.2f} %")
    print(
        f"| on {metrics['rows']} test rows: RMSE {metrics['rmse_ms']:.2f} ms, "
        f"mean absolute percentage error {metrics['mape_percent']:.2f} %"
    )
    if len(predictor.residuals):
        low, high = predictor.relative_interval(0.9)
        print(f"| 90 % of measurements lie {100 * low:+.1f} % to {100 * high:+.1f} % off")
