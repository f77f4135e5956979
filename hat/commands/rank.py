"""``hat rank``: how well scorers rank the architectures of a table, task by task.

    hat rank seed_arch_bleu.csv --scorer params --scorer decoder_depth_then_params
    hat rank seed_arch_bleu.csv --scorer HAT_test_BLEU --target scratch_test_BLEU --json

The table is CSV with a column ``arch`` (JSON with HAT's keys, or a cell of a NAS benchmark), a
column of what training showed, and perhaps a column ``task``. A scorer is one that needs no
training (sizes and depths, where more is taken to be better, and epsinas), or a column of the file
in its own direction: BLEU up, loss, latency and size down.
"""

from collections.abc import Sequence
from pathlib import Path

from hat.cli.console import command, print_result
from hat.cli.flags import add_flags, read_flags
from hat.cli.help import Parser
from hat.report.tables import text_table
from hat.studies.rank import COLUMNS, RankSettings, rank


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; with ``--json`` the last line printed is one line of JSON."""
    parser = Parser(prog="hat rank", description=__doc__)
    parser.add_argument("file", metavar="FILE", type=Path, help="CSV, gzipped or not")
    add_flags(parser, RankSettings)
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args(argv)
    found = rank(options.file, read_flags(options, RankSettings))
    print(f"{options.file}: agreement with {found.target}, 1 is the same order")
    print(text_table(found.rows, COLUMNS))
    if options.json:
        print_result(found.to_json())
