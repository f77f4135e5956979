"""``hat profile``: the size and work of one SubTransformer, from its YAML files alone."""

from collections.abc import Sequence
from typing import Any

from hat.cli.console import command, print_result
from hat.cli.flags import read_flags
from hat.cli.network import network_parser, network_place
from hat.cli.options import StageParser
from hat.models.profile import ProfileSettings, profile_options


def _parser() -> StageParser:
    parser = network_parser(
        "hat profile",
        "Parameters and FLOPs of one SubTransformer. Needs no data and no weights.",
        {"network and sentence": ProfileSettings},
    )
    parser.add_argument("sub_yml", nargs="?", metavar="SUB.yml", help="same as --configs SUB.yml")
    return parser


def _parse(argv: Sequence[str]) -> tuple[Any, str]:
    """The options, and the place of the network that they describe."""
    words = list(argv)
    options = _parser().parse_args(words)
    if options.sub_yml is None:
        return options, network_place(words)
    words.remove(options.sub_yml)
    words = ["--configs", options.sub_yml, *words]
    return _parser().parse_args(words), network_place(words)


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``hat profile``."""
    options, place = _parse(argv or [])
    settings = read_flags(options, ProfileSettings)
    found = profile_options(settings, vars(options), place)
    if not settings.json:
        print("\n".join(found.lines()))
    print_result(found.figures())
