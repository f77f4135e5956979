"""From a corpus to a task's folder that runs as it is."""

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any, Literal

import numpy as np

from hat.amounts import LATENCY_UNITS, LEAST_MS, Amount
from hat.errors import ConfigError, DataError
from hat.files import write_text
from hat.folders import replacing_folder
from hat.numerals import number_of
from hat.own_corpus.cleaning import Cleaned, CleaningSettings, Dropped, clean
from hat.own_corpus.files import PIPELINE_FILE, TEXT_DIR, Choices, task_files
from hat.own_corpus.looking import (
    check_languages,
    describe_dropped,
    describe_sides,
    find_misalignment,
)
from hat.own_corpus.reading import read_pairs
from hat.own_corpus.sizing import SHAPES, Corpus, busy, choose_size, rate, trainings, vocabulary
from hat.own_corpus.splitting import HELD_OUT, Splits, shared_sources, split
from hat.settings import AtLeast, OneOf, Settings, Shown
from hat.signature import signature
from hat.tasks.bpe import BpeEncoder, learn_bpe
from hat.tasks.corpus import Parallel, write_corpus
from hat.tasks.own_corpus import RULES
from hat.tasks.pieces import PieceEncoder, learn_pieces
from hat.tasks.prepare import corpus_digest
from hat.text.lines import Changes, write_lines

Say = Callable[[str], None]

_SAMPLE = 10_000
"""Pairs on which lengths in units are taken."""

_LATENCY = Amount("--limit", "a number of milliseconds", LATENCY_UNITS, LEAST_MS)

_RESERVED = set('<>:"/\\|?*') | {" "}


@dataclass(frozen=True, kw_only=True)
class NewSettings(Settings):
    """The corpus, and what is asked for."""

    train: Annotated[tuple[Path, ...], Shown("FILE")]
    """source and target text, or one file with a tab between them; .gz or not"""

    valid: Annotated[tuple[Path, ...], Shown("FILE")] = ()
    """the same to validate on (default: held out of the training text)"""

    test: Annotated[tuple[Path, ...], Shown("FILE")] = ()
    """the same to test on (default: held out of the training text)"""

    source: Annotated[str, Shown("LANG")]
    """language of the source, for example en"""

    target: Annotated[str, Shown("LANG")]
    """language of the target, for example fr"""

    size: Annotated[str | None, OneOf(SHAPES)] = None
    """of the network (default: by corpus and machine)"""

    device: Literal["cpu", "gpu"] | None = None
    """what trains and is measured (default: gpu if torch finds one)"""

    limit: str = "60%"
    """latency of a sentence: milliseconds, or a share of what the largest network takes"""

    tokeniser: Annotated[str, OneOf(RULES)] = "sentencepiece"
    """sentencepiece: pieces of raw text; moses: Moses' tokeniser, then BPE"""

    pairs: Annotated[int | None, AtLeast(1), Shown("N")] = None
    """take so many pairs of the training text, drawn at random (default: all)"""

    languages_as_given: bool = False
    """go on although the languages look swapped"""

    seed: Annotated[int, AtLeast(0)] = 1
    """draws what is held out; of trainings and searches, too"""

    def __post_init__(self) -> None:
        super().__post_init__()
        _LATENCY.check(self.limit)


@dataclass(frozen=True, kw_only=True)
class NewTask:
    """What was made."""

    folder: Path
    choices: Choices
    warnings: list[str]
    figures: dict[str, Any]
    signature: str


def new_task(
    folder: Path, settings: NewSettings, cleaning: CleaningSettings, say: Say = print
) -> NewTask:
    """Looks at a corpus, cleans and splits it, and writes a task's folder.

    Args:
        folder: to write; it may not exist yet, or be empty.
        settings: the corpus, and what is asked for.
        cleaning: what counts as unusable.
        say: takes lines of what is found and chosen.

    Raises:
        ConfigError: if a setting is wrong, or ``folder`` holds anything.
        DataError: if the corpus cannot be read or used.
    """
    languages = (_language(settings.source, "--source"), _language(settings.target, "--target"))
    if languages[0] == languages[1]:
        raise ConfigError(f"--source and --target are both {languages[0]!r}")
    name = _name(folder, languages)
    changes = Changes()
    raw = read_pairs(settings.train, "--train", changes)
    given = {
        name: read_pairs(paths, f"--{name}", changes)
        for name in HELD_OUT
        if (paths := getattr(settings, name))
    }
    rng = np.random.default_rng(settings.seed)
    say(f"corpus: {len(raw):,} pairs in {' and '.join(map(str, settings.train))}")
    raw, lines = _drawn(raw, settings.pairs, rng, say)
    warnings = _look(raw, lines, languages, settings, say)
    cleaned = clean(raw, cleaning, lines)
    say(f"cleaned: {len(cleaned.pairs):,} pairs are left, {len(cleaned.dropped):,} dropped")
    for line in describe_dropped(cleaned):
        say(f"  {line}")
    for split_name, pairs in given.items():
        warnings += _look_at_given(pairs, split_name, languages, settings)
    given = {split: _without_empty(pairs, split, warnings) for split, pairs in given.items()}
    try:
        splits = split(cleaned, given, rng)
    except DataError as error:
        raise DataError(f"{', '.join(map(str, settings.train))}: {error}") from None
    shared = shared_sources(given)
    if shared:
        warnings.append(
            f"--valid and --test have {number_of(shared, 'source sentence')} in common: what was "
            "chosen by them is no test of them"
        )
    _tell_splits(splits, given, say, disjoint=not shared)
    choices = _choose(name, languages, splits.corpus, settings)
    _tell_choices(choices, say)
    if choices.device == "cpu" and (warning := busy()):
        warnings.append(warning)
    dropped = sorted([*cleaned.dropped, *splits.dropped], key=lambda each: each.line)
    _write(folder, choices, splits, dropped)
    text = signature(
        stage="new",
        task=name,
        corpus=corpus_digest(splits.corpus),
        size=choices.size,
        tokeniser=choices.tokeniser,
        vocabulary=choices.vocabulary,
        seed=settings.seed,
    )
    figures = {
        "pairs": dict(choices.pairs),
        "dropped": {**cleaned.counts, **Cleaned(raw, (), splits.dropped).counts},
        "text": changes.to_json(),
    }
    return NewTask(
        folder=folder, choices=choices, warnings=warnings, figures=figures, signature=text
    )


def _language(text: str, flag: str) -> str:
    """A language as fairseq takes it: a part of names of files."""
    if not text or _RESERVED & set(text) or "." in text or "-" in text:
        raise ConfigError(
            f"{flag} is a short name such as en, de or pt_BR, without blanks, dots and dashes, but "
            f"found {text!r}"
        )
    return text


def _name(folder: Path, languages: tuple[str, str]) -> str:
    """Of the task; refuses a folder that holds anything."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder}: is there already and not empty, so nothing is written")
    pair = "-".join(languages)
    # In YAML and in fairseq's lists of data, which a colon parts, blanks and signs mean something.
    name = re.sub(r"[^\w.-]+", "-", folder.absolute().name).strip("-.") or "task"
    return name if name.endswith(pair) else f"{name}.{pair}"


def _drawn(
    raw: Parallel, count: int | None, rng: np.random.Generator, say: Say
) -> tuple[Parallel, Sequence[int]]:
    """What is taken of a corpus, and the lines on which it stands there."""
    if count is None or count >= len(raw):
        return raw, range(1, len(raw) + 1)
    say(f"  {count:,} of them, drawn at random, are taken")
    chosen = sorted(rng.permutation(len(raw))[:count].tolist())
    taken = Parallel(tuple(raw.source[i] for i in chosen), tuple(raw.target[i] for i in chosen))
    return taken, [i + 1 for i in chosen]


def _look(
    raw: Parallel,
    lines: Sequence[int],
    languages: tuple[str, str],
    settings: NewSettings,
    say: Say,
) -> list[str]:
    """Says what the corpus looks like; returns what is suspicious."""
    if not len(raw):
        raise DataError(f"{settings.train[0]}: is empty")
    for line in describe_sides(raw, languages):
        say(f"  {line}")
    for side, path in ((raw.source, settings.train[0]), (raw.target, settings.train[-1])):
        if len(raw) > 1 and len(set(side)) == 1:
            raise DataError(f"{path}: all {len(raw):,} sentences of a side are {side[0][:60]!r}")
    warnings = []
    if not settings.languages_as_given:
        warnings += check_languages(raw, languages, settings.train[0])
    misaligned = find_misalignment(raw, lines)
    return [*warnings, misaligned] if misaligned else warnings


def _look_at_given(
    pairs: Parallel, name: str, languages: tuple[str, str], settings: NewSettings
) -> list[str]:
    """What is suspicious about a held-out set that the user brings."""
    warnings = []
    if not settings.languages_as_given:
        warnings += check_languages(pairs, languages, getattr(settings, name)[0])
    if misaligned := find_misalignment(pairs):
        warnings.append(misaligned)
    return [f"--{name}: {warning}" for warning in warnings]


def _without_empty(pairs: Parallel, split: str, warnings: list[str]) -> Parallel:
    """A held-out set as it is, but for pairs that cannot be translated."""
    kept = [pair for pair in zip(pairs.source, pairs.target, strict=True) if all(pair)]
    if len(kept) < len(pairs):
        warnings.append(
            f"--{split}: {len(pairs) - len(kept):,} pairs with an empty side are left out"
        )
    if not kept:
        raise DataError(f"--{split}: has no pair without an empty side")
    return Parallel(tuple(pair[0] for pair in kept), tuple(pair[1] for pair in kept))


def _tell_splits(
    splits: Splits, given: Mapping[str, Parallel], say: Say, *, disjoint: bool
) -> None:
    sizes = ", ".join(
        f"{len(pairs):,} {name}{' (yours)' if name in given else ''}"
        for name, pairs in splits.corpus.items()
    )
    say(f"split: {sizes}{'; no source sentence is in two of them' if disjoint else ''}")
    for line in describe_dropped(Cleaned(splits.corpus["train"], (), splits.dropped)):
        say(f"  {line}")


def _choose(
    name: str, languages: tuple[str, str], corpus: Mapping[str, Parallel], settings: NewSettings
) -> Choices:
    train = corpus["train"]
    words = sum(line.count(" ") + 1 for line in (*train.source, *train.target))
    if _unspaced(train):  # a language that writes no blanks: characters stand for words
        words = sum(len(line) for line in (*train.source, *train.target)) // 2
    facts = Corpus(pairs=len(train), words=words)
    device = settings.device or _device()
    gflops = rate(device)
    size, why = settings.size, "as asked for"
    if size is None:
        size, why = choose_size(facts, device, gflops)
    shape = SHAPES[size]
    units = vocabulary(words, shape)
    lengths = _lengths(train, languages, settings.tokeniser, units, settings.seed)
    per_word = sum(lengths) / max(1.0, words / len(train))
    facts = replace(facts, units_per_word=per_word)
    return Choices(
        name=name,
        languages=languages,
        pairs={split: len(pairs) for split, pairs in corpus.items()},
        device=device,
        size=size,
        why_size=why,
        shape=shape,
        tokeniser="moses" if settings.tokeniser == "moses" else "sentencepiece",
        vocabulary=units,
        trainings=trainings(facts, shape, units, device, gflops),
        source_units=round(lengths[0]) + 1,
        target_units=round(lengths[1]) + 1,
        limit=settings.limit,
        seed=settings.seed,
        machine=f"a machine that multiplies matrices at {gflops:,.0f} GFLOP/s",
    )


def _device() -> Literal["cpu", "gpu"]:
    from hat.machine.rates import has_gpu

    return "gpu" if has_gpu() else "cpu"


def _unspaced(train: Parallel) -> bool:
    """Whether a side has words as long as sentences."""
    return any(
        sum(map(len, side)) > 15 * sum(line.count(" ") + 1 for line in side)
        for side in (train.source, train.target)
    )


def _lengths(
    train: Parallel, languages: tuple[str, str], tokeniser: str, units: int, seed: int
) -> tuple[float, float]:
    """Mean lengths of both sides in units, on a sample that is split as the whole will be."""
    order = np.random.default_rng(seed).permutation(len(train))[:_SAMPLE]
    sides = [[side[i] for i in order.tolist()] for side in (train.source, train.target)]
    rules = RULES[tokeniser]
    sides = [
        [*map(rules.tokenise(language), side)]
        for side, language in zip(sides, languages, strict=True)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "units"
        lines = [*sides[0], *sides[1]]
        if tokeniser == "sentencepiece":
            learn_pieces(lines, path, size=units)
            split_lines = PieceEncoder(path).encode
        else:
            learn_bpe(lines, path, num_merges=units)
            split_lines = BpeEncoder(path).encode
        means = [fmean(line.count(" ") + 1 for line in split_lines(side)) for side in sides]
    return means[0], means[1]


def _tell_choices(c: Choices, say: Say) -> None:
    one, (source, target) = c.trainings, c.languages
    say(f"size: {c.size} ({c.why_size})")
    say(
        f"units: {c.vocabulary:,} by {c.tokeniser}; a sentence has {c.source_units} {source} "
        f"and {c.target_units} {target} units, its end included"
    )
    cut = "" if one.updates >= one.wanted else f", {one.wanted:,} would take too long"
    say(
        f"training: {one.updates:,} updates of {one.max_tokens:,} tokens, "
        f"{one.passes} over the data{cut}; about {one.seconds / 60:.0f} min on this "
        f"{c.device.upper()}"
    )


def _write(folder: Path, choices: Choices, splits: Splits, dropped: list[Dropped]) -> None:
    with replacing_folder(folder, lambda _: False) as temporary:
        write_corpus(temporary / TEXT_DIR / "raw", splits.corpus, choices.languages)
        rows = ("\t".join((str(d.line), d.reason, d.source, d.target)) for d in dropped)
        write_lines(temporary / "dropped.tsv", ["line\treason\tsource\ttarget", *rows])
        for name, text in task_files(choices).items():
            write_text(temporary / name, text)


def pipeline_of(folder: Path) -> Path:
    """The file that runs a task's folder."""
    return folder / PIPELINE_FILE
