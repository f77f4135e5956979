"""NAS-Bench-201, the topology space of NATS-Bench: all 15,625 cells (arXiv 2009.00437).

Read from a table in CSV; a cell's identifier is its string.
"""

from hat.arch.nb201_cell import Nb201Cell, parse_nb201
from hat.benchmarks.base import Metric, TableBenchmark, TableSettings
from hat.benchmarks.csv_table import CsvSettings, CsvTable

EPOCHS = 200
"""Length of the training behind the accuracies."""

METRICS = {
    "cifar10_test_accuracy": Metric("fraction", higher_is_better=True),
    "cifar100_test_accuracy": Metric("fraction", higher_is_better=True),
    "num_params": Metric("count", higher_is_better=False),
    "epsinas_cifar10_reference": Metric("", higher_is_better=True),
}


class NasBench201(TableBenchmark[Nb201Cell]):
    """CSV with the columns ``arch`` and ``METRICS``; percentages become fractions.

    The reference scores of epsinas (arXiv 2302.04406) are nan where its authors got no finite one.
    """

    @classmethod
    def build(cls, settings: TableSettings) -> "NasBench201":
        """Loads the table.

        Raises:
            DataError: if the file cannot be read or lacks a column.
            ConfigError: if a string is no cell; with the line.
        """
        plain = CsvSettings(path=settings.path)
        table = CsvTable.build(plain, metrics=METRICS, parse=parse_nb201)
        cells: list[Nb201Cell] = [table.arch(id) for id in table.ids()]
        values = {
            name: table.column(name) / (100 if metric.unit == "fraction" else 1)
            for name, metric in METRICS.items()
        }
        return cls(
            name="nasbench201",
            ids=[str(cell) for cell in cells],
            arch_at=cells.__getitem__,
            metrics=METRICS,
            values=values,
            epochs=(EPOCHS,),
            id_of=str,
            files=[settings.path],
        )
