"""Sentence pairs from what people have: two files, or one with a tab between the sides."""

from collections.abc import Sequence
from pathlib import Path

from hat.errors import ConfigError, DataError
from hat.own_corpus.looking import differing_lengths
from hat.tasks.corpus import Parallel
from hat.text.lines import Changes, read_lines, read_text


def read_pairs(paths: Sequence[Path], what: str, changes: Changes) -> Parallel:
    """Reads a parallel text under the rule of ``hat.text.lines``; ``.gz`` is unpacked.

    Args:
        paths: a source and a target file, whose lines belong together, or one file of
            ``source<tab>target`` lines; what follows a second tab is left out.
        what: the flag that named the files.
        changes: counts what the rule changed.

    Raises:
        ConfigError: if there are more than two files, or one stands for both sides.
        DataError: if a file is missing or not UTF-8, the sides differ in their number of lines, or
            a line has no tab.
    """
    if len(paths) == 1:
        return _tabbed(paths[0], changes)
    if len(paths) != 2:
        raise ConfigError(
            f"{what} takes a source and a target file, or one file with tabs, but found "
            f"{len(paths)} files"
        )
    if paths[0].exists() and paths[1].exists() and paths[0].samefile(paths[1]):
        raise ConfigError(f"{what} names {paths[0]} for both sides: expected two different files")
    source, target = (tuple(read_text(path, changes)) for path in paths)
    if len(source) != len(target):
        shared = min(len(source), len(target))
        both = Parallel(source[:shared], target[:shared])
        raise DataError(differing_lengths(paths[0], paths[1], both, (len(source), len(target))))
    return Parallel(source, target)


def _tabbed(path: Path, changes: Changes) -> Parallel:
    sources, targets = [], []
    for number, line in enumerate(read_lines(path), start=1):
        source, tab, rest = line.partition("\t")
        if not tab:
            raise DataError(
                f"{path}:{number}: expected source<tab>target, but found no tab in {line[:60]!r}; "
                "a text without tabs needs a source and a target file"
            )
        sources.append(changes.plain(source))
        targets.append(changes.plain(rest.partition("\t")[0]))
    return Parallel(tuple(sources), tuple(targets))
