"""Successive halving: all candidates are trained a little, the better half goes on.

Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization",
AISTATS 2016. A candidate is trained as it would be to the end, and stopped at marks: the learning
rate follows the schedule of the whole training. So what is left at the end was trained as if it
had been the only one.
"""

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import write_arch
from hat.conditions import file_digest, mapping_digest
from hat.errors import ConfigError
from hat.pipeline import commands
from hat.pipeline.steps import Runner, Step, this_machine
from hat.report.document import Section
from hat.report.tables import Column, csv_table, markdown_table
from hat.retraining.finalists import short_name
from hat.retraining.training_file import read_training_file
from hat.settings import NO_OUTCOME, Above, AtLeast, AtMost, Between, Needs, Settings, Shown

Arch = SubTransformerConfig


@dataclass(frozen=True, kw_only=True)
class HalvingSettings(Settings):
    """Whether and how the winner is chosen among finalists by training them."""

    halve_top: Annotated[int, AtLeast(0), AtMost(10_000), Shown("K"), NO_OUTCOME] = 0
    """train the best K of the search from scratch, part by part, and drop the worse half by
    validation loss each time; the last one is the winner"""

    halve_configs: Annotated[Path | None, Shown("YML"), NO_OUTCOME, Needs("halve-top")] = None
    """the training, as for train.py --sub-configs"""

    halve_marks: Annotated[
        tuple[float, ...], Above(0), Between(0, 1), Shown("PART"), NO_OUTCOME, Needs("halve-top")
    ] = (0.15, 0.3, 0.6, 1.0)
    """parts of the training after which half is dropped; after the last one, all but one"""

    halve_seed: Annotated[int, AtLeast(0), Shown("SEED"), NO_OUTCOME, Needs("halve-top")] = 1
    """of all the trainings"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.halve_top == 1:
            raise ConfigError("--halve-top must be 0 or at least 2: of one nothing is dropped")
        if not self.halve_marks or sorted(set(self.halve_marks)) != list(self.halve_marks):
            found = " ".join(f"{mark:g}" for mark in self.halve_marks) or "none"
            raise ConfigError(f"--halve-marks must be ascending parts, but found {found}")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is trained, and when half is dropped."""

    top: int
    """How many candidates there are at most."""

    configs: Path
    data: tuple[Path, ...]
    total: int
    """Updates of a whole training."""

    updates: tuple[int, ...]
    """After which half is dropped, ascending."""

    flags: tuple[str, ...] = ()
    """For ``train.py``: seed, device, and what keeps the schedule that of a whole training."""

    def digest(self) -> str:
        """Of what decides who is chosen among given candidates, beside the data."""
        return mapping_digest(
            {
                "top": self.top,
                "training": file_digest(self.configs),
                "updates": self.updates,
                "flags": self.flags,
            }
        )

    def sizes(self, candidates: int) -> tuple[int, ...]:
        """How many are trained up to each mark."""
        found = [candidates]
        for _ in self.updates[1:]:
            found.append(math.ceil(found[-1] / 2))
        return tuple(found)

    def trainings(self, candidates: int) -> float:
        """What it costs, in updates of one whole training."""
        parts = [b - a for a, b in zip((0, *self.updates), self.updates, strict=False)]
        sizes = self.sizes(candidates)
        return sum(n * part for n, part in zip(sizes, parts, strict=True)) / self.total


@dataclass(frozen=True, kw_only=True)
class Halved:
    """What halving found."""

    chosen: int
    """Index of the candidate that is left."""

    losses: Sequence[Sequence[float]]
    """Of each candidate the best validation loss up to each mark it reached, bits per token."""

    plan: Plan
    folders: Sequence[Path] = field(default=())
    """Of each candidate: where its training lies."""


def read_plan(settings: HalvingSettings, *, on_cpu: bool) -> Plan | None:
    """Reads the training of the candidates, before the search: no mistake is found after it.

    Args:
        settings: what to halve.
        on_cpu: whether to train without a GPU.

    Returns:
        None if nothing shall be halved.

    Raises:
        ConfigError: if the file with the training is missing or wrong, does not validate, or has a
            learning rate that cannot be stopped on its way.
    """
    if settings.halve_top == 0:
        return None
    file = read_training_file(settings.halve_configs, "--halve-configs", "--halve-top")
    args = file.args
    if not file.validates:
        raise ConfigError(f"{file.path}: halving goes by the validation loss, so it must validate")
    if not args.max_update:
        raise ConfigError(f"{file.path}: halving needs max-update, the updates of a training")
    from hat.fairseq_plugin.training_conditions import schedule_ends_at_max_update

    schedule = _whole_schedule(args)
    if schedule_ends_at_max_update(file.with_options(schedule)):
        raise ConfigError(
            f"{file.path}: halving stops trainings on their way, but the learning rates of "
            f"lr-scheduler {args.lr_scheduler} hang on max-update"
        )
    updates = sorted({max(1, round(mark * args.max_update)) for mark in settings.halve_marks})
    words = [f"--{key.replace('_', '-')}={value}" for key, value in schedule.items()]
    words += ["--seed", str(settings.halve_seed), *(["--cpu"] if on_cpu else [])]
    return Plan(
        top=settings.halve_top,
        configs=file.path,
        data=file.data,
        total=args.max_update,
        updates=tuple(updates),
        flags=tuple(words),
    )


def _whole_schedule(args: argparse.Namespace) -> dict[str, Any]:
    """Options that keep the learning rates as they are when ``--max-update`` is smaller."""
    if args.lr_scheduler == "cosine" and args.lr_period_updates <= 0:
        # A training that ends within the warm-up never comes to the part that falls.
        return {"lr_period_updates": max(1, args.max_update - args.warmup_updates)}
    if args.lr_scheduler == "polynomial_decay" and not args.total_num_update:
        return {"total_num_update": args.max_update}
    return {}


def halve(
    archs: Sequence[Arch], plan: Plan, folder: Path, *, say: Callable[[str], None] = print
) -> Halved:
    """Trains all candidates up to the first mark, the better half up to the second, and so on.

    What is done is not done again, and a training that was interrupted goes on.

    Args:
        archs: the candidates, at least one.
        plan: their training.
        folder: gets a folder for every architecture, logs and states.
        say: takes lines of progress.

    Raises:
        StepError: if a training fails; its log has been shown by then.
    """
    runner = Runner(folder, this_machine(), say=say)
    say(
        f"| halving {len(archs)} candidates: {', '.join(map(str, plan.sizes(len(archs))))} are "
        f"trained up to {', '.join(map(str, plan.updates))} of {plan.total} updates, as many "
        f"updates as {plan.trainings(len(archs)):.1f} whole trainings have"
    )
    homes = [folder / short_name(arch) for arch in archs]
    losses: list[list[float]] = [[] for _ in archs]
    left = list(range(len(archs)))
    for place, updates in enumerate(plan.updates):
        for index in left:
            yml = homes[index] / "arch.yml"
            write_arch(yml, archs[index], "A candidate of successive halving.")
            step = _training(homes[index], yml, updates, plan, is_first=place == 0)
            losses[index].append(_loss(runner.run(step).result, step))
        left.sort(key=lambda index: losses[index][-1])  # equals keep the order of the search
        is_last = updates == plan.updates[-1]
        left = left[: 1 if is_last else math.ceil(len(left) / 2)]
    say(f"| halving chose candidate {left[0] + 1}: validation loss {losses[left[0]][-1]:.4f}")
    return Halved(chosen=left[0], losses=losses, plan=plan, folders=homes)


def _training(home: Path, yml: Path, updates: int, plan: Plan, *, is_first: bool) -> Step:
    """The training of one candidate up to a mark. All marks share a folder.

    Its output is what the command prints, since later marks change the checkpoints.
    """
    said = home / f"{updates}_updates.out"
    save_dir = home / "training"
    flags = ("--max-update", str(updates), *plan.flags)
    return Step(
        name=f"halve.{home.name}.{updates}",
        about=f"train a candidate up to {updates} of {plan.total} updates",
        command=commands.train(yml, save_dir, sub_configs=(plan.configs,), flags=flags),
        inputs=(yml, plan.configs, *plan.data),
        outputs=(said,),
        stdout=said,
        # What was trained with other inputs is set aside by the first mark, for all of them.
        work_dir=save_dir if is_first else None,
    )


def _loss(result: Mapping[str, Any], step: Step) -> float:
    loss = result.get("best_loss")
    if not isinstance(loss, int | float) or not math.isfinite(loss):
        raise ConfigError(f"step {step.name!r}: the training told no validation loss, but {loss}")
    return float(loss)


def halving_section(archs: Sequence[Arch], found: Halved) -> Section:
    """Returns what the report says of it."""
    plan = found.plan
    sizes = ", ".join(map(str, plan.sizes(len(archs))))
    text = (
        f"{sizes} candidates were trained from scratch with {plan.configs.name} up to "
        f"{', '.join(map(str, plan.updates))} of {plan.total} updates: as many updates as "
        f"{plan.trainings(len(archs)):.1f} whole trainings. After each mark the half with the "
        "lower validation loss went on. One seed each: candidates that are close may be chosen by "
        "chance."
    )
    columns: list[Column[int]] = [
        Column("candidate", lambda index: index + 1),
        Column("decoder layers", lambda index: archs[index].decoder.num_layers),
        Column("encoder layers", lambda index: archs[index].encoder.num_layers),
    ]
    for place, updates in enumerate(plan.updates):

        def loss(index: int, place: int = place) -> float | None:
            return found.losses[index][place] if place < len(found.losses[index]) else None

        columns.append(Column(f"loss after {updates}", loss, ".4f"))
    columns.append(Column("chosen", lambda index: "yes" if index == found.chosen else ""))
    folder: Column[int] = Column("folder", lambda index: str(found.folders[index]))
    rows = range(len(archs))
    return Section(
        title="Which finalist trains best? Successive halving",
        text=text,
        table=markdown_table(rows, columns),
        csv=("halving.csv", csv_table(rows, [*columns, folder])),
    )
