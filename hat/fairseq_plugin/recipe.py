"""What an update of a SuperTransformer's training trains, and what it learns from: from options."""

import argparse
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from torch import Tensor

from hat.arch.hat_yaml import space_from_options
from hat.arch.space import SearchSpace
from hat.cli.flags import add_flags
from hat.errors import CheckpointError, ConfigError
from hat.fairseq_plugin.dictionaries import task_words
from hat.models.checkpoint import checkpoint_options, read_checkpoint, super_transformer
from hat.models.config import SuperTransformerConfig, super_config_from_options
from hat.models.super_transformer import SuperTransformer
from hat.modules.soft_targets import DistillationSettings
from hat.sampling import SAMPLINGS
from hat.sampling.base import Ground, Sampling
from hat.settings import OneOf, Settings, all_keys, from_values, settings_signature
from hat.text.dictionaries import check_dictionaries, noted_dictionaries

INIT = "init-from-supernet"
"""The option that names the SuperTransformer whose weights a SubTransformer begins with."""

_NO_FUNCTION = ("dropout", "attention_dropout", "activation_dropout")
"""Options of a network that change its training and not what it computes."""


@dataclass(frozen=True, kw_only=True)
class RecipeSettings(Settings):
    """How a SuperTransformer is trained."""

    sampling_strategy: Annotated[str, OneOf(SAMPLINGS)] = "uniform"
    """which SubTransformers an update trains; see docs/training.md"""

    distillation: DistillationSettings = field(default_factory=DistillationSettings)

    validate_ema: bool = False
    """validate, and choose the best checkpoint by, the moving average of --store-ema"""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The settings with what they name."""

    sampling: Sampling
    distillation: DistillationSettings = field(default_factory=DistillationSettings)

    @property
    def distills(self) -> bool:
        """Whether the largest SubTransformer teaches the others."""
        return self.distillation.distill_weight > 0


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of all recipes, and where a SubTransformer begins."""
    add_flags(parser, RecipeSettings)
    for cls in SAMPLINGS.settings():
        add_flags(parser, cls)
    parser.add_argument(
        f"--{INIT}",
        metavar="CKPT",
        default=None,
        help="begin the training of a SubTransformer with the weights it inherits from this one",
    )


def recipe_keys() -> frozenset[str]:
    """Returns all options that decide a recipe."""
    return all_keys(RecipeSettings, *SAMPLINGS.settings())


def network_config(options: Mapping[str, Any], task: Any) -> SuperTransformerConfig:
    """Returns the shape of the SuperTransformer that fairseq's options and dictionaries describe.

    Raises:
        ConfigError: if the options contradict each other.
    """
    return super_config_from_options(
        options,
        src_vocab_size=len(task.source_dictionary),
        tgt_vocab_size=len(task.target_dictionary),
        padding_idx=task.source_dictionary.pad(),
    )


def recipe_of(
    options: Mapping[str, Any], space: SearchSpace, config: SuperTransformerConfig
) -> Recipe:
    """Builds the recipe that fairseq's options describe.

    Raises:
        ConfigError: if a setting is wrong or does not fit the others.
    """
    settings = from_values(RecipeSettings, options)
    part = SAMPLINGS.load(settings.sampling_strategy)
    ground = Ground(space=space, config=config, max_update=int(options.get("max_update") or 0))
    return Recipe(
        sampling=part.build(from_values(part.Settings, options), ground),
        distillation=settings.distillation,
    )


def check_recipe(args: argparse.Namespace, task: Any) -> None:
    """Checks the recipe of a training before anything is written.

    Raises:
        ConfigError: if a setting is wrong or does not fit the others.
    """
    options = vars(args)
    settings = from_values(RecipeSettings, options)
    if args.train_subtransformer:
        return
    SAMPLINGS.check_others([settings.sampling_strategy], options, "--sampling-strategy")
    if options.get(INIT.replace("-", "_")):
        raise ConfigError(
            f"{INIT} is for a SubTransformer (--train-subtransformer); a SuperTransformer begins "
            "with another's weights by finetune-from-model"
        )
    criterion = "label_smoothed_cross_entropy"
    if settings.distillation.distill_weight > 0 and args.criterion != criterion:
        raise ConfigError(f"distill-weight needs criterion {criterion}, but it is {args.criterion}")
    part = SAMPLINGS.load(settings.sampling_strategy)
    if settings.distillation.distill_weight == 1 and not part.trains_largest:
        raise ConfigError(
            f"distill-weight 1 with sampling-strategy {settings.sampling_strategy}: all would "
            "learn from the largest SubTransformer, and it from nobody; take a weight below 1, or "
            "a strategy that trains the largest, such as sandwich"
        )
    space = space_from_options(options, "the SuperTransformer's options")
    recipe_of(options, space, network_config(options, task))


def recipe_conditions(args: argparse.Namespace) -> dict[str, Any]:
    """Returns what of a recipe decides a training's weights; nothing of HAT's.

    Settings of strategies that are not chosen do not count, and neither do those of one
    SubTransformer's training, which draws nothing.
    """
    options = vars(args)
    settings = from_values(RecipeSettings, options)
    found: dict[str, Any] = {"validate-ema": True} if settings.validate_ema else {}
    if options.get("train_subtransformer"):
        return found
    name = settings.sampling_strategy
    if name != "uniform":
        part = SAMPLINGS.load(name)
        found |= {"sampling-strategy": name, **SAMPLINGS.origin(name)}
        found |= settings_signature(from_values(part.Settings, options))
    if settings.distillation.distill_weight > 0:
        found |= settings_signature(settings.distillation)
    return {key: list(value) if isinstance(value, tuple) else value for key, value in found.items()}


def follows_max_update(args: argparse.Namespace) -> bool:
    """Whether another ``--max-update`` makes other draws from the first update on."""
    if getattr(args, "train_subtransformer", False):
        return False
    name = from_values(RecipeSettings, vars(args)).sampling_strategy
    return bool(SAMPLINGS.load(name).follows_max_update)


def check_same_network(
    plain: SuperTransformer, config: SuperTransformerConfig, path: str | Path
) -> None:
    """Checks that a training of the network ``config`` can begin with a checkpoint's weights.

    Raises:
        CheckpointError: naming the option that differs, or if weights of a SubTransformer alone
            are there.
    """
    theirs = asdict(plain.config)
    for name, value in asdict(config).items():
        if name not in _NO_FUNCTION and theirs[name] != value:
            option = name.replace("_", "-")
            raise CheckpointError(
                f"{path}: no training of these options can begin with its weights: {option} is "
                f"{theirs[name]} there, but {value} here"
            )
    if plain.size != plain.config.largest_arch():
        raise CheckpointError(
            f"{path}: holds the weights of one SubTransformer only, where a SuperTransformer's are "
            "needed"
        )


def inherited_weights(
    path: str | Path, config: SuperTransformerConfig, task: Any
) -> dict[str, Tensor]:
    """Returns the weights of a SuperTransformer, for a training that begins with them.

    A SubTransformer is trained inside a network of the SuperTransformer's size, so all its
    weights are taken over; those that it inherits are the leading slices.

    Raises:
        CheckpointError: if the file is no checkpoint of the network ``config`` and of the task's
            dictionaries.
    """
    content = read_checkpoint(path)
    plain = super_transformer(content, path)
    sizes = {"source": plain.config.src_vocab_size, "target": plain.config.tgt_vocab_size}
    noted = noted_dictionaries(checkpoint_options(content, path))
    check_dictionaries(noted, sizes, task_words(task), path)
    check_same_network(plain, config, path)
    weights: dict[str, Tensor] = plain.state_dict()
    return weights
