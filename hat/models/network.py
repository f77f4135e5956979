"""The SuperTransformer that HAT's options describe, where no checkpoint and no data says it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from hat.arch.model_options import with_architecture
from hat.errors import ConfigError
from hat.models.config import SuperTransformerConfig, super_config_from_options
from hat.models.dictionaries import DictionarySettings, dictionary_sizes
from hat.settings import AtLeast, AtMost

_GUESS = 10_000
"""Words of each dictionary where nothing tells: latency depends on them little."""


@dataclass(frozen=True, kw_only=True)
class NetworkSettings(DictionarySettings):
    """The named architecture, and how many words it knows."""

    arch: str = "transformersuper"
    """named architecture"""

    vocab_size: Annotated[tuple[int, ...], AtLeast(8), AtMost(10_000_000)] = ()
    """sizes of the source and the target dictionary, or one for both"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.vocab_size) > 2:
            raise ConfigError(f"--vocab-size takes one or two sizes, but found {self.vocab_size}")


def network_config(
    settings: NetworkSettings, options: Mapping[str, Any], *, say: Callable[[str], None] = print
) -> SuperTransformerConfig:
    """Returns the configuration; dictionaries of unknown size are guessed, which is said.

    Args:
        settings: architecture and dictionaries.
        options: HAT's and fairseq's options of the model, with underscores; others are ignored.
        say: takes the line about the dictionaries.

    Raises:
        ConfigError: if there is no such architecture, or an option is missing or wrong.
        DataError: if a dictionary is damaged or missing.
    """
    filled = with_architecture(options, settings.arch)
    sizes = dictionary_sizes(settings, settings.arch, given=settings.vocab_size, guess=_GUESS)
    say(f"| dictionary sizes: {sizes.source} source, {sizes.target} target ({sizes.origin})")
    return super_config_from_options(
        filled, src_vocab_size=sizes.source, tgt_vocab_size=sizes.target
    )
