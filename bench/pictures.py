"""Pictures of the benches, drawn without a screen."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def picture(path: Path, **layout: Any) -> Iterator[tuple[Any, Any]]:
    """Gives a figure and its axes, and writes it as PNG at the end.

    Args:
        path: where to; its folder is made.
        layout: of ``pyplot.subplots``, such as ``figsize=(7, 4)``.
    """
    import matplotlib

    logging.getLogger("matplotlib").setLevel(logging.WARNING)  # fairseq asks for every line
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(layout="constrained", **layout)
    yield figure, axes
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
