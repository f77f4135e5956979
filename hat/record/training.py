"""Curves of trainings, from fairseq's lines in their logs."""

import re
from collections.abc import Mapping
from pathlib import Path

from hat.errors import HatError
from hat.json_reader import parse_object
from hat.reading import read_log
from hat.record.facts import Curve
from hat.record.files import inside, number

_LINE = re.compile(r"\| INFO \| (train|valid)(?:_\w+)? \| (.*)")
_LABELS = {
    ("train", "loss"): "training",
    ("valid", "loss"): "validation",
    ("valid", "largest_loss"): "validation, largest SubTransformer",
    ("valid", "smallest_loss"): "validation, smallest SubTransformer",
}


def read_curves(run: Path, titles: Mapping[str, str], logs: str = "logs") -> list[Curve]:
    """Reads the curves of trainings.

    A log that is not there, or without a line of figures, such as that of a training that did not
    begin, gives none.

    Args:
        run: folder of the run.
        titles: what each log's training trained, by the log's name without ``.log``.
        logs: their folder in that of the run.
    """
    curves = []
    for name, title in titles.items():
        path = inside(run, logs, f"{name}.log")
        if path is None:
            continue
        lines = curve_lines(read_log(path))
        if lines:
            curves.append(Curve(name=name, title=title, lines=lines))
    return curves


def curve_lines(text: str) -> dict[str, list[tuple[float, float]]]:
    """Returns updates and losses by label, from a log of fairseq in its simple or JSON format.

    Where the losses of largest and smallest SubTransformer stand there, the plain validation loss
    is that of the largest and is left out.
    """
    lines: dict[str, dict[float, float]] = {}
    for row in text.splitlines():
        match = _LINE.search(row)
        if match is None:
            continue
        kind = match[1]
        values = _values(match[2], kind)
        updates = number(values.get("num_updates"))
        if updates is None:
            continue
        for (of, key), label in _LABELS.items():
            loss = number(values.get(key))
            if of == kind and loss is not None:
                lines.setdefault(label, {})[updates] = loss
    if "validation, largest SubTransformer" in lines:
        lines.pop("validation", None)
    return {label: sorted(found.items()) for label, found in lines.items()}


def _values(text: str, kind: str) -> dict[str, str]:
    """``loss 5.879 | num_updates 81``, ``loss=6.3, num_updates=50`` or JSON."""
    if text.startswith("{"):
        try:
            found = parse_object(text, "", "values of a log")
        except HatError:
            return {}
        return {str(key).removeprefix(f"{kind}_"): str(value) for key, value in found.items()}
    pairs = re.findall(r"(\w+)(?: |=)([-+.\de]+)", text)
    return dict(pairs)
