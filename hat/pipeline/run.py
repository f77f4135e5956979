"""A pipeline from its YAML file: all of it, some steps of it, or the test of one checkpoint."""

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, chdir, contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from hat.errors import ConfigError, suggestion
from hat.locks import LockedError, locked
from hat.numerals import duration, number_of
from hat.pipeline.changes import Changes, flags_of, with_words
from hat.pipeline.checking import check_steps
from hat.pipeline.estimates import Speed, step_seconds
from hat.pipeline.index import write_index
from hat.pipeline.notes import cause, notes
from hat.pipeline.plan import Plan
from hat.pipeline.report import Report, write_report
from hat.pipeline.settings import read_pipeline
from hat.pipeline.stages import WINNER
from hat.pipeline.steps import CommandError, Runner, Step, printable, this_machine


@contextmanager
def _alone(plan: Plan, say: Callable[[str], None]) -> Iterator[None]:
    """Holds the lock of a run's folder.

    Pipelines for other hardware take turns, too: what one trains anew, the other might be reading.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(plan.run_dir, say=say))
        except LockedError as error:
            hardware = plan.file.variant(*WINNER)
            turns = (
                "; pipelines for different hardware share its SuperTransformer, so they take "
                "turns; several targets in one file are one run (docs/tasks.md)"
            )
            raise LockedError(f"{error}{turns if hardware else ''}") from None
        yield


P = ParamSpec("P")
R = TypeVar("R")


def _from_base(
    method: Callable[Concatenate["Pipeline", P], R],
) -> Callable[Concatenate["Pipeline", P], R]:
    """Runs a method in the folder that the file's paths hold from; its own hold from here."""

    @wraps(method)
    def run(self: "Pipeline", /, *args: P.args, **named: P.kwargs) -> R:
        here: list[Any] = [_meant("checkpoint", each) for each in args]
        there: dict[str, Any] = {name: _meant(name, each) for name, each in named.items()}
        if self.settings.base is None:
            return method(self, *here, **there)
        if not self.base.is_dir():
            raise ConfigError(
                f"{self._file.places['base']}: base: {self.settings.base} is no folder"
            )
        here, there = [*map(_held, here)], {name: _held(each) for name, each in there.items()}
        with chdir(self.base):
            return method(self, *here, **there)

    return run


def _meant(name: str, value: Any) -> Any:
    """A path or a name that Python code gives as a text, where a path or names are read."""
    if not isinstance(value, str):
        return value
    if name in ("architecture", "checkpoint"):
        return Path(value)
    return (value,) if name in ("only", "flags") else value


def _held(value: Any) -> Any:
    return value.absolute() if isinstance(value, Path) else value


@dataclass(frozen=True)
class PipelineResult:
    """What a run of a pipeline left."""

    steps: dict[str, Mapping[str, Any]]
    """Step -> what its command printed last."""

    report: Report | None
    """None where not all steps were asked for."""


class Pipeline:
    """The five stages and the scoring of one task.

    A step runs when its command or the content of a file it reads has changed since it last ran
    here, or when what it wrote is gone; otherwise it is skipped. Paths in the file hold from its
    ``base`` or, without one, from the folder in which it runs.
    """

    def __init__(self, path: str | Path, **settings: Any) -> None:
        """Reads the pipeline.

        Args:
            path: YAML file, such as ``configs/numbers.en-fr/pipeline.yml``.
            settings: of ``PipelineSettings``, used instead of the file's: ``hardware="gpu"``.

        Raises:
            ConfigError: naming a key that is missing or wrong.
        """
        self._file = read_pipeline(path, settings)
        self.settings = self._file.settings
        self.base = self._file.base
        """The folder that all paths of the file hold from."""
        self.plan = _from_base(lambda self: Plan(self._file))(self)

    @_from_base
    def run(
        self,
        *,
        only: Sequence[str] = (),
        begin: str | None = None,
        changes: Changes = (),
        architecture: Path | None = None,
        flags: Sequence[str] = (),
        by_hand: bool = False,
        say: Callable[[str], None] = print,
    ) -> PipelineResult:
        """Runs what is not up to date.

        Args:
            only: the names of the steps that shall run; none: all.
            begin: this step and all after it run although they may be up to date.
            changes: ``(step, setting, value)``: settings that win over those of the step's files.
            architecture: YAML file of a SubTransformer that is trained, measured and scored in
                place of what the search found; needs ``only``.
            flags: for the command of the only step, after its own.
            by_hand: see ``Runner``.
            say: takes lines of progress.

        Raises:
            ConfigError: if there is no such step, or a file is not there.
            LockedError: if another process runs a pipeline in the same run-dir.
            StepError: if a step fails.
        """
        plan = Plan(self._file, architecture, changes)
        runner = self._runner(by_hand, say)
        results = {}
        again = False
        steps = self.steps(
            only=only, begin=begin, changes=changes, architecture=architecture, flags=flags
        )
        with _alone(plan, say):
            if architecture is None:
                write_index(plan)
            for step in steps:
                again = again or begin in (step.name, step.stage)
                plan.write_largest(step)
                try:
                    results[step.name] = runner.run(step, again=again).result
                except CommandError as error:
                    why = cause(step.name, results)
                    raise CommandError(f"{error}{why}", error.code) from None
                for note in notes(step.stage, results[step.name]) if not by_hand else ():
                    say(f"  {note}")
            return PipelineResult(results, None if only else write_report(plan, results))

    @_from_base
    def test(
        self, checkpoint: Path, architecture: Path, *, say: Callable[[str], None] = print
    ) -> Mapping[str, Any]:
        """Translates with one SubTransformer of a checkpoint and scores, whatever was done before.

        Returns:
            What ``hat score`` prints: ``bleu``, ``chrf``, ``signature`` and more. The translations
            are in ``exp``, beside the checkpoint.

        Raises:
            ConfigError: if one of the files is not there.
        """
        for flag, path in (("--test", checkpoint), ("--architecture", architecture)):
            if not path.is_file():
                raise ConfigError(f"{flag}: there is no file {path}")
        runner = Runner(checkpoint.parent / "exp", platform.machine(), say, by_hand=True)
        result: Mapping[str, Any] = {}
        for step in self.test_steps(checkpoint, architecture):
            result = runner.execute(step).result
        return result

    @_from_base
    def steps(
        self,
        *,
        only: Sequence[str] = (),
        begin: str | None = None,
        changes: Changes = (),
        architecture: Path | None = None,
        flags: Sequence[str] = (),
    ) -> list[Step]:
        """Returns the steps that ``run`` would run, in order.

        Raises:
            ConfigError: as ``run``.
        """
        if (architecture is not None or flags) and not only:
            raise ConfigError("an architecture, or flags after --, need the step: --only STEP")
        plan = Plan(self._file, architecture, changes)
        steps = plan.steps(only)
        if flags and len(steps) > 1:
            raise ConfigError(f"flags after -- are for one step, but --only names {len(steps)}")
        names = [name for step in steps for name in dict.fromkeys((step.name, step.stage))]
        for name, flag in [(begin, "--from"), *((change[0], "--set") for change in changes)]:
            if name is not None and name not in names:
                if only and name in plan.names:
                    raise ConfigError(f"{flag}: step {name!r} is none of those that --only names")
                known = dict.fromkeys(step.name for step in steps)
                hint = suggestion(name, names) or f": {', '.join(known)}"
                raise ConfigError(f"{flag}: there is no step {name!r}{hint}")
        return [with_words(step, (*flags_of(step, changes), *flags)) for step in steps]

    @_from_base
    def test_steps(self, checkpoint: Path, architecture: Path) -> list[Step]:
        """Returns the steps of ``test``; the files need not be there yet."""
        evaluation, name = self.plan.evaluation(), f"{architecture.stem}.{self.settings.subset}"
        return [
            evaluation.translate(f"translate.{name}", checkpoint, architecture),
            evaluation.score(f"score.{name}", checkpoint, architecture),
        ]

    @_from_base
    def check(self, steps: Sequence[Step], *, whole: bool = True) -> None:
        """Checks every setting of those of these steps that would run; runs none of them.

        The settings of a step that is up to date are those that it ran with.

        Args:
            steps: of the pipeline.
            whole: whether these are all of them: what one reads is there or made by another.

        Raises:
            ConfigError: naming the step and what is wrong.
        """
        runner = self._runner()
        if any(runner.expected_seconds(step) != 0 for step in steps):
            check_steps(self.plan, steps, whole=whole)

    @_from_base
    def preview(
        self, steps: Sequence[Step], *, begin: str | None = None, by_rates: bool = False
    ) -> list[str]:
        """Returns how much there is to do, then the steps and their commands; runs nothing.

        What reads a file that an earlier one of the steps will write counts as to be done.

        Args:
            steps: what would run.
            begin: as in ``run``.
            by_rates: estimates steps that never ran here, or with other settings, by the
                processor's rates, which are measured for that if they never were.
        """
        expected, runner = self._expected(steps, begin), self._runner()
        estimated = {}
        if by_rates and self.settings.on_cpu and None in expected:
            estimated = self._by_rates(steps)
        for place, step in enumerate(steps):
            if expected[place] is None:
                expected[place] = estimated.get(step.name, runner.last_seconds(step))
        known = sum(seconds for seconds in expected if seconds is not None)
        unknown = sum(seconds is None for seconds in expected)
        about = f"about {duration(known)} of work"
        if unknown == len(steps):
            about = "none of which ever ran here" if unknown > 1 else "which never ran here"
        elif unknown and not known:
            about = f"{unknown:,} of which never ran here"
        elif unknown:
            about += f", not counting {number_of(unknown, 'step')} that never ran here"
        lines = [f"{self.settings.task}: {number_of(len(steps), 'step')}, {about}"]
        for step, seconds in zip(steps, expected, strict=True):
            time = f" (about {duration(seconds)})" if by_rates and seconds else ""
            lines.append(f"{'=' if seconds == 0 else '>'} {step.name}: {step.about}{time}")
            lines.append(f"  {printable(step.command)}")
        return lines

    def _expected(self, steps: Iterable[Step], begin: str | None) -> list[float | None]:
        """Seconds of each step: 0 if it is and stays up to date, None if nobody knows."""
        runner = self._runner()
        expected: list[float | None] = []
        written: set[Path] = set()
        again = False
        for step in steps:
            again = again or begin in (step.name, step.stage)
            is_read_anew = any(written.intersection((path, *path.parents)) for path in step.inputs)
            expected.append(runner.expected_seconds(step, again=again or is_read_anew))
            if expected[-1] != 0:
                written |= {*step.outputs, runner.log_of(step)}
        return expected

    def _by_rates(self, steps: Iterable[Step]) -> dict[str, float]:
        """Seconds of steps, by the best rate that trainings may have here."""
        from hat.machine.rates import call_seconds, rates

        gflops = rates().gflops
        # In bf16 a training reaches about half as much of the rate as in fp32.
        speed = Speed(max(gflops["fp32"], gflops["bf16"] / 2), call_seconds())
        found = {step.name: step_seconds(self.plan, step, speed) for step in steps}
        return {name: seconds for name, seconds in found.items() if seconds is not None}

    def _runner(self, by_hand: bool = False, say: Callable[[str], None] = print) -> Runner:
        device = "cpu" if self.settings.on_cpu else "gpu"
        return Runner(self.plan.run_dir, f"{this_machine()} {device}", say, by_hand=by_hand)
