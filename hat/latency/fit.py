"""From a dataset to a predictor: which rows to learn from, which kind, what it reaches."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from hat.arrays import Floats, Rows
from hat.conditions import content_digest, file_digest, mapping_digest
from hat.errors import ConfigError, DataError
from hat.files import Files, as_paths
from hat.latency.dataset import Dataset, Split, load_datasets, split_rows
from hat.latency.metrics import Metrics, evaluate
from hat.latency.predictor import Fitted, LatencyPredictor, Lesson, Scales
from hat.latency.predictors import PREDICTORS
from hat.latency.predictors.load import NoScalesError, load_predictor
from hat.latency.table import ArchTable
from hat.latency.workload import HATS_ENGINE
from hat.settings import (
    Above,
    AtLeast,
    OneOf,
    Settings,
    Shown,
    check_kinds,
    picked,
    settings_signature,
)
from hat.signature import signature

_FEW_ROWS = 20
"""Undisturbed rows below which the disturbed ones are used, too."""

_FEWEST_TO_TRAIN = 8


@dataclass(frozen=True, kw_only=True)
class FitSettings(Settings):
    """Which predictor is fitted to which rows."""

    predictor: Annotated[str, OneOf(PREDICTORS, also=("auto",))] = "auto"
    """mlp is HAT's; auto takes the best of the others in cross-validation"""

    target: Literal["latency", "memory"] = "latency"
    """what to predict; memory needs rows measured with --lat-memory"""

    lat_engine: str | None = None
    """engine that the rows have to be measured in"""

    machine: Literal["steady", "average"] = "steady"
    """what to predict: the undisturbed machine, or one that is disturbed as often and as much as it
    was for this dataset"""

    keep_shifted: bool = False
    """learn from disturbed rows as well"""

    prior: Annotated[Path | None, Shown("FILE")] = None
    """latency predictor of another device, engine or workload to start from, where rows are few"""

    seed: Annotated[int, AtLeast(0)] = 1
    """draws split, folds and weights"""

    feature_norm: Annotated[tuple[float, ...], Above(0)] = ()
    """what to divide the features by; default: their largest values"""

    lat_norm: Annotated[float | None, Above(0)] = None
    """what to divide the latency by, in ms; default: its mean"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.predictor != "auto":
            takes_prior = PREDICTORS.load(self.predictor).takes_prior
            if takes_prior and self.prior is None:
                raise ConfigError(
                    f"--predictor {self.predictor} starts from a predictor of another device: name "
                    "it with --prior"
                )
            if self.prior is not None and not takes_prior:
                raise ConfigError(f"--predictor {self.predictor} starts from no --prior")
        if self.machine == "average":
            learns = self.predictor == "auto" or PREDICTORS.load(self.predictor).learns_average
            if self.keep_shifted or not learns:
                other = "keep-shifted" if self.keep_shifted else f"predictor {self.predictor}"
                raise ConfigError(
                    "--machine average needs the disturbed rows apart from the others: leave "
                    f"--{other} out"
                )


@dataclass(frozen=True, kw_only=True)
class FitResult:
    """A predictor, ready to be saved, and how it came about."""

    predictor: LatencyPredictor
    metrics: Metrics
    """On the test rows."""

    cv_error_percent: float | None
    num_rows: int
    num_left_out: int
    seconds: float
    signature: str


def fit_predictor(
    paths: Files,
    *settings: Settings,
    say: Callable[[str], None] = print,
) -> FitResult:
    """Fits a latency predictor to datasets of one workload.

    Args:
        paths: a CSV file or several, ours or HAT's.
        settings: ``FitSettings`` and those of kinds of predictors, such as ``MlpSettings``, in any
            order; what is left out keeps its defaults.
        say: takes lines of progress.

    Raises:
        ConfigError: if settings contradict each other.
        DataError: if a file is damaged or given twice, there are too few rows, or a predictor
            learned nothing from them.
    """
    check_kinds(settings, (FitSettings, *PREDICTORS.settings()), "hat.fit_predictor")
    fit: FitSettings = picked(settings, FitSettings)
    if fit.predictor != "auto":  # HAT's commands name no predictor and set those of its own
        given = {field: value for each in settings for field, value in vars(each).items()}
        PREDICTORS.check_others([fit.predictor], given, "--predictor")
    paths = as_paths(paths)
    if not paths:
        raise ConfigError("name a latency dataset")
    dataset = load_datasets(paths, look_for_shifts=not fit.keep_shifted, target=fit.target)
    _check_engine(paths, dataset, fit.lat_engine)
    check_each_once(paths)
    prior = None if fit.prior is None else _prior(fit.prior, dataset, fit.target)
    rows = _rows_to_use(dataset, fit, say)
    split = split_rows(rows, fit.seed)
    if len(split.test) == 0 or len(split.train) < _FEWEST_TO_TRAIN:
        raise DataError(
            f"{', '.join(paths)}: {len(rows)} usable rows are too few for a predictor; "
            "measure at least 12"
        )
    scales = _scales(fit, dataset, rows)
    started = time.perf_counter()
    fitted = _fit(fit, settings, dataset, split, scales, prior, say)
    seconds = time.perf_counter() - started
    predictor = fitted.predictor
    predictor.choices = dict(dataset.choices)
    metrics = evaluate(predictor, dataset.table.take(split.test), dataset.latency_ms[split.test])
    if not np.isfinite(metrics.rmse_ms):
        raise DataError(
            f"{', '.join(paths)}: the predictor {predictor.kind} learned no finite latency from "
            "it: choose a smaller learning rate or another predictor"
        )
    own = picked(settings, type(predictor).Settings)
    text = signature(
        stage="latency-predictor",
        data=content_digest(paths),
        predictor=predictor.kind,
        loss=settings_signature(own).get("loss"),
        target=None if fit.target == "latency" else fit.target,
        machine=fit.machine,
        shifted="kept" if fit.keep_shifted else None,
        prior=None if fit.prior is None else file_digest(fit.prior),
        scales=mapping_digest(vars(scales)),
        recipe=mapping_digest(settings_signature(own)),
        seed=fit.seed,
        rows=len(rows),
        workload=None if dataset.workload is None else dataset.workload.tag(),
    )
    predictor.facts = {
        "dataset": paths,
        "workload": None if dataset.workload is None else dataset.workload.to_dict(),
        "device": dataset.device,
        "reference": dataset.reference,
        "target": fit.target,
        "prior": None if fit.prior is None else file_digest(fit.prior),
        "seed": fit.seed,
        "split": {name: getattr(split, name).tolist() for name in ("train", "valid", "test")},
        "cv_error_percent": fitted.cv_error_percent,
        "test": metrics.to_dict(),
        "signature": text,
    }
    return FitResult(
        predictor=predictor,
        metrics=metrics,
        cv_error_percent=fitted.cv_error_percent,
        num_rows=len(rows),
        num_left_out=len(dataset.table) - len(rows),
        seconds=seconds,
        signature=text,
    )


def load_prior(
    path: Path, choices: Mapping[str, Sequence[int]], what: str, *, target: str = "latency"
) -> LatencyPredictor:
    """Loads a predictor of another device, engine or workload to start from.

    Args:
        path: its file.
        choices: sorted, by name of decision, that it has to know.
        what: has these choices, for the sentence of the error.
        target: what it has to predict.

    Raises:
        CheckpointError: if it cannot be read.
        ConfigError: if it does not hold its scales, as HAT's do not, predicts something else or was
            made for other choices.
    """
    try:
        prior = load_predictor(path)
    except NoScalesError:
        raise ConfigError(
            f"{path}: HAT's predictors do not hold their scales and are no --prior: fit one to "
            "the dataset of that device"
        ) from None
    prior.check_target(target)
    prior.check_choices(choices, what)
    return prior


def _prior(path: Path, dataset: Dataset, target: str) -> LatencyPredictor:
    """Loads what to start from, if the rows of the dataset say enough for it."""
    prior = load_prior(path, dataset.choices, "this dataset", target=target)
    if prior.needs_layers and dataset.table.layers is None:
        raise DataError(
            f"{path}: needs the architecture of every row, but the dataset has averages only: "
            "choose a --prior of another kind"
        )
    return prior


def _check_engine(paths: Sequence[str], dataset: Dataset, engine: str | None) -> None:
    """Refuses rows of another engine than the one asked for."""
    own = HATS_ENGINE if dataset.workload is None else dataset.workload.engine
    if engine not in (None, own):
        raise DataError(f"{', '.join(paths)}: was measured in the engine {own}, not in {engine}")


def check_each_once(paths: Sequence[str | Path]) -> None:
    """Refuses a dataset that is given twice: it would be tested on rows that it learned from.

    Raises:
        DataError: naming both.
    """
    first: dict[str, str | Path] = {}
    for path in paths:
        digest = file_digest(path)
        if digest in first:
            raise DataError(f"{path}: holds the same dataset as {first[digest]}: give each once")
        first[digest] = path


def _rows_to_use(dataset: Dataset, settings: FitSettings, say: Callable[[str], None]) -> Rows:
    everything = settings.keep_shifted or settings.machine == "average"
    rows = np.arange(len(dataset.table)) if everything else dataset.good_rows()
    if len(rows) < _FEW_ROWS and len(rows) < len(dataset.table):
        # A machine that was never at rest: noisy rows say more than none, and the interval of the
        # predictor grows with them.
        say(
            f"| only {len(rows)} of {len(dataset.table)} rows were measured undisturbed, too few "
            "to learn from: all are used, with their noise; measure again on a machine at rest"
        )
        return np.arange(len(dataset.table))
    what = "kept" if settings.keep_shifted else "left out"
    if settings.machine == "average":
        what = "set apart to learn how disturbed the machine is on average"
    if len(dataset.marked):
        say(f"| {len(dataset.marked)} rows are {what}: marked while the machine was disturbed")
    for path, runs in dataset.runs.items():
        for run in runs:
            say(
                f"| {path}: {run.num_rows} rows from row {run.first_row} on are {what}: "
                f"they sit {run.shift_percent:+.0f} % off the rest (see hat latency check)"
            )
    return rows


def _scales(settings: FitSettings, dataset: Dataset, rows: Rows) -> Scales:
    chosen = Scales.of(dataset.table.features[rows], dataset.latency_ms[rows])
    feature_norm, lat_norm = settings.feature_norm, settings.lat_norm
    return Scales(
        feature_norm or chosen.feature_norm,
        chosen.lat_norm if lat_norm is None else lat_norm,
    )


def _fit(
    fit: FitSettings,
    settings: Sequence[Settings],
    dataset: Dataset,
    split: Split,
    scales: Scales,
    prior: LatencyPredictor | None,
    say: Callable[[str], None],
) -> Fitted:
    learn = np.concatenate([split.train, split.valid])
    is_valid = np.arange(len(learn)) >= len(split.train)
    disturbed = np.empty(0, dtype=np.intp)
    named = None if fit.predictor == "auto" else PREDICTORS.load(fit.predictor)
    if fit.machine == "average":
        steady = np.isin(learn, dataset.good_rows())
        disturbed = learn[~steady]
        learn, is_valid = learn[steady], is_valid[steady]
    lesson = Lesson(
        table=dataset.table.take(learn),
        latency_ms=dataset.latency_ms[learn],
        valid=np.flatnonzero(is_valid),
        choices=dataset.choices,
        scales=scales,
        seed=fit.seed,
        report=say,
        prior=prior,
    )
    kinds = [fit.predictor] if named is not None else None
    fitted = fit_auto(lesson, *settings, kinds=kinds)
    if fit.machine == "average":
        table, latency_ms = dataset.table.take(disturbed), dataset.latency_ms[disturbed]
        average = average_machine(fitted.predictor, table, latency_ms)
        return Fitted(average, fitted.cv_error_percent)
    return fitted


def competing() -> tuple[str, ...]:
    """Returns the kinds that ``auto`` chooses from."""
    return PREDICTORS.where(lambda part: part.competes)


def fit_auto(
    lesson: Lesson,
    *settings: Settings,
    kinds: Sequence[str] | None = None,
) -> Fitted:
    """Fits every kind that the rows allow and returns the one that cross-validates best.

    All kinds see the same folds.

    Args:
        lesson: what to learn from.
        settings: of kinds of predictors; those whose own are not among them keep their defaults.
        kinds: what to choose from, all that compete if None; a single one is fitted whatever the
            rows.

    Raises:
        DataError: if there are too few rows, or none of the kinds fits the dataset.
    """
    kinds = competing() if kinds is None else kinds
    parts = [PREDICTORS.load(kind) for kind in kinds]
    fits: list[Fitted] = [
        part.build(picked(settings, part.Settings), lesson)
        for part in parts
        if len(parts) == 1 or part.suits(lesson)
    ]
    if not fits:
        raise DataError("no kind of predictor fits this dataset")
    if len(fits) == 1:
        return fits[0]
    best = min(fits, key=_cv_error)
    started = [fit for fit in fits if type(fit.predictor).takes_prior]
    if started and lesson.prior is not None:
        # Few rows rank kinds by luck. So what the user thought worth starting from is left only
        # for what is better by a standard error (the rule of Breiman et al., "Classification and
        # Regression Trees", 1984).
        with_prior = min(started, key=_cv_error)
        left_out = 100 * np.abs(with_prior.predictor.residuals)
        margin = float(left_out.std(ddof=1)) / len(left_out) ** 0.5
        if _cv_error(best) > _cv_error(with_prior) - margin:
            return with_prior
    return best


def _cv_error(fit: Fitted) -> float:
    return fit.cv_error_percent or 0.0


def average_machine(
    steady: LatencyPredictor, table: ArchTable, latency_ms: Floats
) -> LatencyPredictor:
    """Returns the predictor of a machine that is disturbed as often as the dataset was.

    No architecture tells whether it will meet a busy machine, so one number cannot be right on
    the quiet one and on average. What differs is a factor, the harmonic mean of measured over
    predicted: it minimises ``sum (measured - factor * predicted)^2 / (measured * predicted)``,
    squared errors of which each counts as much as its row is fast. The interval then has room for
    the disturbances.

    Args:
        steady: fitted to the undisturbed rows.
        table: the disturbed rows that were left out of that fit.
        latency_ms: (N,) their latency.
    """
    left_out = latency_ms / steady.predict_table(table)
    ratios = np.concatenate([1 + steady.residuals, left_out])
    factor = float(1 / np.mean(1 / ratios))
    residuals = np.sort(ratios / factor - 1)
    return replace(steady.scaled(factor), residuals=residuals)
