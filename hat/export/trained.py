"""A SubTransformer of a checkpoint with all that its translations need: words, codes, rules."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from hat.arch.hat_yaml import load_arch
from hat.errors import CheckpointError, ConfigError
from hat.files import real_path
from hat.models.checkpoint import (
    checkpoint_options,
    read_checkpoint,
    super_transformer,
    trained_network,
)
from hat.models.super_transformer import SuperTransformer
from hat.settings import LANGUAGE, OneOf, Settings, Shown
from hat.tasks.text_rules import TEXT_RULES, TextRules, text_rules
from hat.text.dictionaries import (
    SIDES,
    check_dictionaries,
    check_direction,
    dictionary_paths,
    languages_of,
    noted_dictionaries,
    read_dictionary,
)


@dataclass(frozen=True, kw_only=True)
class TaskSettings(Settings):
    """What a checkpoint does not hold of its task."""

    data: Annotated[Path | None, Shown("DIR")] = None
    """Folder of the dictionaries, dict.*.txt. Default: the data folder that the checkpoint was
    trained on, if it is there."""

    source_lang: Annotated[str | None, LANGUAGE] = None
    """Source language. Default: as the checkpoint or the data folder says."""

    target_lang: Annotated[str | None, LANGUAGE] = None
    """Target language. Default: as the checkpoint or the data folder says."""

    bpe_codes: Path | None = None
    """BPE merges, or a SentencePiece model, by which the text was split."""

    task: Annotated[str | None, OneOf(TEXT_RULES)] = None
    """Task whose rules make tokens of text. Default: the one in the name of the data folder."""

    rules: TextRules = field(default_factory=TextRules)


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One SubTransformer and its task."""

    model: SuperTransformer
    """Set to the SubTransformer; on the CPU, float32, eval mode."""

    checkpoint: Path
    options: dict[str, Any]
    """Those of the checkpoint."""

    languages: tuple[str, str]
    data: Path
    dictionaries: tuple[Path, Path]
    words: tuple[tuple[str, ...], tuple[str, ...]]
    rules: TextRules | None
    """None if nobody knows, and nobody has to."""

    codes: Path | None


def read_trained(
    checkpoint: Path, sub_yml: Path | None, settings: TaskSettings, *, needs_rules: bool = True
) -> Trained:
    """Reads a checkpoint, ours or HAT's, and its task.

    Args:
        checkpoint: the file.
        sub_yml: the SubTransformer; None: the one that was trained.
        settings: where the rest is.
        needs_rules: whether text is to be tokenised; else it may be unknown how.

    Raises:
        HatError: if something is missing, damaged or of another task.
    """
    content = read_checkpoint(checkpoint)
    options = checkpoint_options(content, checkpoint)
    model = _set_model(content, options, checkpoint, sub_yml)
    data = _data_folder(settings.data, options, checkpoint)
    languages = _languages(settings, options, data)
    check_direction(options, *languages, checkpoint)
    dictionaries = dictionary_paths(data, languages)
    words = (read_dictionary(dictionaries[0]), read_dictionary(dictionaries[1]))
    sizes = (model.config.src_vocab_size, model.config.tgt_vocab_size)
    check_dictionaries(
        noted_dictionaries(options),
        dict(zip(SIDES, sizes, strict=True)),
        dict(zip(SIDES, words, strict=True)),
        checkpoint,
    )
    rules = None
    if needs_rules:
        trained_on = options.get("data")
        rules = text_rules(
            settings.rules,
            settings.task,
            real_path(data).name,
            real_path(data).parent.name,
            None if trained_on is None else str(trained_on),
        )
    return Trained(
        model=model,
        checkpoint=checkpoint,
        options=options,
        languages=languages,
        data=data,
        dictionaries=dictionaries,
        words=words,
        rules=rules,
        codes=settings.bpe_codes,
    )


def _set_model(
    content: dict[str, Any], options: dict[str, Any], checkpoint: Path, sub_yml: Path | None
) -> SuperTransformer:
    own = trained_network(content, checkpoint)[1]
    if sub_yml is None:
        if own is None:
            raise ConfigError(
                f"{checkpoint}: holds a SuperTransformer: which SubTransformer of it? name its "
                "YAML file behind the checkpoint"
            )
        return super_transformer(content, checkpoint)
    arch = load_arch(sub_yml)
    if own is not None and own != arch:
        raise CheckpointError(
            f"{checkpoint}: was trained as one SubTransformer, which is not that of {sub_yml}"
        )
    model = super_transformer(content, checkpoint)
    try:
        model.set_sample_config(arch)
    except ConfigError as error:
        raise ConfigError(f"{sub_yml}: {error}") from None
    return model


def _data_folder(given: Path | None, options: dict[str, Any], checkpoint: Path) -> Path:
    if given is not None:
        if not given.is_dir():
            raise ConfigError(f"{given}: is no folder; --data names that of the dictionaries")
        return given
    trained_on = str(options.get("data") or "").split(os.pathsep)[0]
    if trained_on and Path(trained_on).is_dir():
        return Path(trained_on)
    where = f" ({trained_on}, where it was trained, is not here)" if trained_on else ""
    raise ConfigError(f"{checkpoint}: where are its dictionaries? give --data{where}")


def _languages(settings: TaskSettings, options: dict[str, Any], data: Path) -> tuple[str, str]:
    found = languages_of(data) or (None, None)
    source = settings.source_lang or options.get("source_lang") or found[0]
    target = settings.target_lang or options.get("target_lang") or found[1]
    if not source or not target:
        raise ConfigError(f"{data}: which languages? give --source-lang and --target-lang")
    for language in (str(source), str(target)):
        if not LANGUAGE.accepts(language):
            raise ConfigError(f"{data}: expected {LANGUAGE}, but found {language!r:.80}")
    return str(source), str(target)
