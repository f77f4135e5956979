r"""``hat prepare``: makes the text of a task, ready for ``fairseq-preprocess``.

    hat prepare numbers --source-lang en --target-lang fr --text-dir data/text/numbers_en_fr
    hat prepare multi30k --raw-dir RAW --text-dir data/text/multi30k_en_de
    hat prepare bpe --source-lang de --target-lang en --text-dir data/text/iwslt14_de_en \
        --merges 10000
    hat prepare binarise --source-lang de --target-lang en --text-dir data/text/iwslt14_de_en/bpe \
        --binary-dir data/binary/iwslt14_de_en
    hat prepare corpus --configs network.yml --configs text.yml
    hat prepare lines FILE ... > TEXT

The first two write ``raw``, ``tok`` and ``bpe`` folders under the text folder; ``bpe`` writes
only the last, from a ``tok`` folder that is there. ``corpus`` takes the ``raw`` folder that
``hat new`` wrote through to binarised data. Options of these may stand in YAML files, too, as
those of the network that is trained on the data. ``binarise`` runs fairseq-preprocess on what
they made. ``lines`` puts text under the one rule for lines and blanks, for scripts.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hat.arch.model_options import MODEL_OPTIONS
from hat.cli.console import command, print_result, stop_if_checking
from hat.cli.flags import add_flags, read_flags
from hat.cli.help import Parser, sentence
from hat.cli.options import (
    actions_by_key,
    add_config_flags,
    check_keys,
    read_config_files,
    set_defaults,
    split_config_flags,
)
from hat.cli.training_keys import TRAINING_KEYS
from hat.errors import ConfigError
from hat.locks import locked
from hat.signature import signature
from hat.tasks import TASKS
from hat.tasks.binarise import BinariseSettings, binarise
from hat.tasks.binary_index import binary_digest
from hat.text.dictionaries import SPECIAL_SYMBOLS
from hat.text.lines import STDIN, Changes, iterate_stream, iterate_text, standard_input


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; the last line printed is one line of JSON."""
    options = _parse(argv or [])
    if options.task == "lines":
        _lines(options.files)
    elif options.task == "binarise":
        _binarise(read_flags(options, BinariseSettings))
    else:
        part = TASKS.load(options.task)
        settings = read_flags(options, part.Settings)
        stop_if_checking()
        with locked(options.text_dir):
            _prepare(part.build(settings), options.text_dir)


def _prepare(task: Any, text_dir: str) -> None:
    result = task.prepare()
    for split, counts in result["bpe"].items():
        print(
            f"{split}: {counts['sentences']} sentences, on average "
            f"{counts['source_tokens_mean']} source and {counts['target_tokens_mean']} target "
            "BPE units"
        )
    print_result(
        {"text_dir": str(Path(text_dir)), **result, "signature": signature(**task.signature())}
    )


def _lines(files: Sequence[Path]) -> None:
    """Copies files, or standard input, to standard output; the count goes to standard error."""
    changes = Changes()
    texts: list[Iterable[str]] = [iterate_text(path, changes) for path in files]
    for lines in texts or [iterate_stream(standard_input(), STDIN, changes)]:
        for line in lines:
            sys.stdout.buffer.write(f"{line}\n".encode())
    sys.stdout.buffer.flush()
    print(changes, file=sys.stderr)


def _binarise(settings: BinariseSettings) -> None:
    languages, folder = settings.languages, settings.binary_dir
    done = binarise(settings.text_dir, languages, folder, flags=settings.flags())
    print(done.changes)
    print(
        f"{folder}: {done.words[0]} {languages[0]} and {done.words[1]} {languages[1]} words, "
        f"{len(SPECIAL_SYMBOLS)} of them fairseq's own"
    )
    print_result(
        {
            "binary_dir": str(folder),
            "sentences": dict(done.sentences),
            "src_vocab_size": done.words[0],
            "tgt_vocab_size": done.words[1],
            "text": done.changes.to_json(),
            "signature": signature(
                stage="binarise", pair="-".join(languages), data=binary_digest(folder)
            ),
        }
    )


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parses the command line; what YAML files say of a task becomes its defaults."""
    files, words = split_config_flags(argv)
    parser, tasks = _parser()
    name = next(iter(words), "")
    if files:
        if name not in tasks:
            raise ConfigError("--configs is for a task, whose name comes first")
        entries, actions = read_config_files(files), actions_by_key(tasks[name])
        others = {option.name for option in MODEL_OPTIONS} | TRAINING_KEYS
        check_keys(entries, [*actions, *others])
        set_defaults(tasks[name], {key: entries[key] for key in entries if key in actions})
    return parser.parse_args(words)


def _parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser, and those of the tasks in it."""
    parser = Parser(prog="hat prepare", description=__doc__)
    tasks = parser.add_subparsers(dest="task", required=True, metavar="TOOL")
    made = {}
    for name in TASKS:
        part = TASKS.load(name)
        made[name] = _add(tasks, name, part.about)
        add_config_flags(made[name])
        add_flags(made[name], part.Settings)
    add_flags(_add(tasks, "binarise", "fairseq's binary data of a text"), BinariseSettings)
    lines = _add(tasks, "lines", "plain lines: one blank between words, no other blanks")
    lines.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="text to read (default: standard input)"
    )
    return parser, made


def _add(tasks: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = tasks.add_parser(
        name,
        help=text,
        description=sentence(text),
    )
    return parser
