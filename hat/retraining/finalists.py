"""Retraining: finalists and the baselines of the contest trained from scratch, side by side.

The trainings and translations are steps of ``hat.pipeline.steps``: what is done is not done again,
what was interrupted goes on. Each architecture has a folder of its own, named after itself.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_to_mapping, write_arch
from hat.errors import ConfigError
from hat.pipeline import commands
from hat.pipeline.evaluation import Evaluation
from hat.pipeline.steps import Runner, Step, this_machine
from hat.report.document import Section
from hat.report.search_report import SearchStory
from hat.report.tables import Column, csv_table, markdown_table
from hat.report.verdict import BLEU_MARGIN, Judged, Runs, compare, sample_std
from hat.retraining.training_file import read_training_file
from hat.search.base import Trial
from hat.settings import NO_OUTCOME, AtLeast, AtMost, Needs, OneOf, Settings, Shown
from hat.text.scores import METRICS

Arch = SubTransformerConfig

_FINALIST = "finalist"


@dataclass(frozen=True, kw_only=True)
class RetrainSettings(Settings):
    """Whether and how finalists are trained from scratch after a search."""

    retrain_top: Annotated[int, AtLeast(0), AtMost(10_000), Shown("K"), NO_OUTCOME] = 0
    """train the best K finalists and the baselines of the contest from scratch"""

    retrain_configs: Annotated[Path | None, Shown("YML"), NO_OUTCOME, Needs("retrain-top")] = None
    """the training, as for train.py --sub-configs"""

    retrain_seeds: Annotated[
        tuple[int, ...], AtLeast(0), Shown("SEED"), NO_OUTCOME, Needs("retrain-top")
    ] = (1,)
    """every architecture is trained once with each"""

    retrain_init: Annotated[Literal["scratch", "supernet"], NO_OUTCOME, Needs("retrain-top")] = (
        "scratch"
    )
    """what the trainings begin with: chance, or the weights that are inherited; see
    docs/training.md"""

    retrain_margin: Annotated[
        float, AtLeast(0), Shown("BLEU"), NO_OUTCOME, Needs("retrain-top")
    ] = BLEU_MARGIN
    """differences in BLEU that are smaller do not matter: they are called ties"""

    retrain_subset: Annotated[Literal["valid", "test"], NO_OUTCOME, Needs("retrain-top")] = "test"
    """what BLEU is reported of; beam and length penalty are those of --bleu-beam and
    --bleu-lenpen"""

    retrain_metric: Annotated[str, OneOf(METRICS), NO_OUTCOME, Needs("retrain-top")] = "sacre"
    """sacre: sacreBLEU of the detokenised text; normal: compound-split BLEU of the tokenised one"""

    retrain_ref: Annotated[Path | None, Shown("FILE"), NO_OUTCOME, Needs("retrain-top")] = None
    """raw text of the subset, as the references (default: the data's own, detokenised)"""


@dataclass(frozen=True, kw_only=True)
class Training(Evaluation):
    """What is trained, how, and what it is judged by."""

    seeds: Sequence[int]
    checkpoint_name: str = "checkpoint_best.pt"
    """The file of a training that is scored."""

    margin: float = BLEU_MARGIN
    """Differences in BLEU that are smaller do not matter."""

    train_flags: tuple[str, ...] = ()
    """For ``train.py``, after the YAML files."""

    start: Path | None = None
    """The SuperTransformer whose slices the trainings begin with; None: they begin from scratch."""


@dataclass(frozen=True, kw_only=True)
class Retrained:
    """One architecture, trained once per seed."""

    name: str
    """What it is: ``finalist 1``, ``random search`` ..."""

    trial: Trial[Arch]
    score: float
    """The one that the search went by, in its own direction."""

    measured_ms: float | None
    folder: Path
    bleu: tuple[float, ...]
    chrf: tuple[float, ...]
    signature: str
    """sacreBLEU's."""


def read_training(
    settings: RetrainSettings,
    *,
    beam: int,
    lenpen: float,
    target_lang: str,
    on_cpu: bool,
    supernet: Path | None = None,
) -> Training | None:
    """Reads the training that finalists get, before the search: a mistake is not found after it.

    Args:
        settings: of the training.
        beam: hypotheses per sentence when its test set is translated.
        lenpen: the length penalty then.
        target_lang: for the scores.
        on_cpu: whether to train without a GPU.
        supernet: the checkpoint that ``--retrain-init supernet`` begins with; None where the
            search does not go by the weights of a checkpoint as they are.

    Returns:
        None if nothing shall be retrained.

    Raises:
        ConfigError: if a setting or the file with the training is missing or wrong.
    """
    if settings.retrain_top == 0:
        return None
    if settings.retrain_ref is not None and not settings.retrain_ref.is_file():
        raise ConfigError(f"--retrain-ref: there is no file {settings.retrain_ref}")
    file = read_training_file(settings.retrain_configs, "--retrain-configs", "--retrain-top")
    start = supernet if settings.retrain_init == "supernet" else None
    if start is None and settings.retrain_init == "supernet":
        raise ConfigError(
            "--retrain-init supernet begins with the weights of the last update: make a checkpoint "
            "of the moving average first (hat average-checkpoints --ema) and search with that"
        )
    return Training(
        configs=(file.path,),
        data=file.data,
        seeds=tuple(dict.fromkeys(settings.retrain_seeds)),
        margin=settings.retrain_margin,
        subset=settings.retrain_subset,
        metric=settings.retrain_metric,
        target_lang=target_lang,
        beam=beam,
        lenpen=lenpen,
        on_cpu=on_cpu,
        reference=settings.retrain_ref,
        checkpoint_name="checkpoint_best.pt" if file.validates else "checkpoint_last.pt",
        train_flags=() if start is None else ("--init-from-supernet", str(start)),
        start=start,
    )


def retrain(
    story: SearchStory[Arch],
    training: Training,
    folder: Path,
    *,
    top: int,
    say: Callable[[str], None] = print,
) -> list[Retrained]:
    """Trains the best finalists and the baselines, translates and scores.

    Args:
        story: of the search; its deliveries, or where nothing was measured its best trials, are
            the finalists.
        training: what is trained and how.
        top: how many of the finalists.
        folder: gets a folder for every architecture, logs and states.
        say: takes lines of progress.

    Raises:
        StepError: if a training fails; its log has been shown by then.
    """
    runner = Runner(folder, this_machine(), say=say)
    chosen = {**_finalists(story, top), **story.baselines}
    measured = {each.arch: each.measured for each in story.deliveries}
    first_cost = next(iter(story.budgets), "")
    rows = []
    for name, trial in chosen.items():
        home = folder / short_name(trial.arch)
        yml = home / "arch.yml"
        # Always: the folder is named after the architecture, whatever was done to the file.
        write_arch(yml, trial.arch, "Retrained after a search.")
        scores = [train_and_score(runner, home, yml, seed, training) for seed in training.seeds]
        rows.append(
            Retrained(
                name=name,
                trial=trial,
                score=story.result.score(trial),
                measured_ms=measured.get(trial.arch, {}).get(first_cost),
                folder=home,
                bleu=tuple(float(score["bleu"]) for score in scores),
                chrf=tuple(float(score["chrf"]) for score in scores),
                signature=str(scores[0]["signature"]),
            )
        )
    return rows


def train_and_score(
    runner: Runner, home: Path, yml: Path, seed: int, training: Training
) -> Mapping[str, Any]:
    """Trains one architecture with one seed, translates and scores.

    Args:
        runner: runs the three commands, unless they are up to date.
        home: folder of the architecture.
        yml: the architecture.
        seed: of the training.
        training: what is trained and how.

    Returns:
        What ``hat score`` prints: ``bleu``, ``chrf``, ``signature``.

    Raises:
        StepError: if a command fails; its log has been shown by then.
    """
    run = f"seed{seed}" if training.start is None else f"seed{seed}-inherited"
    name, save_dir = f"{home.name}.{run}", home / run
    starts = () if training.start is None else (training.start,)
    checkpoint = save_dir / training.checkpoint_name
    on_cpu = ("--cpu",) if training.on_cpu else ()
    flags = (*on_cpu, "--seed", str(seed), *training.train_flags)
    runner.run(
        Step(
            name=f"train.{name}",
            about="train from scratch" if not starts else "train from inherited weights",
            command=commands.train(yml, save_dir, sub_configs=training.configs, flags=flags),
            inputs=(yml, *training.configs, *training.data, *starts),
            outputs=(checkpoint,),
            work_dir=save_dir,
        )
    )
    name = f"{name}.{training.subset}"
    runner.run(training.translate(f"generate.{name}", checkpoint, yml))
    return runner.run(training.score(f"score.{name}", checkpoint, yml)).result


def retrain_section(rows: Sequence[Retrained], training: Training) -> Section:
    """Returns what the report says of it: a sentence for each baseline, and the table."""
    finalists = [row for row in rows if row.name.startswith(_FINALIST)]
    judged = Judged(name="BLEU", higher_is_better=True, trained=True, margin=training.margin)
    sentences = [
        compare(_runs(finalists[0]), _runs(row), judged).sentence
        for row in rows
        if row not in finalists
    ]
    seeds = ", ".join(map(str, training.seeds))
    start = "scratch" if training.start is None else "inherited weights"
    files = ", ".join(path.name for path in training.configs)
    text = [
        f"Trained from {start} with {files}, seeds {seeds}; BLEU of "
        f"{training.subset!r} with beam {training.beam} and length penalty {training.lenpen:g}, "
        f"`{rows[0].signature}`.",
        *(f"- {sentence}" for sentence in sentences),
    ]
    costs = list(dict.fromkeys(name for row in rows for name in row.trial.costs))
    columns: list[Column[Retrained]] = [
        Column("architecture", lambda row: row.name),
        Column("inherited score", lambda row: row.score, ".5g"),
        *(Column(name, partial(_cost, name)) for name in costs),
        Column("measured ms", lambda row: row.measured_ms, ".2f"),
        Column("trainings", lambda row: len(row.bleu)),
        Column("BLEU", lambda row: float(np.mean(row.bleu)), ".2f"),
        Column("BLEU std", lambda row: _std(row.bleu), ".2f"),
        Column("chrF", lambda row: float(np.mean(row.chrf)), ".2f"),
    ]
    folder: Column[Retrained] = Column("folder", lambda row: str(row.folder))
    return Section(
        title="Was it worth it? BLEU after retraining",
        text="\n".join(text),
        table=markdown_table(rows, columns),
        csv=("retrained.csv", csv_table(rows, [*columns, folder])),
    )


def _finalists(story: SearchStory[Arch], top: int) -> dict[str, Trial[Arch]]:
    """The best architectures that fit, by name."""
    if story.deliveries:
        best = [
            Trial(each.arch, (each.objective,), 0, each.predicted)
            for each in story.deliveries
            if each.fits
        ]
    else:
        best = story.result.ranking()
    return {f"{_FINALIST} {place}": trial for place, trial in enumerate(best[:top], start=1)}


def short_name(arch: Arch) -> str:
    """A name that only this architecture has."""
    text = json.dumps(arch_to_mapping(arch), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _runs(row: Retrained) -> Runs:
    return Runs(name=row.name, scores=row.bleu)


def _cost(name: str, row: Retrained) -> float | None:
    return row.trial.costs.get(name)


def _std(values: Sequence[float]) -> float | None:
    return sample_std(values) if len(values) > 1 else None
