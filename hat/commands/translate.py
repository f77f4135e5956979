"""``hat translate MODEL_DIR [FILE]``: text in, text out, line by line in order.

hat translate MODEL_DIR < text                                  a folder that hat export wrote
hat translate CKPT SUB.yml --data DATA --bpe-codes CODES FILE    a checkpoint
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from hat.cli.console import command
from hat.cli.flags import add_flags, read_flags
from hat.cli.help import Parser
from hat.errors import ConfigError
from hat.settings import NO_OUTCOME, AtLeast, AtMost, Settings
from hat.text.buffers import buffered_stream
from hat.text.lines import STDIN, Changes, iterate_text, standard_input


@dataclass(frozen=True, kw_only=True)
class OutputSettings(Settings):
    """How lines are read and translations are written."""

    buffer_size: Annotated[int, AtLeast(1), AtMost(10_000_000)] = 2000
    """Lines that are read before the first of them is translated, at most: similar lengths of
    them are translated together. Of a stream, those that are there."""

    scores: Annotated[bool, NO_OUTCOME] = False
    """The score of a translation and a tab stand before it: its log-probability to base 2 over
    the power of its length."""

    device: Literal["cpu", "cuda"] = "cpu"
    """Where the network runs."""


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line."""
    options = _parser().parse_intermixed_args(argv)
    from hat.export.trained import TaskSettings
    from hat.export.translator import Translator
    from hat.translation.sentences import TranslationSettings

    sub_yml, file = _split(options.model, options.paths)
    settings = read_flags(options, TranslationSettings)
    output = read_flags(options, OutputSettings)
    _check_device(output.device)
    task = read_flags(options, TaskSettings)
    translator = Translator(
        options.model,
        sub_yml,
        settings=settings,
        task=None if task == TaskSettings() else task,
        device=output.device,
    )
    name = STDIN if file is None else str(file)
    number = 0
    for lines in _buffers(file, output.buffer_size):
        found = translator.nbest(lines, name=f"{name}: line", first=number + 1)
        for translations in found:
            number += 1
            if not translations:
                print()
            for each in translations:
                head = f"{number}\t" if settings.search.nbest > 1 else ""
                score = f"{each.score:.4f}\t" if output.scores else ""
                print(f"{head}{score}{each.text}")
        print(end="", flush=True)


def _split(model: Path, paths: Sequence[Path]) -> tuple[Path | None, Path | None]:
    """The SubTransformer and the text among the words behind the model."""
    rest = list(paths)
    has_yml = not model.is_dir() and rest and rest[0].suffix in (".yml", ".yaml")
    sub_yml = rest.pop(0) if has_yml else None
    if len(rest) > 1:
        raise ConfigError(f"expected one file of text, but found {' '.join(map(str, rest))}")
    return sub_yml, rest[0] if rest and str(rest[0]) != "-" else None


def _check_device(device: str) -> None:
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device cuda: torch finds no GPU here")


def _buffers(file: Path | None, size: int) -> Iterator[list[str]]:
    changes = Changes()
    if file is None:
        yield from buffered_stream(standard_input(), STDIN, size, changes)
        return
    buffer: list[str] = []
    for line in iterate_text(file, changes):
        buffer.append(line)
        if len(buffer) == size:
            yield buffer
            buffer = []
    if buffer:
        yield buffer


def _parser() -> argparse.ArgumentParser:
    from hat.export.trained import TaskSettings
    from hat.translation.sentences import TranslationSettings

    parser = Parser(
        prog="hat translate",
        usage="%(prog)s MODEL_DIR [FILE] [OPTIONS]\n"
        "       %(prog)s CKPT [SUB.yml] [FILE] --data DATA --bpe-codes CODES [OPTIONS]",
        description="Translates text, one sentence a line. An empty line stays an empty line.",
        epilog="With --nbest above 1 each translation has the number of its line and a tab before "
        "it.",
    )
    parser.add_argument(
        "model", metavar="MODEL", type=Path, help="folder of hat export, or a checkpoint"
    )
    parser.add_argument(
        "paths",
        type=Path,
        nargs="*",
        metavar="FILE",
        help="text, .gz or not; default: standard input",
    )
    add_flags(parser, TranslationSettings, "search")
    add_flags(parser, OutputSettings, "lines")
    add_flags(parser, TaskSettings, "task", "what a checkpoint does not hold")
    return parser
