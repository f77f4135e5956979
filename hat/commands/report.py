"""``hat report RUN [RUN ...]``: one page to decide from, of one run or of several.

RUN is the folder of a pipeline (its run-dir) or of a search (best.search). The page is one HTML
file that needs no network and no server; the same facts are written beside it as Markdown and JSON.

    hat report runs/numbers.en-fr
    hat report runs/cpu runs/gpu --out both.html
"""

from collections.abc import Sequence

from hat.cli.console import command, print_result
from hat.cli.flags import add_flags, read_flags
from hat.cli.help import Parser
from hat.page.write import PageSettings, write_page
from hat.signature import signature


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``hat report``."""
    parser = Parser(prog="hat report", description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folder of a pipeline or a search")
    add_flags(parser, PageSettings)
    options = parser.parse_args(argv)
    files = write_page(options.runs, read_flags(options, PageSettings))
    print(f"| the page is in {files[0]}")
    print_result(
        {
            **dict(zip(("html", "markdown", "json"), map(str, files), strict=True)),
            "signature": signature(stage="report", runs=len(options.runs)),
        }
    )
