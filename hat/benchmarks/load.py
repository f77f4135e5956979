"""Every benchmark by its name on the command line: ``nasbench201:path/to/table.csv.gz``."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hat.benchmarks import nb101, nb201, nb_nlp
from hat.benchmarks.base import TableBenchmark
from hat.benchmarks.csv_table import load_csv
from hat.conditions import file_digest
from hat.errors import ConfigError, suggestion

LOADERS: Mapping[str, Callable[[Path], TableBenchmark[Any]]] = {
    "nasbench101": nb101.load,
    "nasbench201": nb201.load,
    "nasbench-nlp": nb_nlp.load,
    "csv": load_csv,
}


def load_benchmark(name: str) -> TableBenchmark[Any]:
    """Loads ``KIND:PATH``, where KIND is one of ``LOADERS``.

    Raises:
        ConfigError: if the kind is unknown or the path is missing.
        DataError: if the file is not what the kind says.
    """
    kind, colon, path = name.partition(":")
    if kind not in LOADERS or not colon or not path:
        hint = "" if kind in LOADERS else suggestion(kind, LOADERS)
        raise ConfigError(
            f"a benchmark is named KIND:PATH with KIND one of {', '.join(LOADERS)}, "
            f"but found {name!r}{hint}"
        )
    return LOADERS[kind](Path(path))


def benchmark_digest(name: str) -> str:
    """Returns the digest of the file that ``KIND:PATH`` names, for signatures.

    Raises:
        HatError: if it cannot be read.
    """
    return file_digest(name.partition(":")[2])
