"""Writing a folder that holds all it takes to translate, and opening one again.

``export.json`` names what is in the folder: format, languages, rules for text, sizes and digests of
all files and of its own values, and digests of the dictionaries' words. Opening checks these, and
runs no code from the folder.
"""

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from hat.arch.hat_yaml import arch_to_mapping
from hat.conditions import OWN_DIGEST, check_digests, file_digest, mapping_digest, own_digest
from hat.engines.base import Runnable
from hat.errors import CheckpointError, ConfigError
from hat.export.bleu_difference import BleuDifference, bleu_difference
from hat.export.card import Facts, model_card, read_latency, read_result
from hat.export.formats import FORMATS
from hat.export.lexicon import learned_shortlist
from hat.export.parity import largest_difference, parity_pairs
from hat.export.trained import Trained
from hat.files import place_of, real_path, write_text
from hat.folders import check_replaced_folder, replacing_folder
from hat.models.extract import extract
from hat.models.training_record import TrainingRecord
from hat.settings import (
    LANGUAGE,
    AtLeast,
    AtMost,
    Needs,
    OneOf,
    Settings,
    check_effect,
    from_values,
)
from hat.signature import signature
from hat.tasks.pieces import is_pieces_model
from hat.tasks.text_rules import TextRules, task_of
from hat.tasks.units import check_codes, describe_units
from hat.text.dictionaries import SIDES, digest_option, read_dictionary, words_digest
from hat.translation.shortlist import SHORTLIST_FILE, Shortlist, read_shortlist
from hat.translation.text import Text
from hat.versioned import read_versioned, write_versioned

EXPORT_FILE, CARD_FILE = "export.json", "README.md"
CODES_FILE, PIECES_FILE = "bpe.codes", "sentencepiece.model"
NAME, VERSION = "hat.export", 1


@dataclass(frozen=True, kw_only=True)
class ExportSettings(Settings):
    """What is written, and what its card tells."""

    format: Annotated[str, OneOf(FORMATS)] = "safetensors"
    """Kind of file for the network."""

    score: Path | None = None
    """Output of hat score, or its last line: the card tells the BLEU in it."""

    latency: Path | None = None
    """Output of a measurement (train.py --latcpu, hat latency compare), or its last line: the card
    tells it."""

    parity_sentences: Annotated[int, AtLeast(1), AtMost(100_000)] = 32
    """Sentences on which the exported model is compared with the checkpoint."""

    shortlist: Annotated[int | None, AtLeast(1), AtMost(1_000_000)] = None
    """Translations are made of the N commonest target words and of the N likeliest ones of each
    source word only, which is faster; learned from the training data (formats safetensors, torch,
    fairseq and ctranslate2)."""

    bleu_sentences: Annotated[int, AtLeast(0), AtMost(10_000_000)] = 3000
    """Sentences of the validation set, at most, of which BLEU is compared where weights are
    rounded or there is a short-list; 0: none."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """What was written."""

    params: int
    model_bytes: int
    total_bytes: int
    parity: float
    parity_on: str
    bleu: BleuDifference | None
    """Of rounded weights or a short-list, where there is validation data."""

    signature: str


def check_target(folder: Path) -> None:
    """Checks, before there is anything to write, that an export may be written to ``folder``.

    Raises:
        HatError: if it is a file or holds anything but an export.
    """
    check_replaced_folder(place_of(folder), _ours(folder))


def check_choices(settings: ExportSettings, format_: Any) -> None:
    """Checks what is asked for beside the format.

    Raises:
        ConfigError: if a format whose output layer has all words is to have a short-list, or BLEU
            is to be compared with itself.
    """
    if settings.shortlist is not None and not getattr(format_, "takes_shortlist", False):
        raise ConfigError(
            f"shortlist: {settings.format} files have all words in their output layer; of the "
            "other formats, ctranslate2 and those that torch runs take one"
        )
    differs = not format_.is_exact or settings.shortlist is not None
    needs = Needs("int8", "shortlist")
    check_effect(settings, "bleu_sentences", needs, is_asked=differs or not settings.bleu_sentences)


def _ours(folder: Path) -> Callable[[Path], bool]:
    """Tells the files of an export that is in ``folder`` from others."""
    names = {EXPORT_FILE, CARD_FILE, *_files_of_export(folder)}
    return lambda each: each.is_file() and each.name in names


def export(trained: Trained, folder: Path, settings: ExportSettings, format_: Any) -> Export:
    """Writes ``folder``; what stood there, if it is an export, is replaced when all is written.

    Args:
        trained: what to export.
        folder: where to.
        settings: see there.
        format_: the part of ``FORMATS`` that writes the network.

    Raises:
        HatError: if ``folder`` holds anything else, a file cannot be read, or what was written
            does not give numbers.
    """
    assert trained.rules is not None
    check_choices(settings, format_)
    score = None if settings.score is None else read_result(settings.score, "bleu")
    latency = (
        None if settings.latency is None else read_latency(settings.latency, trained.model.arch)
    )
    if trained.codes is not None:
        check_codes(trained.codes, trained.words[0])
    small = extract(trained.model, trained.model.arch)
    digests = dict(zip(SIDES, map(words_digest, trained.words), strict=True))
    pairs, parity_on = parity_pairs(
        small.config, trained.data, trained.languages, settings.parity_sentences
    )
    with replacing_folder(folder, _ours(folder)) as temporary:
        format_.write(small, _notes(trained, digests), temporary, trained.words)
        model_files = tuple(sorted(each.name for each in temporary.iterdir()))
        for path in trained.dictionaries:
            shutil.copyfile(path, temporary / path.name)
        if trained.codes is not None:
            name = PIECES_FILE if is_pieces_model(trained.codes) else CODES_FILE
            shutil.copyfile(trained.codes, temporary / name)
        shortlist = None
        if settings.shortlist is not None:
            sizes = (len(trained.words[0]), len(trained.words[1]))
            learned = learned_shortlist(trained.data, trained.languages, sizes, settings.shortlist)
            learned.write(temporary / SHORTLIST_FILE, trained.words)
            shortlist = read_shortlist(temporary / SHORTLIST_FILE, trained.words)
        # What is compared is what was written, not what is in memory.
        written = format_.open(temporary, "cpu")
        parity = largest_difference(written, trained.model, pairs)
        bleu = None
        if settings.bleu_sentences and not (format_.is_exact and shortlist is None):
            bleu = bleu_difference(
                written,
                trained,
                settings.bleu_sentences,
                shortlist=shortlist,
                is_rounded=not format_.is_exact,
            )
        files = {each.name: each.stat().st_size for each in sorted(temporary.iterdir())}
        result = Export(
            params=sum(weight.numel() for weight in small.parameters()),
            model_bytes=sum(files[name] for name in model_files),
            total_bytes=sum(files.values()),
            parity=parity,
            parity_on=parity_on,
            bleu=bleu,
            signature=_signature(trained, settings, format_, digests, temporary),
        )
        described = {
            "model": settings.format,
            "source-lang": trained.languages[0],
            "target-lang": trained.languages[1],
            "longest-source": small.config.max_source_positions,
            "text": asdict(trained.rules),
            "dictionaries": digests,
            "files": files,
            "digests": {name: file_digest(temporary / name) for name in files},
            "parity": parity,
            "parity-on": parity_on,
            "bleu": None if bleu is None else asdict(bleu),
            "signature": result.signature,
        }
        described[OWN_DIGEST] = own_digest(described)
        write_versioned(temporary / EXPORT_FILE, NAME, VERSION, described)
        facts = Facts(
            task=_task(trained),
            languages=trained.languages,
            text=str(trained.rules),
            units=None if trained.codes is None else describe_units(trained.codes),
            config=small.config,
            arch=small.arch,
            params=result.params,
            files=files,
            model_files=model_files,
            format=settings.format,
            about=format_.about,
            parity=parity,
            parity_on=parity_on,
            bleu=bleu,
            score=score,
            latency=latency,
            training=_training(trained.options),
            signature=result.signature,
        )
        write_text(temporary / CARD_FILE, model_card(facts))
    return result


@dataclass(frozen=True)
class Opened:
    """A model that is ready to translate."""

    model: Runnable
    text: Text
    max_source: int
    """Tokens of the longest source sentence, its end included."""

    shortlist: Shortlist | None = None
    """The words that its translations are made of; None: all."""


def open_export(folder: Path, *, device: str = "cpu", pretokenised: bool = False) -> Opened:
    """Opens what ``export`` wrote.

    Args:
        folder: the folder.
        device: where the network is to run.
        pretokenised: see ``Text``.

    Raises:
        HatError: if a file is missing, not whole, of another task or of a newer hat, or if the
            format needs a package that is not installed.
    """
    path = folder / EXPORT_FILE
    if folder.is_dir() and not path.exists():
        raise CheckpointError(f"{folder}: is no exported model: it has no {EXPORT_FILE}")
    values = read_versioned(path, NAME, VERSION)
    try:
        languages = (_typed(values, "source-lang", str), _typed(values, "target-lang", str))
        for name, language in zip(("source-lang", "target-lang"), languages, strict=True):
            if not LANGUAGE.accepts(language):
                raise ConfigError(f"{name} must be {LANGUAGE}, but found {language!r:.80}")
        rules = from_values(TextRules, _typed(values, "text", dict))
        if rules.tokeniser is None:
            raise ConfigError("text must name a tokeniser, but found none")
        sizes = _typed(values, "files", dict)
        of_files = _typed({"digests": {}, **values}, "digests", dict)  # older exports have none
        digests = _typed(values, "dictionaries", dict)
        longest = _typed(values, "longest-source", int)
        if longest < 1:
            raise ConfigError(f"longest-source must be a positive number, but found {longest}")
        format_ = FORMATS.load(_typed(values, "model", str))
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from None
    names = [f"dict.{language}.txt" for language in languages]
    for name in sorted({*sizes, *names}):
        if not (_FILE_NAME.fullmatch(name) and name.isprintable()):
            raise CheckpointError(f"{path}: files must hold names of files, but found {name!r:.80}")
        if not (folder / name).is_file():
            raise CheckpointError(f"{folder}: lacks {name}")
    words = (read_dictionary(folder / names[0]), read_dictionary(folder / names[1]))
    for side, name, found in zip(SIDES, names, words, strict=True):
        if words_digest(found) != digests.get(side):
            raise CheckpointError(
                f"{folder / name}: is the dictionary of another model: the digest of its words is "
                f"{words_digest(found)}, but that of the exported one is {digests.get(side)}"
            )
    for name, size in sizes.items():
        if (length := (folder / name).stat().st_size) != size:
            raise CheckpointError(
                f"{folder / name}: has {length} bytes, but the exported file has {size}"
            )
    _check_own_digest(path, values)
    own = format_.checked_digests(folder) if hasattr(format_, "checked_digests") else {}
    others = {name: each for name, each in of_files.items() if name not in own or own[name] != each}
    check_digests(folder, others)
    codes = next((folder / name for name in (CODES_FILE, PIECES_FILE) if name in sizes), None)
    text = Text(languages, words, rules=rules, codes=codes, pretokenised=pretokenised)
    shortlist = None
    if SHORTLIST_FILE in sizes:
        shortlist = read_shortlist(folder / SHORTLIST_FILE, words)
    model = format_.open(folder, device)
    _check_sizes(path, model, words, names, longest)
    return Opened(model, text, longest, shortlist)


def _check_sizes(
    path: Path,
    model: Runnable,
    words: tuple[Sequence[str], Sequence[str]],
    names: Sequence[str],
    longest: int,
) -> None:
    """Checks that the network knows all words and positions that sentences may have."""
    # A runnable of another package need not say what it takes.
    source, positions = getattr(model, "takes", None) or (len(words[0]), longest)
    sides = (("source", source, words[0]), ("target", model.vocab_size, words[1]))
    for (side, size, side_words), name in zip(sides, names, strict=True):
        if size != len(side_words):
            raise CheckpointError(
                f"{path.parent}: its network has {size} {side} words, but {name} has "
                f"{len(side_words)}"
            )
    if positions != longest:
        raise CheckpointError(
            f"{path}: longest-source is {longest}, but its network takes {positions} tokens"
        )


def _check_own_digest(path: Path, values: Mapping[str, Any]) -> None:
    """Checks that the values are those that were written; older exports have no digest of them."""
    if OWN_DIGEST not in values:
        return
    found = own_digest(values)
    if found != values[OWN_DIGEST]:
        raise CheckpointError(
            f"{path}: is not as it was written: its values have the digest {found}, but "
            f"{OWN_DIGEST!r} in it is {values[OWN_DIGEST]!r:.40}"
        )


_FILE_NAME = re.compile(r"[^./\\][^/\\]*")


def _typed(values: Mapping[str, Any], name: str, kind: type) -> Any:
    value = values.get(name)
    if type(value) is not kind:
        raise ConfigError(f"{name} must be of type {kind.__name__}, but found {value!r:.80}")
    return value


def _files_of_export(folder: Path) -> set[str]:
    """The files of an export that is there already; they may be replaced."""
    try:
        files = read_versioned(folder / EXPORT_FILE, NAME, VERSION).get("files")
    except CheckpointError:
        return set()
    return set(files) if isinstance(files, dict) else set()


def _notes(trained: Trained, digests: Mapping[str, str]) -> dict[str, str]:
    source, target = trained.languages
    noted = {digest_option(side): digest for side, digest in digests.items()}
    return {"source_lang": source, "target_lang": target, **noted}


def _task(trained: Trained) -> str:
    return task_of(real_path(trained.data).name) or real_path(trained.data).name


def _training(options: Mapping[str, Any]) -> dict[str, Any]:
    record = TrainingRecord.of(options)
    return {} if record is None else record.signature_parts()


def _signature(
    trained: Trained,
    settings: ExportSettings,
    format_: Any,
    digests: Mapping[str, str],
    folder: Path,
) -> str:
    words = {}
    if settings.shortlist is not None:
        words = {"shortlist": file_digest(folder / SHORTLIST_FILE)}
    return signature(
        stage="export",
        format=settings.format,
        checkpoint=file_digest(trained.checkpoint),
        subtransformer=mapping_digest(arch_to_mapping(trained.model.arch)),
        words="-".join(digests.values()),
        bpe=None if trained.codes is None else file_digest(trained.codes),
        text=mapping_digest(asdict(trained.rules)) if trained.rules else None,
        **words,
        **format_.signature(),
    )
