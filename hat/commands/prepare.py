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
from pathlib import Path
from typing import Any

import numpy as np

from hat.cli.console import command, print_result
from hat.conditions import mapping_digest
from hat.errors import ConfigError
from hat.signature import signature
from hat.tasks import multi30k, numbers
from hat.tasks.binarise import binarise
from hat.tasks.corpus import Corpus, describe, read_corpus
from hat.tasks.prepare import prepare_corpus, split_words
from hat.text.dictionaries import SPECIAL_SYMBOLS, read_dictionary
from hat.text.lines import Changes, iterate_stream, iterate_text
from hat.text.moses import normalise_and_tokenise


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; the last line printed is one line of JSON."""
    options = _parser().parse_args(argv)
    if options.task == "lines":
        _lines(options)
        return
    if options.task == "binarise":
        _binarise(options)
        return
    if options.merges < 1:
        raise ConfigError(f"--merges must be at least 1, but found {options.merges}")
    result = {"numbers": _numbers, "multi30k": _multi30k, "bpe": _bpe}[options.task](options)
    for split, counts in result["bpe"].items():
        print(
            f"{split}: {counts['sentences']} sentences, on average "
            f"{counts['source_tokens_mean']} source and {counts['target_tokens_mean']} target "
            "BPE units"
        )
    print_result({"text_dir": str(options.text_dir), **result})


def _numbers(options: argparse.Namespace) -> dict[str, Any]:
    languages = (options.source_lang, options.target_lang)
    sizes = {"train": options.train, "valid": options.valid, "test": options.test}
    for name, size in sizes.items():
        if size < 1:
            raise ConfigError(f"--{name} must be at least 1, but found {size}")
    raw = numbers.make_numbers(
        languages, sizes, max_digits=options.max_digits, rng=np.random.default_rng(options.seed)
    )
    result = prepare_corpus(
        raw,
        languages,
        options.text_dir,
        tokenise=numbers.tokenise,
        num_merges=options.merges,
    )
    pair = f"{languages[0]}-{languages[1]}"
    task = f"numbers.{pair}.{options.max_digits}digits"
    return {**result, "signature": signature(task=task, bpe=options.merges, seed=options.seed)}


def _multi30k(options: argparse.Namespace) -> dict[str, Any]:
    languages = ("en", "de")
    changes = Changes()
    raw = multi30k.read_raw(options.raw_dir, languages, changes)
    print(changes)
    result = prepare_corpus(
        raw,
        languages,
        options.text_dir,
        tokenise=normalise_and_tokenise,
        num_merges=options.merges,
    )
    text = signature(task="multi30k.en-de", corpus=_digest(raw), bpe=options.merges)
    return {**result, "text": changes.to_json(), "signature": text}


def _bpe(options: argparse.Namespace) -> dict[str, Any]:
    languages = (options.source_lang, options.target_lang)
    changes = Changes()
    tokenised = read_corpus(options.text_dir / "tok", languages, changes)
    print(changes)
    units = split_words(tokenised, languages, options.text_dir, num_merges=options.merges)
    return {
        "words": describe(tokenised),
        "bpe": describe(units),
        "text": changes.to_json(),
        "signature": signature(corpus=_digest(tokenised), bpe=options.merges),
    }


def _lines(options: argparse.Namespace) -> None:
    """Copies files, or standard input, to standard output; the count goes to standard error."""
    changes = Changes()
    texts: list[Iterable[str]] = [iterate_text(path, changes) for path in options.files]
    for lines in texts or [iterate_stream(sys.stdin.buffer, "standard input", changes)]:
        for line in lines:
            sys.stdout.buffer.write(f"{line}\n".encode())
    sys.stdout.buffer.flush()
    print(changes, file=sys.stderr)


def _binarise(options: argparse.Namespace) -> None:
    languages = (options.source_lang, options.target_lang)
    flags = ["--workers", str(options.workers)]
    if options.joined_dictionary:
        flags.append("--joined-dictionary")
    for name in _DICTIONARIES:
        if (path := getattr(options, name)) is not None:
            read_dictionary(path)
            flags += [f"--{name}", str(path)]
    for name in _LIMITS:
        if (limit := getattr(options, name)) is not None:
            flags += [f"--{name}", str(limit)]
    done = binarise(options.text_dir, languages, options.binary_dir, flags=flags)
    print(done.changes)
    print(
        f"{options.binary_dir}: {done.words[0]} {languages[0]} and {done.words[1]} {languages[1]} "
        f"words, {len(SPECIAL_SYMBOLS)} of them fairseq's own"
    )
    print_result(
        {
            "binary_dir": str(options.binary_dir),
            "sentences": dict(done.sentences),
            "src_vocab_size": done.words[0],
            "tgt_vocab_size": done.words[1],
            "text": done.changes.to_json(),
            "signature": signature(stage="binarise", pair="-".join(languages)),
        }
    )


_DICTIONARIES = ("srcdict", "tgtdict")
_LIMITS = ("thresholdsrc", "thresholdtgt", "nwordssrc", "nwordstgt")


def _digest(corpus: Corpus) -> str:
    """Of the sentences, however they are stored."""
    return mapping_digest({split: (both.source, both.target) for split, both in corpus.items()})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hat prepare", description="Makes the text of a task.", allow_abbrev=False
    )
    tasks = parser.add_subparsers(dest="task", required=True, metavar="TASK")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--text-dir", type=Path, required=True, help="folder to write to")

    words = _add(tasks, "numbers", shared, "numbers in words, made from a seed", merges=150)
    _add_languages(words)
    words.add_argument("--seed", type=int, default=1, help="draws the numbers")
    words.add_argument("--train", type=int, default=20000, help="sentences to train on")
    words.add_argument("--valid", type=int, default=500, help="sentences to validate on")
    words.add_argument("--test", type=int, default=1000, help="sentences to test on")
    words.add_argument("--max-digits", type=int, default=12, help="digits of the longest number")

    captions = _add(tasks, "multi30k", shared, "English-German captions", merges=8000)
    captions.add_argument("--raw-dir", type=Path, required=True, help="folder of the raw files")

    bpe = _add(tasks, "bpe", shared, "joint BPE of a tokenised corpus", merges=10000)
    _add_languages(bpe)

    binary = _add(tasks, "binarise", None, "fairseq's binary data of a text")
    binary.add_argument(
        "--text-dir", type=Path, required=True, help="folder of {train,valid,test}.LANGUAGE"
    )
    binary.add_argument("--binary-dir", type=Path, required=True, help="folder to write to")
    _add_languages(binary)
    binary.add_argument("--workers", type=int, default=1, help="processes")
    binary.add_argument("--joined-dictionary", action="store_true", help="one for both languages")
    for name in _DICTIONARIES:
        binary.add_argument(f"--{name}", type=Path, metavar="FILE", help="take this dictionary")
    for name in _LIMITS:
        binary.add_argument(f"--{name}", type=int, metavar="N", help="as of fairseq-preprocess")

    lines = _add(tasks, "lines", None, "plain lines: one blank between words, no other blanks")
    lines.add_argument("files", nargs="*", type=Path, metavar="FILE", help="else standard input")
    return parser


def _add(
    tasks: Any,
    name: str,
    shared: argparse.ArgumentParser | None,
    text: str,
    *,
    merges: int | None = None,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = tasks.add_parser(
        name,
        parents=[] if shared is None else [shared],
        help=text,
        description=f"Makes {text}.",
        allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    if merges is not None:
        parser.add_argument("--merges", type=int, default=merges, help="BPE merges to learn")
    return parser


def _add_languages(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--source-lang", required=True, help="for example en")
    parser.add_argument("--target-lang", required=True, help="for example fr")
