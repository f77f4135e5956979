"""Multi30k (Elliott et al., 2016): English and German captions of the same photographs.

The files are those of the dataset's repository, multi30k/dataset, folder data/task1/raw: 29,000
pairs to train, 1,014 to validate, 1,000 (test_2016_flickr) to test.
"""

from pathlib import Path

from hat.errors import DataError
from hat.tasks.corpus import Parallel, read_sides
from hat.text.lines import Changes

RAW_NAMES = {"train": "train", "valid": "val", "test": "test_2016_flickr"}
"""The file of each split, without language and ``.gz``."""


def read_raw(
    folder: Path,
    languages: tuple[str, str] = ("en", "de"),
    changes: Changes | None = None,
) -> dict[str, Parallel]:
    """Reads ``{train,val,test_2016_flickr}.{en,de}``, gzipped or not, under the rule for lines.

    Raises:
        DataError: if a file is missing or two sides differ in their number of lines.
    """
    return {
        split: read_sides(
            folder / name,
            languages,
            [_side(folder, f"{name}.{side}") for side in languages],
            changes,
        )
        for split, name in RAW_NAMES.items()
    }


def _side(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    raise DataError(f"{folder}: neither {name}.gz nor {name} is there")
