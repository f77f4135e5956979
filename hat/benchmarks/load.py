"""Every benchmark by its name on the command line: ``nasbench201:path/to/table.csv.gz``."""

from pathlib import Path
from typing import Any

from hat.benchmarks.base import TableBenchmark
from hat.errors import ConfigError, suggestion
from hat.parts import Parts
from hat.settings import from_values

_HERE = "hat.benchmarks"

BENCHMARKS: Parts[Any] = Parts(
    "benchmark",
    "hat.benchmarks",
    {
        "nasbench101": f"{_HERE}.nb101:NasBench101",
        "nasbench201": f"{_HERE}.nb201:NasBench201",
        "nasbench-nlp": f"{_HERE}.nb_nlp:NasBenchNlp",
        "csv": f"{_HERE}.csv_table:CsvTable",
    },
)
"""Kinds of tables; the setting ``path`` of each is the file."""


def load_benchmark(name: str) -> TableBenchmark[Any]:
    """Loads ``KIND:PATH``, where KIND is one of ``BENCHMARKS``.

    Raises:
        ConfigError: if the kind is unknown or the path is missing.
        DataError: if the file is not what the kind says.
    """
    kind, colon, path = name.partition(":")
    if kind not in BENCHMARKS or not colon or not path:
        hint = "" if kind in BENCHMARKS else suggestion(kind, BENCHMARKS)
        raise ConfigError(
            f"a benchmark is named KIND:PATH with KIND one of {', '.join(BENCHMARKS)}, "
            f"but found {name!r}{hint}"
        )
    part = BENCHMARKS.load(kind)
    table: TableBenchmark[Any] = part.build(from_values(part.Settings, {"path": Path(path)}))
    return table
