"""``train.py``: train a SuperTransformer, or one SubTransformer from scratch, through fairseq.

With ``--latcpu``, ``--latgpu`` or ``--profile-flops`` it measures or counts the SubTransformer
that the YAML files describe instead, as HAT's ``train.py`` does.
"""

import argparse
from collections.abc import Sequence

from hat.cli.console import command, print_result, set_up_logging, stop_if_checking
from hat.cli.flags import read_flags
from hat.cli.help import program
from hat.cli.network import network_parser, network_place, parse_beside_training
from hat.cli.options import read_config_files, split_config_flags
from hat.settings import all_keys

_SWITCHES = {
    "latcpu": "measure latency on the CPU",
    "latgpu": "measure latency on the GPU",
    "profile-flops": "count parameters and FLOPs",
}
"""What is done instead of training."""


def _add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("instead of training")
    for name, text in _SWITCHES.items():
        group.add_argument(f"--{name}", action="store_true", help=text)


def _asks_for(name: str, argv: Sequence[str]) -> bool:
    paths, rest = split_config_flags(argv)
    if f"--{name}" in rest:
        return True
    entry = read_config_files(paths).get(name)
    return entry is not None and entry.switch()


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``train.py``."""
    argv = argv or []
    if _asks_for("profile-flops", argv):
        _profile([word for word in argv if word != "--profile-flops"])
    elif _asks_for("latcpu", argv) or _asks_for("latgpu", argv):
        _measure(argv)
    else:
        _train(argv)


def _profile(argv: Sequence[str]) -> None:
    from hat.models.profile import ProfileSettings, profile_options

    parser = network_parser(
        f"{program('train')} --profile-flops",
        "Parameters and FLOPs of one SubTransformer.",
        {"network and sentence": ProfileSettings},
        ignored_keys=frozenset(_SWITCHES),
    )
    options = parse_beside_training(parser, argv)
    settings = read_flags(options, ProfileSettings)
    found = profile_options(settings, vars(options), network_place(argv))
    if not settings.json:
        print("\n".join(found.lines()))
    print_result(found.figures())


def _measure(argv: Sequence[str]) -> None:
    from hat.measuring.devices import device_at, device_settings
    from hat.measuring.settings import DatasetSettings, WorkloadSettings
    from hat.measuring.subtransformer import measure_options
    from hat.models.network import NetworkSettings

    parser = network_parser(
        f"{program('train')} --latcpu",
        "Measures the latency of one SubTransformer on a device.",
        {"network": NetworkSettings, "workload": WorkloadSettings, **device_settings()},
        ignored_keys=all_keys(DatasetSettings) | frozenset(_SWITCHES),
    )
    options = parse_beside_training(parser, argv)
    network = read_flags(options, NetworkSettings)
    timing = read_flags(options, WorkloadSettings)
    device = device_at(options)
    stop_if_checking()
    measured = measure_options(
        network, timing, vars(options), device=device, where=network_place(argv)
    )
    print(measured)
    print_result(measured.figures())


def _train(argv: Sequence[str]) -> None:
    set_up_logging()
    from hat.fairseq_plugin.arguments import parse, training_parser
    from hat.fairseq_plugin.resuming import add_resume_option
    from hat.fairseq_plugin.training import train_and_tell

    def add_options(parser: argparse.ArgumentParser) -> None:
        parser.prog = program("train")
        parser.description = "Trains a SuperTransformer, or one SubTransformer from scratch."
        _add_options(parser)
        add_resume_option(parser)

    options = parse(training_parser, argv, add_options=add_options)
    stop_if_checking()
    result = train_and_tell(options)
    if result is not None:
        print_result(result)
