"""``latency_dataset.py``: measure SubTransformers on this device and write HAT's CSV."""

import sys
from collections.abc import Sequence

from tqdm import tqdm

from hat.arch.hat_yaml import space_from_options
from hat.cli.console import command, print_result, stop_if_checking
from hat.cli.flags import read_flags
from hat.cli.help import program
from hat.cli.network import network_parser, network_place
from hat.cli.outputs import check_apart
from hat.measuring.devices import device_at, device_settings
from hat.measuring.settings import DatasetSettings, WorkloadSettings
from hat.models.network import NetworkSettings, network_config


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``latency_dataset.py``."""
    parser = network_parser(
        program("latency-dataset"),
        "Measures SubTransformers of a search space on a device.",
        {
            "network": NetworkSettings,
            "workload": WorkloadSettings,
            "dataset": DatasetSettings,
            **device_settings(),
        },
    )
    options = parser.parse_args(list(argv or []))
    from hat.measuring.dataset import measure_dataset
    from hat.measuring.engines import check_engine

    network = read_flags(options, NetworkSettings)
    timing = read_flags(options, WorkloadSettings)
    device = device_at(options)
    space = space_from_options(vars(options), network_place(argv or []))
    config = network_config(network, vars(options))
    workload = timing.workload(network.arch, is_here=device.is_here)
    settings = read_flags(options, DatasetSettings)
    check_engine(workload, config, space.largest())
    stop_if_checking()
    check_apart(options, "lat_dataset_path", argv=argv or [])
    made = measure_dataset(
        space,
        config,
        workload,
        settings,
        device=device,
        say=tqdm.write,
        say_row=None if timing.latsilent else tqdm.write,
        show_progress=sys.stderr.isatty(),
    )
    print("\n".join(made.lines()))
    print_result(made.figures())
