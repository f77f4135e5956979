"""What a binarised data folder holds, as digests of content: dictionaries and subsets."""

from pathlib import Path
from typing import Any

from hat.conditions import files_digest
from hat.errors import DataError


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
    return Path(str(task.cfg.data).split(":")[0])
