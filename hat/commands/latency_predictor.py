"""``latency_predictor.py``: fit a predictor to a latency dataset and save it with its scales."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from hat.cli.console import command, print_result, stop_if_checking
from hat.cli.flags import add_flags, read_flags
from hat.cli.help import program
from hat.cli.options import StageParser
from hat.cli.outputs import check_apart
from hat.files import check_writable
from hat.latency.fit import FitResult, FitSettings, fit_predictor
from hat.latency.metrics import doubt
from hat.latency.predictors import PREDICTORS
from hat.locks import locked
from hat.settings import NO_OUTCOME, Settings


@dataclass(frozen=True, kw_only=True)
class _Files(Settings):
    """What is read and written."""

    lat_dataset_path: tuple[Path, ...] = (Path("./latency_dataset/lat.tmp"),)
    """CSV files of one workload"""

    ckpt_path: Annotated[Path, NO_OUTCOME] = Path("latency_dataset/ckpts/tmp.pt")
    """where to save the predictor"""

    dataset_path: Annotated[str | None, NO_OUTCOME] = None
    """accepted for HAT's sake; has no effect"""


def _parser() -> StageParser:
    parser = StageParser(
        prog=program("latency-predictor"),
        description="Fits a latency predictor to a latency dataset.",
    )
    add_flags(parser, _Files)
    add_flags(parser, FitSettings)
    for cls in PREDICTORS.settings():
        names = (name for name in PREDICTORS if PREDICTORS.load(name).Settings is cls)
        add_flags(parser, cls, f"--predictor {', '.join(names)}")
    return parser


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``latency_predictor.py``."""
    options = _parser().parse_args(list(argv or []))
    files, settings = read_flags(options, _Files), read_flags(options, FitSettings)
    own: list[Settings] = [read_flags(options, cls) for cls in PREDICTORS.settings()]
    stop_if_checking()
    check_apart(options, "ckpt_path", argv=argv or [])
    check_writable(files.ckpt_path, kind="archive", form="a checkpoint")
    with locked(files.ckpt_path):
        fit = fit_predictor(files.lat_dataset_path, settings, *own)
        fit.predictor.save(files.ckpt_path)
    _report(fit)
    print_result(
        {
            "ckpt_path": str(files.ckpt_path),
            "predictor": fit.predictor.kind,
            "rows": fit.num_rows,
            "left_out_rows": fit.num_left_out,
            "cv_error_percent": fit.cv_error_percent,
            "test": fit.metrics.to_dict(),
            "unit": fit.predictor.unit,
            "fit_seconds": round(fit.seconds, 3),
            "feature_norm": list(fit.predictor.scales.feature_norm),
            "lat_norm": fit.predictor.scales.lat_norm,
            "signature": fit.signature,
        }
    )


def _report(fit: FitResult) -> None:
    predictor, metrics = fit.predictor, fit.metrics
    print(f"| predictor: {predictor.kind}, fitted in {fit.seconds:.2f} s")
    if fit.cv_error_percent is not None:
        print(f"| mean absolute percentage error in cross-validation: {fit.cv_error_percent:.2f} %")
    print(
        f"| on {metrics.rows} test rows: RMSE {metrics.rmse_ms:.2f} {predictor.unit}, "
        f"mean absolute percentage error {metrics.mape_percent:.2f} %"
    )
    if len(predictor.residuals):
        low, high = predictor.relative_interval(0.9)
        print(f"| 90 % of measurements lie {100 * low:+.1f} % to {100 * high:+.1f} % off")
    if (said := doubt(predictor)) is not None:
        print(f"| warning: {said}")
