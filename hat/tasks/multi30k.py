"""Multi30k (Elliott et al., 2016): English and German captions of the same photographs.

The files are those of the dataset's repository, multi30k/dataset, folder data/task1/raw: 29,000
pairs to train, 1,014 to validate, 1,000 (test_2016_flickr) to test.
"""

from pathlib import Path

from hat.errors import DataError
from hat.tasks.corpus import Parallel
from hat.text.lines import read_lines

RAW_NAMES = {"train": "train", "valid": "val", "test": "test_2016_flickr"}
"""The file of each split, without language and ``.gz``."""


def read_raw(folder: Path, languages: tuple[str, str] = ("en", "de")) -> dict[str, Parallel]:
    """Reads ``{train,val,test_2016_flickr}.{en,de}``, gzipped or not.

    Raises:
        DataError: if a file is missing or two sides differ in their number of lines.
    """
    corpus = {}
    for split, name in RAW_NAMES.items():
        source, target = (_read_side(folder, f"{name}.{language}") for language in languages)
        if len(source) != len(target):
            raise DataError(
                f"{folder}/{name}: {languages[0]} has {len(source)} lines, "
                f"but {languages[1]} has {len(target)}"
            )
        corpus[split] = Parallel(source, target)
    return corpus


def _read_side(folder: Path, name: str) -> tuple[str, ...]:
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return tuple(line.strip() for line in read_lines(path))
    raise DataError(f"{folder}: neither {name}.gz nor {name} is there")
