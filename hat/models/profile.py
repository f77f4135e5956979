"""The size and the work of one SubTransformer: what ``hat profile`` says."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_from_mapping, arch_options, arch_to_mapping
from hat.arch.model_options import with_architecture
from hat.conditions import mapping_digest
from hat.errors import ConfigError
from hat.models.config import SuperTransformerConfig, super_config_from_options
from hat.models.dictionaries import DictionarySettings, dictionary_sizes
from hat.models.flops import Cost, cost
from hat.settings import NO_OUTCOME, AtLeast, Shown
from hat.signature import signature
from hat.tasks.facts import DEFAULT_SRC_LEN, default_src_len


@dataclass(frozen=True, kw_only=True)
class ProfileSettings(DictionarySettings):
    """Of what network and what sentence."""

    arch: str | None = None
    """named architecture of the SuperTransformer"""

    vocab_size: Annotated[int | None, AtLeast(1), Shown("V")] = None
    """entries of each dictionary; default: those in the data folder, else those of the usual data
    for the architecture"""

    src_len: Annotated[int | None, AtLeast(1), Shown("N")] = None
    """source tokens; default: 23 for IWSLT architectures, else 30"""

    tgt_len: Annotated[int | None, AtLeast(1), Shown("N")] = None
    """target tokens; default: --src-len"""

    json: Annotated[bool, NO_OUTCOME] = False
    """print only JSON"""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Size and work of one SubTransformer for one sentence."""

    config: SuperTransformerConfig
    arch: SubTransformerConfig
    cost: Cost
    src_len: int
    tgt_len: int
    vocabulary: str = "given"
    """Where the sizes of the dictionaries come from."""

    def lines(self) -> list[str]:
        """The figures for readers."""
        source, target = self.config.src_vocab_size, self.config.tgt_vocab_size
        counted = self.cost
        return [
            f"vocabulary: {source:,} source and {target:,} target ({self.vocabulary})",
            f"sentence: {self.src_len} source and {self.tgt_len} target tokens, "
            "one teacher-forced pass",
            f"parameters: {_short(counted.params)}",
            f"  without embeddings: {_short(counted.params_without_embeddings)}",
            f"FLOPs: {_short(counted.flops)}",
            f"  without the last layer: {_short(counted.flops_without_last_layer)}",
        ]

    def figures(self) -> dict[str, Any]:
        """The figures for programs, ready for JSON."""
        source, target = self.config.src_vocab_size, self.config.tgt_vocab_size
        return {
            **vars(self.cost),
            "src_vocab_size": source,
            "tgt_vocab_size": target,
            "src_len": self.src_len,
            "tgt_len": self.tgt_len,
            "signature": signature(
                stage="profile",
                subtransformer=mapping_digest(arch_to_mapping(self.arch)),
                model=mapping_digest(vars(self.config)),
                vocab=f"{source}-{target}",
                len=f"{self.src_len}-{self.tgt_len}",
            ),
        }


def _short(count: float) -> str:
    """A large number with two decimals and its unit: 66.16 M."""
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if count >= size:
            return f"{count / size:.2f}{unit}"
    return f"{count:g}"


def profile(
    config: SuperTransformerConfig,
    arch: SubTransformerConfig,
    *,
    src_len: int = DEFAULT_SRC_LEN,
    tgt_len: int | None = None,
) -> Profile:
    """Counts the parameters and FLOPs of ``arch``, a SubTransformer of ``config``.

    Args:
        config: the SuperTransformer.
        arch: the architecture.
        src_len: source tokens.
        tgt_len: target tokens; as many as source tokens if None.

    Raises:
        ConfigError: if ``arch`` does not fit into ``config``.
    """
    tgt_len = src_len if tgt_len is None else tgt_len
    counted = cost(config, arch, src_len=src_len, tgt_len=tgt_len)
    return Profile(config=config, arch=arch, cost=counted, src_len=src_len, tgt_len=tgt_len)


def profile_options(settings: ProfileSettings, options: Mapping[str, Any], where: str) -> Profile:
    """Profiles the SubTransformer that HAT's options describe.

    Args:
        settings: dictionaries and sentence.
        options: HAT's options of SuperTransformer and SubTransformer, with underscores.
        where: the place to name in errors.

    Raises:
        ConfigError: if the architecture or the vocabulary is not known, or an option is wrong.
        DataError: if a dictionary is damaged or missing.
    """
    if settings.arch is None:
        raise ConfigError(
            "the architecture is not known: name its common.yml with --sub-configs, or --arch"
        )
    filled = with_architecture(options, settings.arch)
    given = () if settings.vocab_size is None else (settings.vocab_size,)
    sizes = dictionary_sizes(settings, settings.arch, given=given)
    config = super_config_from_options(
        filled, src_vocab_size=sizes.source, tgt_vocab_size=sizes.target
    )
    arch = arch_from_mapping(arch_options(options), where)
    src_len = settings.src_len or default_src_len(settings.arch)
    found = profile(config, arch, src_len=src_len, tgt_len=settings.tgt_len)
    return replace(found, vocabulary=sizes.origin)
