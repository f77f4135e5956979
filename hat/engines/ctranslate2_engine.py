"""CTranslate2 on the CPU, with its own beam search."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from hat.engines.base import EngineSettings, PackageEngine, check_cpu, check_installed, threads_of
from hat.engines.ctranslate2_layout import check_model
from hat.engines.facts import checked_facts, write_facts
from hat.engines.int8_weights import Int8EngineSettings, check_range
from hat.errors import CheckpointError, ConfigError
from hat.reading import reason

if TYPE_CHECKING:
    from hat.arch.config import SubTransformerConfig
    from hat.engines.ctranslate2_runner import Ctranslate2Runnable
    from hat.models.config import SuperTransformerConfig
    from hat.models.super_transformer import SuperTransformer


class Ctranslate2Engine(PackageEngine):
    """A model of CTranslate2's, whose decoder attends to the last encoder layer only."""

    Settings: ClassVar[type[EngineSettings]] = Int8EngineSettings
    name: ClassVar[str] = "ctranslate2"
    packages: ClassVar[tuple[str, ...]] = ("ctranslate2",)
    about: ClassVar[str] = "a model folder of CTranslate2's"
    script: ClassVar[Path | None] = Path(__file__).with_name("ctranslate2_files.py")

    def check(self, config: "SuperTransformerConfig", arch: "SubTransformerConfig") -> None:
        """See ``hat.engines.base.Engine``."""
        self.check_packages()
        if max(arch.decoder.ende_spans) > 1:
            raise ConfigError(
                f"CTranslate2 cannot represent decoder.ende_spans = {list(arch.decoder.ende_spans)}"
                ": all its decoder layers attend to the last encoder layer; restrict the search "
                "space by decoder-arbitrary-ende-attn-choice: [-1]"
            )
        if config.activation_fn == "linear":
            raise ConfigError("CTranslate2 cannot represent activation-fn: linear")

    def write(
        self,
        small: "SuperTransformer",
        folder: Path,
        *,
        words: tuple[Sequence[str], Sequence[str]] | None = None,
    ) -> None:
        """See ``hat.engines.base.Engine``."""
        self.check(small.config, small.arch)
        from hat.engines.ctranslate2_spec import write_model
        from hat.engines.plain_weights import plain_network

        config = small.config
        if words is None:
            sizes = (config.src_vocab_size, config.tgt_vocab_size)
            words = (_numbered_words(sizes[0]), _numbered_words(sizes[1]))
        write_model(
            plain_network(small),
            folder,
            (_distinct(words[0]), _distinct(words[1])),
            longest=(config.max_source_positions, config.max_target_positions),
            int8_levels=self.settings.levels(),
        )
        write_facts(folder, small.config, self.signature())

    def open(self, folder: Path, *, device: str = "cpu") -> "Ctranslate2Runnable":
        """See ``hat.engines.base.Engine``."""
        check_cpu(device, self.name)
        check_installed("ctranslate2", self.name, "engines")
        from hat.engines.ctranslate2_files import Ctranslate2Network
        from hat.engines.ctranslate2_runner import Ctranslate2Runnable

        facts = checked_facts(folder, self.settings.precision)
        check_range(folder, facts)
        check_model(folder)
        try:
            network = Ctranslate2Network(folder, threads_of(self.settings))
        except (OSError, ValueError, RuntimeError) as error:
            raise CheckpointError(
                f"{folder}: ctranslate2 cannot read it: {reason(error)}"
            ) from None
        positions = (facts["source-positions"], facts["target-positions"])
        return Ctranslate2Runnable(network, positions, folder)


def _numbered_words(count: int) -> list[str]:
    """Words for a network of which only the numbers of words are known."""
    from hat.engines.ctranslate2_files import SPECIAL_WORDS

    return [*SPECIAL_WORDS, *(f"w{number}" for number in range(len(SPECIAL_WORDS), count))]


def _distinct(words: Sequence[str]) -> list[str]:
    """Renames a word that stands again further on, since CTranslate2 knows words by their text."""
    last = {word: number for number, word in enumerate(words)}
    found = list(words)
    for number, word in enumerate(words):
        if last[word] != number:
            while word in last:
                word = f"{word}#{number}"
            found[number] = word
    return found
