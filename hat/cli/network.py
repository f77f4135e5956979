"""The command line of what describes a network: HAT's options of it beside a command's own."""

import argparse
import re
from collections.abc import Mapping, Sequence

from hat.arch.model_options import add_model_options
from hat.cli.flags import add_flags
from hat.cli.options import StageParser, split_config_flags
from hat.cli.training_keys import TRAINING_KEYS
from hat.errors import ConfigError


def network_parser(
    prog: str,
    description: str,
    settings: Mapping[str, type],
    *,
    ignored_keys: frozenset[str] = frozenset(),
) -> StageParser:
    """Returns a parser of HAT's options of networks, spaces and SubTransformers.

    HAT's files serve several stages at once: keys of training pass unread.

    Args:
        prog: the command.
        description: what it does.
        settings: settings classes by the title of their flags.
        ignored_keys: of YAML files, beside those of training.
    """
    parser = StageParser(
        prog=prog, description=description, ignored_keys=TRAINING_KEYS | ignored_keys
    )
    for title, cls in settings.items():
        add_flags(parser, cls, title)
    add_model_options(parser.add_argument_group("SuperTransformer, space and SubTransformer"))
    return parser


def network_place(argv: Sequence[str]) -> str:
    """Returns what errors name as the place of a network or space: its YAML files, if any."""
    return " + ".join(split_config_flags(argv)[0]) or "the command line"


def parse_beside_training(parser: StageParser, argv: Sequence[str]) -> argparse.Namespace:
    """Parses the command line of a training that is not to be run: its own flags pass unread.

    Raises:
        ConfigError: if a flag is neither the parser's nor training's, a value is wrong, or a YAML
            file stands there without a flag.
    """
    options, rest = parser.parse_known_args(list(argv))
    before = ""
    for word in rest:
        is_long, is_value = word.startswith("--"), before.startswith("-") and "=" not in before
        if is_long and word[2:].partition("=")[0] not in TRAINING_KEYS:
            raise ConfigError(f"unknown option {word}")
        if not is_long and _SHORT.match(word) and word[:2] not in _TRAINING_SHORT:
            raise ConfigError(f"unknown option {word}")
        if word.endswith((".yml", ".yaml")) and not word.startswith("-") and not is_value:
            raise ConfigError(f"unexpected word {word!r}: a YAML file stands behind --configs")
        before = word
    return options


_SHORT = re.compile(r"-[^\W\d]")
"""How a flag begins that is no negative number."""

_TRAINING_SHORT = ("-s", "-t", "-a")
