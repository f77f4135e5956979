r"""``hat prepare``: makes the text of a task, ready for ``fairseq-preprocess``.

    hat prepare numbers --source-lang en --target-lang fr --text-dir data/text/numbers_en_fr
    hat prepare multi30k --raw-dir RAW --text-dir data/text/multi30k_en_de
    hat prepare bpe --source-lang de --target-lang en --text-dir data/text/iwslt14_de_en \
        --merges 10000
    hat prepare binarise --source-lang de --target-lang en --text-dir data/text/iwslt14_de_en/bpe \
        --binary-dir data/binary/iwslt14_de_en
    hat prepare lines FILE ... > TEXT

The first two write ``raw``, ``tok`` and ``bpe`` folders under the text folder; ``bpe`` writes
only the last, from a ``tok`` folder that is there. ``binarise`` runs fairseq-preprocess on what
they made. ``lines`` puts text under the one rule for lines and blanks, for scripts.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from hat.cli.console import command, print_result
from hat.cli.flags import add_flags, read_flags
from hat.settings import Settings, Shown
from hat.signature import signature
from hat.tasks import TASKS
from hat.tasks.binarise import binarise
from hat.text.dictionaries import SPECIAL_SYMBOLS, read_dictionary
from hat.text.lines import Changes, iterate_stream, iterate_text


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; the last line printed is one line of JSON."""
    options = _parser().parse_args(argv)
    if options.task == "lines":
        _lines(options.files)
    elif options.task == "binarise":
        _binarise(read_flags(options, _BinariseSettings))
    else:
        part = TASKS.load(options.task)
        _prepare(part.build(read_flags(options, part.Settings)))


def _prepare(task: Any) -> None:
    if task.changes is not None:
        print(task.changes)
    result = task.write()
    for split, counts in result["bpe"].items():
        print(
            f"{split}: {counts['sentences']} sentences, on average "
            f"{counts['source_tokens_mean']} source and {counts['target_tokens_mean']} target "
            "BPE units"
        )
    text = {} if task.changes is None else {"text": task.changes.to_json()}
    where = {"text_dir": str(task.settings.text_dir)}
    print_result({**where, **result, **text, "signature": signature(**task.signature())})


@dataclass(frozen=True, kw_only=True)
class _BinariseSettings(Settings):
    """What fairseq-preprocess is given."""

    text_dir: Path
    """folder of {train,valid,test}.LANGUAGE"""

    binary_dir: Path
    """folder to write to"""

    source_lang: str
    """for example en"""

    target_lang: str
    """for example fr"""

    workers: int = 1
    """processes"""

    joined_dictionary: bool = False
    """one for both languages"""

    srcdict: Annotated[Path | None, Shown("FILE")] = None
    """take this dictionary"""

    tgtdict: Annotated[Path | None, Shown("FILE")] = None
    """take this dictionary"""

    thresholdsrc: Annotated[int | None, Shown("N")] = None
    """as of fairseq-preprocess"""

    thresholdtgt: Annotated[int | None, Shown("N")] = None
    """as of fairseq-preprocess"""

    nwordssrc: Annotated[int | None, Shown("N")] = None
    """as of fairseq-preprocess"""

    nwordstgt: Annotated[int | None, Shown("N")] = None
    """as of fairseq-preprocess"""


_DICTIONARIES = ("srcdict", "tgtdict")
_PASSED_ON = (*_DICTIONARIES, "thresholdsrc", "thresholdtgt", "nwordssrc", "nwordstgt")


def _binarise(settings: _BinariseSettings) -> None:
    languages = (settings.source_lang, settings.target_lang)
    flags = ["--workers", str(settings.workers)]
    if settings.joined_dictionary:
        flags.append("--joined-dictionary")
    for name in _PASSED_ON:
        if (value := getattr(settings, name)) is not None:
            if name in _DICTIONARIES:
                read_dictionary(value)
            flags += [f"--{name}", str(value)]
    done = binarise(settings.text_dir, languages, settings.binary_dir, flags=flags)
    print(done.changes)
    print(
        f"{settings.binary_dir}: {done.words[0]} {languages[0]} and {done.words[1]} {languages[1]} "
        f"words, {len(SPECIAL_SYMBOLS)} of them fairseq's own"
    )
    print_result(
        {
            "binary_dir": str(settings.binary_dir),
            "sentences": dict(done.sentences),
            "src_vocab_size": done.words[0],
            "tgt_vocab_size": done.words[1],
            "text": done.changes.to_json(),
            "signature": signature(stage="binarise", pair="-".join(languages)),
        }
    )


def _lines(files: Sequence[Path]) -> None:
    """Copies files, or standard input, to standard output; the count goes to standard error."""
    changes = Changes()
    texts: list[Iterable[str]] = [iterate_text(path, changes) for path in files]
    for lines in texts or [iterate_stream(sys.stdin.buffer, "standard input", changes)]:
        for line in lines:
            sys.stdout.buffer.write(f"{line}\n".encode())
    sys.stdout.buffer.flush()
    print(changes, file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hat prepare", description="Makes the text of a task.", allow_abbrev=False
    )
    tasks = parser.add_subparsers(dest="task", required=True, metavar="TASK")
    for name in TASKS:
        part = TASKS.load(name)
        add_flags(_add(tasks, name, part.about), part.Settings)
    add_flags(_add(tasks, "binarise", "fairseq's binary data of a text"), _BinariseSettings)
    lines = _add(tasks, "lines", "plain lines: one blank between words, no other blanks")
    lines.add_argument("files", nargs="*", type=Path, metavar="FILE", help="else standard input")
    return parser


def _add(tasks: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = tasks.add_parser(
        name,
        help=text,
        description=f"Makes {text}.",
        allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    return parser
