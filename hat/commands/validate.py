"""``hat validate FILE ...``: checks YAML files of any kind, without running what they are for."""

import sys
from collections.abc import Sequence

from hat.cli.console import INPUT_ERROR, command, print_result
from hat.cli.help import Parser


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``hat validate``."""
    parser = Parser(
        prog="hat validate",
        description="Checks YAML files of any kind without running what they are for: unknown "
        "keys, wrong values, settings that do not fit each other, all at once. A pipeline's file "
        "is checked with the files that it names.",
    )
    parser.add_argument(
        "yml", metavar="FILE", nargs="+", help="pipelines, searches, trainings, SubTransformers ..."
    )
    paths = parser.parse_args(list(argv or [])).yml
    from hat.validation.files import validate

    checked = validate(paths)
    wrong = 0
    for file in checked:
        if not file.errors:
            print(file)
        for error in file.errors:
            print(f"error: {error}", file=sys.stderr)
        wrong += len(file.errors)
    print_result({"files": len(checked), "errors": wrong})
    if wrong:
        raise SystemExit(INPUT_ERROR)
