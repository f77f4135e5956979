"""``hat export CKPT SUB.yml OUT_DIR``: one SubTransformer as a folder that translates."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from hat.cli.console import command, print_result, stop_if_checking
from hat.cli.flags import add_flags, read_flags
from hat.cli.help import Parser
from hat.errors import ConfigError
from hat.export.folder import ExportSettings, check_choices, check_target, export
from hat.export.formats import FORMATS
from hat.export.trained import TaskSettings, read_trained
from hat.tasks.units import has_units, name_units


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; the last line printed is one line of JSON."""
    options = _parser().parse_intermixed_args(argv)
    *sub_yml, folder = options.paths
    if len(sub_yml) > 1:
        raise ConfigError("expected a checkpoint, a SubTransformer's YAML file and a folder")
    settings = read_flags(options, ExportSettings)
    part = FORMATS.load(settings.format)
    FORMATS.check_others([settings.format], vars(options), "--format")
    format_ = part.build(read_flags(options, part.Settings))
    check_choices(settings, format_)
    task = read_flags(options, TaskSettings)
    check_target(folder)
    stop_if_checking()
    trained = read_trained(options.checkpoint, sub_yml[0] if sub_yml else None, task)
    done = export(trained, folder, settings, format_)
    print(f"{folder}: {trained.languages[0]} to {trained.languages[1]}, {settings.format}")
    print(f"{done.params:,} parameters in {done.model_bytes:,} bytes; {done.total_bytes:,} in all")
    print(f"text: {trained.rules}")
    if trained.codes is None and any(map(has_units, trained.words)):
        units = name_units(trained.words)
        print(f"without --bpe-codes it takes --pretokenised text only ({units})")
    print(f"log-probabilities differ by at most {done.parity:.2e} ({done.parity_on})")
    if done.bleu is not None:
        print(done.bleu)
    print_result(
        {
            "folder": str(folder),
            "format": settings.format,
            "params": done.params,
            "model_bytes": done.model_bytes,
            "total_bytes": done.total_bytes,
            "parity": done.parity,
            "bleu_difference": None if done.bleu is None else done.bleu.difference,
            "signature": done.signature,
        }
    )


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="hat export",
        usage="%(prog)s CKPT [SUB.yml] OUT_DIR [OPTIONS]",
        description="Writes one SubTransformer with all it takes to translate into a folder.",
    )
    parser.add_argument("checkpoint", type=Path, metavar="CKPT", help="checkpoint, ours or HAT's")
    parser.add_argument(
        "paths",
        type=Path,
        nargs="+",
        metavar="[SUB.yml] OUT_DIR",
        help="the SubTransformer, if CKPT was not trained as one, and the folder to write",
    )
    add_flags(parser, ExportSettings)
    for settings in FORMATS.settings():
        add_flags(parser, settings)
    add_flags(parser, TaskSettings, "task", "what the checkpoint does not hold")
    return parser
