"""``train.py``: train a SuperTransformer, or one SubTransformer from scratch, through fairseq.

With ``--latcpu``, ``--latgpu`` or ``--profile-flops`` it measures or counts the SubTransformer
that the YAML files describe instead, as HAT's ``train.py`` does.
"""

import argparse
from collections.abc import Sequence

from hat.cli.console import command, print_result, set_up_logging
from hat.cli.options import read_config_files, split_config_flags


def _add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("hat")
    group.add_argument("--latcpu", action="store_true", help="measure latency on the CPU")
    group.add_argument("--latgpu", action="store_true", help="measure latency on the GPU")
    group.add_argument("--profile-flops", action="store_true", help="count parameters and FLOPs")


def _asks_for(flag: str, argv: Sequence[str]) -> bool:
    paths, rest = split_config_flags(argv)
    if flag in rest:
        return True
    entry = read_config_files(paths).get(flag.removeprefix("--"))
    return entry is not None and entry.switch()


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``train.py``."""
    argv = argv or []
    if _asks_for("--profile-flops", argv):
        from hat.commands.profile import main as profile

        profile([word for word in argv if word != "--profile-flops"])
    elif _asks_for("--latcpu", argv) or _asks_for("--latgpu", argv):
        from hat.commands.latency import measure_one

        measure_one(argv)
    else:
        _train(argv)


def _train(argv: Sequence[str]) -> None:
    set_up_logging()
    from hat.fairseq_plugin.arguments import parse, training_parser
    from hat.fairseq_plugin.resuming import add_resume_option
    from hat.fairseq_plugin.training import train_and_tell

    def add_options(parser: argparse.ArgumentParser) -> None:
        _add_options(parser)
        add_resume_option(parser)

    result = train_and_tell(parse(training_parser, argv, add_options=add_options))
    if result is not None:
        print_result(result)
