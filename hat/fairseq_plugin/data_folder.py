"""A binarised data folder: checked before fairseq sees it, and as digests of its content."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hat.conditions import files_digest
from hat.errors import ConfigError, DataError
from hat.tasks.binary_index import check_binary_sides
from hat.tasks.binary_split import Lengths, Room, SplitPart, check_room, check_split
from hat.text.dictionaries import language_pairs, read_dictionary

NO_DATA = "no data folder: name it in a YAML file (data: ...) or as an argument"


@dataclass(frozen=True)
class DataFolder:
    """Where binarised data lies, and its words; the dictionaries are whole."""

    folders: tuple[Path, ...]
    """Of several, the first holds the dictionaries and all splits but the training data."""

    languages: tuple[str, str]
    """Source and target."""

    vocabularies: tuple[int, int]
    """Words of the source and of the target dictionary, fairseq's own four included."""

    impl: str | None
    """``--dataset-impl``."""

    @classmethod
    def of(cls, options_: Mapping[str, Any]) -> "DataFolder":
        """Checks that the binarised data of fairseq-preprocess is where the options say.

        Raises:
            ConfigError: if no folder is named, or no language where there is a choice.
            DataError: if a folder or a dictionary is missing, a dictionary is damaged, or the two
                sides of a split have different numbers of sentences.
        """
        data = options_.get("data")
        if not data:
            raise ConfigError(NO_DATA)
        folders = tuple(Path(place) for place in str(data).split(os.pathsep))
        for folder in folders:
            if folder.is_file():
                raise DataError(
                    f"{folder}: is a file where the data folder is expected; YAML files are named "
                    "with --configs and the like"
                )
            if not folder.is_dir():
                raise DataError(f"{folder}: no such data folder; the task's preprocess.sh makes it")
        folder = folders[0]
        languages = [options_.get("source_lang"), options_.get("target_lang")]
        for language in filter(None, languages):
            if not (folder / f"dict.{language}.txt").is_file():
                raise DataError(
                    f"{folder}: dict.{language}.txt is missing; is it a fairseq data folder?"
                )
        dictionaries = sorted(folder.glob("dict.*.txt"))
        if not dictionaries:
            raise DataError(f"{folder}: holds no dict.*.txt; is it a fairseq data folder?")
        sizes = {path.name: len(read_dictionary(path)) for path in dictionaries}
        check_binary_sides(folder)
        pair = _pair(folder, languages)
        names = [f"dict.{language}.txt" for language in pair]
        for name in names:
            if name not in sizes:
                raise DataError(
                    f"{folder}: {name} is missing, though its pair of languages is there"
                )
        impl = options_.get("dataset_impl")
        vocabularies = (sizes[names[0]], sizes[names[1]])
        return cls(folders, pair, vocabularies, None if impl is None else str(impl))

    @classmethod
    def of_task(cls, task: Any) -> "DataFolder":
        """That of a translation task which was set up."""
        return cls(
            tuple(Path(place) for place in str(task.cfg.data).split(os.pathsep)),
            (task.cfg.source_lang, task.cfg.target_lang),
            (len(task.source_dictionary), len(task.target_dictionary)),
            None if task.cfg.dataset_impl is None else str(task.cfg.dataset_impl),
        )

    def check_split(
        self, split: str, *, folder: Path | None = None, combine: bool = False
    ) -> list[SplitPart]:
        """Checks all files of a split; see ``hat.tasks.binary_split.check_split``."""
        return check_split(
            folder or self.folders[0],
            split,
            self.languages,
            self.vocabularies,
            impl=self.impl,
            combine=combine,
        )


def _pair(folder: Path, given: Sequence[str | None]) -> tuple[str, str]:
    """The languages: those that are given, else those of the only pair there is."""
    source, target = given
    if source and target:
        return source, target
    pairs = language_pairs(folder)
    if len(pairs) != 1:
        listed = ", ".join("-".join(pair) for pair in pairs)
        found = f"the pairs {listed}" if pairs else "no binarised pair"
        raise ConfigError(f"{folder}: holds {found}: give source-lang and target-lang")
    return source or pairs[0][0], target or pairs[0][1]


def check_training_data(args: argparse.Namespace) -> list[str]:
    """Checks every file that a training reads: whole, of these dictionaries, not too long.

    Returns:
        What can be trained on and is hardly meant, a sentence each.

    Raises:
        ConfigError: if no folder is named, or ``dataset-impl`` is not what the files are.
        DataError: naming the file, the place in it, and what was found.
    """
    data = DataFolder.of(vars(args))
    odd: list[str] = []
    for number, folder in enumerate(data.folders):
        parts = data.check_split(args.train_subset, folder=folder, combine=True)
        odd += [said for part in parts for said in part.odd]
        positions = [args.max_source_positions, args.max_target_positions]
        if args.max_tokens is not None:  # fairseq leaves out what is longer, and says so
            positions = [min(most, args.max_tokens) for most in positions]
        lengths = [np.concatenate([part.lengths[side] for part in parts]) for side in (0, 1)]
        where = str(folder / args.train_subset)
        room = Room((positions[0], positions[1]))
        check_room(where, _cut(args, (lengths[0], lengths[1])), room, skip=True)
        if number or args.disable_validation:
            continue
        for split in str(args.valid_subset).split(","):
            for part in data.check_split(split, combine=bool(args.combine_valid_subsets)):
                odd += part.odd
                _check_validation_room(args, str(folder / part.name), part.lengths)
    return odd


def _check_validation_room(
    args: argparse.Namespace, where: str, lengths: tuple[Lengths, Lengths]
) -> None:
    own = args.max_tokens_valid not in (None, args.max_tokens)
    room = Room(
        (args.max_source_positions, args.max_target_positions),
        args.max_tokens if args.max_tokens_valid is None else args.max_tokens_valid,
        "max-tokens-valid" if own else "max-tokens",
    )
    skip = bool(args.skip_invalid_size_inputs_valid_test)
    check_room(where, _cut(args, lengths), room, skip=skip)


def _cut(args: argparse.Namespace, lengths: tuple[Lengths, Lengths]) -> tuple[Lengths, Lengths]:
    """The lengths of what is left of sentences where ``--truncate-source`` cuts them."""
    if not args.truncate_source:
        return lengths
    return np.minimum(lengths[0], args.max_source_positions), lengths[1]


def dictionaries_digest(task: Any) -> str:
    """Returns the digest of the source and the target dictionary.

    Raises:
        HatError: if one is not there.
    """
    languages = (task.cfg.source_lang, task.cfg.target_lang)
    return files_digest(_folder(task) / f"dict.{language}.txt" for language in languages)


def subset_digest(task: Any, subset: str) -> str:
    """Returns the digest of both sides of ``subset``, in the form in which they are stored.

    Raises:
        DataError: if the data folder does not hold it.
    """
    source, target = task.cfg.source_lang, task.cfg.target_lang
    # fairseq reads a folder either way: en-de serves de-en as well.
    beginnings = (f"{subset}.{source}-{target}.", f"{subset}.{target}-{source}.")
    folder = _folder(task)
    files = [path for path in folder.iterdir() if path.name.startswith(beginnings)]
    if not files:
        raise DataError(f"{folder}: has no {subset!r} data")
    return files_digest(files)


def _folder(task: Any) -> Path:
    """Where fairseq takes dictionaries and all subsets but the training data from."""
    return Path(str(task.cfg.data).split(os.pathsep)[0])
