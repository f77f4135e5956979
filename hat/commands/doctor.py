"""``hat doctor``: versions, machine, rates and noise, and what to do about what is found."""

from collections.abc import Sequence
from pathlib import Path

from hat.cli.console import command, print_result
from hat.cli.help import Parser
from hat.numerals import number_of


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``hat doctor``."""
    parser = Parser(
        prog="hat doctor",
        description="Looks at this machine and this installation, measures for five seconds, and "
        "says what to do about what it finds.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument("--no-measure", action="store_true", help="leave the five seconds out")
    options = parser.parse_args(list(argv or []))
    from hat.measuring.doctor import check_up

    found = check_up(Path(), measure=not options.no_measure)
    if options.json:
        print_result(found.figures())
        return
    for finding in found.findings:
        print("\n".join(finding.lines()))
    warnings = sum(finding.level == "warning" for finding in found.findings)
    notes = sum(finding.level == "note" for finding in found.findings)
    print(f"\n{number_of(warnings, 'warning')} (!), {number_of(notes, 'note')} (-)")
