"""The steps of a plan, one by one: their commands, and the files that they read and write."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from hat.errors import ConfigError
from hat.pipeline import commands
from hat.pipeline.blocks import Block, is_device, is_space, is_workload
from hat.pipeline.candidate import Candidate, Found, Target, Training
from hat.pipeline.changes import Changes, changed
from hat.pipeline.exporting import export_formats
from hat.pipeline.layout import Layout
from hat.pipeline.named_files import named_in
from hat.pipeline.notes import doubt
from hat.pipeline.stages import LATENCIES, PREDICTOR, SPACE, TRAINING, WINNER
from hat.pipeline.steps import Step
from hat.tasks.own_corpus import RULES, UNITS_FILES
from hat.yaml_reader import Entry


@dataclass(frozen=True)
class Made:
    """A step that can be made; its files are looked at only then."""

    stage: str
    suffix: str
    build: Callable[[], Step]

    @property
    def name(self) -> str:
        """Of the step."""
        return f"{self.stage}{self.suffix}"

    @property
    def names(self) -> tuple[str, ...]:
        """Those that ask for it: its own, and that of all steps of its kind."""
        return (self.name, self.stage)

    def step(self) -> Step:
        """Makes it.

        Raises:
            ConfigError: if a file that it reads is not there.
        """
        return replace(self.build(), name=self.name, suffix=self.suffix)


@dataclass(frozen=True)
class Weights:
    """What a SubTransformer translates with."""

    kind: str
    """``inherited`` or ``retrained``."""

    checkpoint: Path
    suffix: str
    """That its steps' names end in."""

    told: str = ""
    """``, seed 2``, where there are several trainings."""

    def __str__(self) -> str:
        return f"{self.kind} weights{self.told}"


class Builder:
    """Makes the steps of a plan."""

    def __init__(self, plan: Layout, changes: Changes = ()) -> None:
        self.plan, self.file, self.changes = plan, plan.file, changes

    def text(self) -> Iterator[Made]:
        """Making the data."""
        yield Made("preprocess", "", self._preprocess)

    def supertransformer(self) -> Iterator[Made]:
        """Training the SuperTransformer."""
        yield Made("train-supertransformer", "", self._train_supertransformer)

    def latencies(self, target: Target) -> Iterator[Made]:
        """Measuring for a target, and the predictor that learns from it."""
        yield Made("latency-dataset", target.suffix, partial(self._latency_dataset, target))
        yield Made("latency-predictor", target.suffix, partial(self._latency_predictor, target))

    def search(self, found: Found) -> Iterator[Made]:
        """A search."""
        yield Made("evo-search", found.best.suffix, partial(self._evo_search, found))

    def trainings(self, which: Candidate) -> Iterator[Made]:
        """Training a SubTransformer by itself, once for each seed."""
        for one in which.trainings:
            yield Made(f"train-{which.noun}", one.suffix, partial(self._train, which, one))
            if one.averaged is not None:
                yield Made(f"average-{which.noun}", one.suffix, partial(self._average, which, one))

    def evaluations(self, which: Candidate) -> Iterator[Made]:
        """Translating and scoring with inherited weights, then with each training's."""
        yield from self.inherited(which)
        yield from self.retrained(which)

    def inherited(self, which: Candidate) -> Iterator[Made]:
        """Translating and scoring with the SuperTransformer's weights."""
        weights = Weights("inherited", self.plan.supernet, which.suffix)
        yield from self._evaluation(which, weights)

    def retrained(self, which: Candidate) -> Iterator[Made]:
        """Translating and scoring with the weights of each training."""
        for one in which.trainings:
            weights = Weights("retrained", one.checkpoint, one.suffix, one.told)
            yield from self._evaluation(which, weights)

    def compared(self, target: Target, winners: Sequence[Candidate]) -> Iterator[Made]:
        """Measuring all of a target in turn."""
        yield Made("compare-latencies", target.suffix, partial(self._compare, target, winners))

    def exports(self, found: Found, folder: Path, *, one: bool) -> Iterator[Made]:
        """Writing a winner in all formats, each in a folder of its own if there are several."""
        formats = export_formats(self.plan, found.target)
        for format_ in formats:
            suffix = found.best.suffix
            suffix += f".{format_.name}" if len(formats) > 1 else ""
            own = folder if one and len(formats) == 1 else folder / suffix[1:]
            yield Made("export", suffix, partial(self._export, found, format_.flags, own))

    def label(self, stage: str, suffix: str, made_from: Sequence[str]) -> str:
        """Returns the name of a step's log and state files."""
        return f"{stage}{suffix}{self.file.variant(*made_from)}"

    def _about(
        self, stage: str, about: str, made_from: Sequence[str], rows: Sequence[str] = ()
    ) -> dict[str, Any]:
        """The fields of a step that are the same whatever it does.

        ``rows``: what a comparison of latencies must have measured.
        """
        return {
            "name": stage,
            "about": about,
            "variant": self.file.variant(*made_from),
            "minutes": self.plan.minutes.get(stage),
            "doubt": partial(doubt, stage, rows=rows),
        }

    def _preprocess(self) -> Step:
        name = "preprocess"
        files = self.file.stage_files(name)
        about = self._about(name, "make, tokenise and binarise the text", (name,))
        if self.plan.text is not None:
            return Step(
                **about,
                command=commands.prepare(files),
                inputs=(*files, self._text_dir() / "raw"),
                outputs=(self.plan.data, *self._units()),
            )
        codes = self.plan.settings.bpe_codes
        if len(files) > 1:
            raise ConfigError(
                f"{self.file.places[name]}: preprocess is one script, or YAML files (.yml), but "
                f"found {len(files)} files"
            )
        return Step(
            **about,
            command=(_bash(), str(files[0]), *self.plan.settings.preprocess_arguments),
            inputs=(*files, Path("configs/common.sh")),
            outputs=(self.plan.data, *((codes,) if codes is not None else ())),
        )

    def _units(self) -> tuple[Path, ...]:
        """What splits words; nothing where a tokeniser is named that there is not."""
        name = UNITS_FILES.get(self.plan.tokeniser or "")
        return () if name is None else (self._text_dir() / name,)

    def _text_dir(self) -> Path:
        assert self.plan.text is not None
        if "text-dir" not in self.plan.text:
            files = " or ".join(map(str, self.file.stage_files("preprocess")))
            raise ConfigError(f"{files}: text-dir is missing")
        return Path(self.plan.text["text-dir"].text())

    def _train_supertransformer(self) -> Step:
        space, supernet = self.file.stage_files("supertransformer"), self.plan.supernet
        about = "train all SubTransformers at once, with shared weights"
        return Step(
            **self._about("train-supertransformer", about, SPACE),
            command=self._launched(commands.train(space, supernet.parent)),
            inputs=(*space, self.plan.data, *self._named("supertransformer")),
            outputs=(supernet,),
            work_dir=supernet.parent,
        )

    def _latency_dataset(self, target: Target) -> Step:
        configs = self.file.stage_files("latency-dataset")
        command = commands.latency_dataset(configs, target.latencies)
        about = f"measure SubTransformers{_where(target) or ' on this machine'}"
        return Step(
            **self._about("latency-dataset", about, LATENCIES),
            command=(*command, *target.block.words()),
            # Of the data the sizes of its dictionaries count: the output layer is as wide.
            inputs=(*configs, self.plan.data, *self._named("latency-dataset", target.block)),
            outputs=(target.latencies,),
            unattended=("--set-aside",),
            resumed=("--resume", "--set-aside"),
            depends_on_machine=True,
        )

    def _latency_predictor(self, target: Target) -> Step:
        configs = self.file.stage_files("latency-predictor")
        about = f"fit a predictor to the measurements{_where(target)}"
        return Step(
            **self._about("latency-predictor", about, PREDICTOR),
            command=commands.latency_predictor(configs, target.latencies, target.predictor),
            inputs=(*configs, target.latencies, *self._named("latency-predictor")),
            outputs=(target.predictor,),
        )

    def _evo_search(self, found: Found) -> Step:
        name, target = "evo-search", found.target
        space, configs = self.file.stage_files("supertransformer"), self.file.stage_files(name)
        command = commands.search(
            *(space, configs),
            supernet=self.plan.supernet,
            predictor=target.predictor,
            winner=found.best.yml,
        )
        of_target = target.block.words(lambda option: is_device(option) or is_space(option))
        about = "search for the best SubTransformer under the latency limit"
        about += f" ({', '.join(found.names)})" if found.names else ""
        return Step(
            **self._about(name, about, WINNER),
            command=(*command, *of_target, *found.block.words()),
            inputs=(
                *(*space, *configs, self.plan.supernet, target.predictor, self.plan.data),
                *self._named("supertransformer", name, found.block),
            ),
            outputs=(found.best.yml,),
            # The search itself knows what decides its rounds; how finalists are measured does not.
            unattended=("--set-aside",),
        )

    def _named(self, *settings: str | Block) -> list[Path]:
        """The files that settings of stages and of blocks name; the last ones win."""
        entries: dict[str, Entry] = {}
        for each in settings:
            entries |= self.file.entries(each) if isinstance(each, str) else each.entries
        return named_in(entries)

    def _train(self, which: Candidate, one: Training) -> Step:
        training = self.file.stage_files("subtransformer")
        seed = () if one.seed is None else ("--seed", str(one.seed))
        inherits = self.plan.settings.retrain_init == "supernet"
        inherited, named = (self.plan.supernet,) if inherits else (), self._named("subtransformer")
        start = [word for path in inherited for word in ("--init-from-supernet", str(path))]
        about = f"train {which.about} from {'inherited weights' if inherits else 'scratch'}"
        about += one.told
        return Step(
            **self._about(f"train-{which.noun}", about, (*which.made_from, *TRAINING)),
            command=self._launched(
                commands.train(which.yml, one.folder, sub_configs=training, flags=(*seed, *start))
            ),
            inputs=(which.yml, *training, self.plan.data, *inherited, *named),
            outputs=one.written,
            work_dir=one.folder,
        )

    def _average(self, which: Candidate, one: Training) -> Step:
        assert one.averaged is not None
        training = f"train-{which.noun}"
        given = changed(training, f"{training}{one.suffix}", self.changes)
        kept = self.file.averaged(one.averaged, given)
        about = f"average the last {one.averaged} checkpoints of {which.about}{one.told}"
        return Step(
            **self._about(f"average-{which.noun}", about, (*which.made_from, *TRAINING)),
            command=commands.average(one.folder, one.checkpoint, one.averaged, kept),
            inputs=one.written,
            outputs=(one.checkpoint,),
        )

    def _launched(self, command: commands.Words) -> commands.Words:
        one = self.plan.settings
        if one.launcher is None:
            return command
        return commands.launched(command, one.processes, one.launcher_arguments)

    def _compare(self, target: Target, winners: Sequence[Candidate]) -> Step:
        configs, entries = self.file.stage_files("latency-dataset"), self.file.entries("evo-search")
        key = "latency-confidence"
        flags = (f"--{key}", entries[key].text()) if key in entries else ()
        rows = (*(each.yml for each in winners), target.largest.yml)
        what = (
            "the winners and the largest one"
            if len(winners) > 1
            else "the winner and the largest one"
        )
        about = f"measure {what} in turn{_where(target)}"
        return Step(
            **self._about("compare-latencies", about, WINNER, rows=tuple(map(str, rows))),
            command=(
                *commands.compare(rows, configs, target.predictor, flags),
                *target.block.words(is_workload),
            ),
            inputs=(*rows, *configs, target.predictor, self.plan.data),
            outputs=(),
            depends_on_machine=True,
        )

    def _evaluation(self, which: Candidate, weights: Weights) -> Iterator[Made]:
        names = [f"{does}-{which.name}-{weights.kind}" for does in ("translate", "evaluate")]
        yield Made(names[0], weights.suffix, partial(self._translate, names[0], which, weights))
        yield Made(names[1], weights.suffix, partial(self._score, names[1], which, weights))

    def _translate(self, name: str, which: Candidate, weights: Weights) -> Step:
        about = f"translate the {self.plan.settings.subset} set with {which.about}, {weights}"
        return self.plan.evaluation().translate(**self._scored(name, about, which, weights))

    def _score(self, name: str, which: Candidate, weights: Weights) -> Step:
        about = f"score the translations of {which.about}, {weights}"
        return self.plan.evaluation().score(**self._scored(name, about, which, weights))

    def scored_from(self, which: Candidate, weights: str) -> tuple[str, ...]:
        """Returns keys of the stages' files that decide a score."""
        return (*which.made_from, *TRAINING, *(SPACE if weights == "inherited" else ()))

    def _scored(self, name: str, about: str, which: Candidate, weights: Weights) -> dict[str, Any]:
        return {
            **self._about(name, about, self.scored_from(which, weights.kind)),
            "checkpoint": weights.checkpoint,
            "arch": which.yml,
        }

    def _export(self, found: Found, flags: Sequence[str], folder: Path) -> Step:
        codes, rules = self._text_rules()
        best, one = found.best, found.best.trainings[0]
        scored = self.scored_from(best, "retrained")
        facts = {
            "--score": self._log("evaluate-best-retrained", one.suffix, scored),
            "--latency": self._log("compare-latencies", found.target.suffix, WINNER),
        }
        return Step(
            **self._about("export", f"write {best.about}{one.told}, with all it needs", scored),
            command=commands.export(
                one.checkpoint,
                folder,
                flags=(
                    *("--data", str(self.plan.data), "--bpe-codes", str(codes), *rules),
                    *(word for flag, path in facts.items() for word in (flag, str(path))),
                    *flags,
                ),
            ),
            inputs=(one.checkpoint, self.plan.data, codes, *facts.values()),
            outputs=(folder,),
        )

    def _text_rules(self) -> tuple[Path, tuple[str, ...]]:
        """What splits words, and flags that say how text becomes tokens.

        Raises:
            ConfigError: if nobody says.
        """
        tokeniser = self.plan.tokeniser
        if tokeniser is None:
            codes = self.plan.settings.bpe_codes
            if codes is None:
                raise ConfigError(
                    f"{self.file.places['export']}: export needs bpe-codes, or YAML files in "
                    "preprocess: they say how text becomes units"
                )
            return codes, ()  # the rules are those of the task
        rules, units = RULES.get(tokeniser), self._units()
        if rules is None or not units:
            entry = (self.plan.text or {})["tokeniser"]
            raise ConfigError(
                f"{entry.where}: tokeniser must be one of {', '.join(RULES)}, but found "
                f"{tokeniser!r}"
            )
        normalise = ("--normalise",) if rules.normalise else ()
        return units[0], ("--tokeniser", str(rules.tokeniser), *normalise)

    def _log(self, stage: str, suffix: str, made_from: Sequence[str]) -> Path:
        """What a step printed."""
        return self.plan.run_dir / "logs" / f"{self.label(stage, suffix, made_from)}.log"


def _where(target: Target) -> str:
    """What a sentence says of a target, where there are several."""
    return f" for {target.block.name}" if target.block.name else ""


def _bash() -> str:
    found = shutil.which("bash")
    if found is None:
        raise ConfigError("the pipeline needs bash, which is not installed")
    return found
