"""``hat latency``: check a dataset, compare predictors, measure or predict SubTransformers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from hat.cli.console import command, print_result, stop_if_checking
from hat.cli.flags import add_flags, read_flags
from hat.cli.help import Parser
from hat.cli.network import network_parser, network_place, parse_beside_training
from hat.cli.outputs import check_apart
from hat.errors import ConfigError, suggestion
from hat.files import check_writable
from hat.latency.check import CheckSettings, check_dataset
from hat.latency.predict import PredictSettings, predict_files, predictions_result
from hat.latency.samples import write_samples
from hat.settings import NO_OUTCOME, PNG, Settings, Shown, all_keys
from hat.studies.latency_bench import BenchSettings
from hat.studies.latency_bench_report import report_bench


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``hat latency``."""
    argv = list(argv or [])
    if not argv or argv[0] in ("-h", "--help"):
        print(usage())
        return
    if argv[0] not in TOOLS:
        hint = suggestion(argv[0], TOOLS) or f"; expected one of {', '.join(TOOLS)}"
        raise ConfigError(f"unknown tool {argv[0]!r} of hat latency{hint}")
    TOOLS[argv[0]](argv[1:])


def usage() -> str:
    """The text of ``hat latency --help``."""
    width = max(map(len, TOOLS))
    lines = [f"  {name:<{width}}  {tool.__doc__}" for name, tool in TOOLS.items()]
    head = f"usage: hat latency {{{','.join(TOOLS)}}} [OPTIONS]      (each with --help)"
    return "\n".join([head, "", *lines])


@dataclass(frozen=True, kw_only=True)
class _CheckFiles(Settings):
    """What is written."""

    plot: Annotated[Path | None, PNG, NO_OUTCOME, Shown("PNG")] = None
    """write the picture to this file (default: NAME.check.png here)"""

    write_clean: Annotated[Path | None, NO_OUTCOME, Shown("CSV")] = None
    """write the rows outside the runs to this file"""


def check(argv: Sequence[str]) -> None:
    """Finds rows of a dataset that were measured while the machine was disturbed."""
    parser = Parser(
        prog="hat latency check",
        description=check.__doc__,
    )
    parser.add_argument("csv", help="latency dataset, ours or HAT's")
    parser.add_argument("--json", action="store_true", help="the last line is JSON; no picture")
    add_flags(parser, CheckSettings)
    add_flags(parser, _CheckFiles)
    options = parser.parse_args(list(argv))
    files = read_flags(options, _CheckFiles)
    picture = None if options.json else f"{Path(options.csv).stem}.check.png"
    plot = files.plot or picture
    check_apart(options, "plot", "write_clean")
    check_writable(plot, kind="picture")
    check_writable(files.write_clean, form="CSV")
    checked = check_dataset(options.csv, read_flags(options, CheckSettings))
    print("\n".join(checked.lines()))
    if plot is not None:
        checked.plot(plot)
        print(f"picture: {plot}")
    if files.write_clean:
        kept = checked.clean()
        write_samples(files.write_clean, kept)
        print(f"wrote {len(kept)} rows to {files.write_clean}")
    if options.json:
        print_result(checked.figures())


def bench(argv: Sequence[str]) -> None:
    """Compares HAT's predictor and ours on the same splits of each dataset."""
    parser = Parser(
        prog="hat latency bench",
        description=bench.__doc__,
    )
    parser.add_argument("csv", nargs="+", help="latency datasets")
    add_flags(parser, BenchSettings)
    options = parser.parse_args(list(argv))
    settings = read_flags(options, BenchSettings)
    check_apart(options, "resume")
    for place, path in enumerate(options.csv):
        if path in options.csv[:place]:
            raise ConfigError(f"{path}: is named twice")
    import torch

    torch.set_num_threads(1)
    print_result(report_bench(options.csv, settings))


def measure(argv: Sequence[str]) -> None:
    """Measures the latency of one SubTransformer on a device."""
    from hat.measuring.devices import device_at, device_settings
    from hat.measuring.settings import DatasetSettings, WorkloadSettings
    from hat.measuring.subtransformer import measure_options
    from hat.models.network import NetworkSettings

    parser = network_parser(
        "hat latency measure",
        str(measure.__doc__),
        {"network": NetworkSettings, "workload": WorkloadSettings, **device_settings()},
        ignored_keys=all_keys(DatasetSettings),
    )
    parser.add_argument("--seed", type=int, default=1, help="accepted; nothing is drawn")
    options = parse_beside_training(parser, argv)
    network = read_flags(options, NetworkSettings)
    timing = read_flags(options, WorkloadSettings)
    device, place = device_at(options), network_place(argv)
    measured = measure_options(network, timing, vars(options), device=device, where=place)
    print(measured)
    print_result(measured.figures())


def predict(argv: Sequence[str]) -> None:
    """Predicts the latency of SubTransformers from a saved predictor."""
    parser = Parser(prog="hat latency predict", description=predict.__doc__)
    parser.add_argument("yml", nargs="+", help="SubTransformer files with HAT's keys")
    add_flags(parser, PredictSettings)
    options = parser.parse_args(list(argv))
    settings = read_flags(options, PredictSettings)
    predictions = predict_files(options.yml, settings)
    print("\n".join(map(str, predictions)))
    print_result(predictions_result(predictions, settings))


def compare(argv: Sequence[str]) -> None:
    """Measures SubTransformers in turn, beside what a predictor says of them."""
    from hat.measuring.devices import device_at, device_settings
    from hat.measuring.settings import DatasetSettings, WorkloadSettings
    from hat.models.network import NetworkSettings, network_config
    from hat.nas.compare import CompareSettings, compare_files

    parser = network_parser(
        "hat latency compare",
        str(compare.__doc__),
        {
            "network": NetworkSettings,
            "workload": WorkloadSettings,
            "comparison": CompareSettings,
            **device_settings(),
        },
        ignored_keys=all_keys(DatasetSettings),
    )
    parser.add_argument("yml", nargs="+", help="SubTransformer files with HAT's keys")
    options = parse_beside_training(parser, argv)
    settings, network = read_flags(options, CompareSettings), read_flags(options, NetworkSettings)
    timing, device = read_flags(options, WorkloadSettings), device_at(options)
    workload = timing.workload(network.arch, is_here=device.is_here)
    stop_if_checking()
    config = network_config(network, vars(options))
    print_result(compare_files(options.yml, config, workload, settings, device=device))


TOOLS: dict[str, Callable[[Sequence[str]], None]] = {
    "check": check,
    "bench": bench,
    "measure": measure,
    "predict": predict,
    "compare": compare,
}
"""What ``hat latency`` can do."""
