"""The plan of a pipeline: its steps, what each reads, and the names of what it writes.

What depends on the hardware has its name: ``predictor_cpu.pt`` is made from ``latency_cpu.csv``.
"""

import shutil
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from hat.arch.hat_yaml import space_from_entries
from hat.arch.space import SearchSpace
from hat.errors import ConfigError, suggestion
from hat.pipeline import commands
from hat.pipeline.candidate import Candidate
from hat.pipeline.evaluation import Evaluation
from hat.pipeline.settings import PipelineFile
from hat.pipeline.steps import Step
from hat.tasks.own_corpus import RULES, UNITS_FILES
from hat.yaml_reader import Entry

_FILE_KEYS = ("scorer-table", "retrain-configs", "retrain-ref")
"""Keys of a search's YAML file that name files."""

_CHECKPOINT = "checkpoint_best.pt"

_YAML = (".yml", ".yaml")

_SPACE = ("supertransformer",)
_LATENCIES = ("latency-dataset",)
_PREDICTOR = (*_LATENCIES, "latency-predictor")
_WINNER = (*_SPACE, *_PREDICTOR, "evo-search")
_TRAINING = ("subtransformer",)


class Plan:
    """The steps of one pipeline file."""

    def __init__(self, file: PipelineFile, architecture: Path | None = None) -> None:
        """Sets up the plan.

        Args:
            file: the settings.
            architecture: a SubTransformer that takes the place of what the search finds.

        Raises:
            ConfigError: if the file names a step that there is not.
        """
        self.file = file
        self.settings = file.settings
        self.run_dir = file.settings.run_dir
        found = architecture is None
        made_from = _WINNER if found else ()
        self.best = Candidate(
            "best",
            "the winner" if found else str(architecture),
            architecture or self._output("best", ".yml", made_from),
            self._output("subtransformer", "", (*made_from, *_TRAINING)) / _CHECKPOINT,
            made_from,
        )
        self.largest = Candidate(
            "largest",
            "the largest one",
            self._output("largest", ".yml", _SPACE),
            self._output("largest", "", (*_SPACE, *_TRAINING)) / _CHECKPOINT,
            _SPACE,
        )
        self.supernet = self._output("supertransformer", "", _SPACE) / _CHECKPOINT
        self.latencies = self._output("latency", ".csv", _LATENCIES)
        self.predictor = self._output("predictor", ".pt", _PREDICTOR)
        self._builders = self._table()
        for name, entry in file.minutes.items():
            if name not in self._builders:
                raise ConfigError(f"{entry.where}: there is no step {name!r}")
        self._minutes = {name: entry.number() for name, entry in file.minutes.items()}
        if not found:
            del self._builders["evo-search"]  # it would write there

    @cached_property
    def space(self) -> SearchSpace:
        """The space that is searched."""
        files = self.file.stage_files("supertransformer")
        entries = self.file.entries("supertransformer")
        return space_from_entries(entries, ", ".join(map(str, files)))

    @cached_property
    def data(self) -> Path:
        """The folder of the binarised data."""
        return self.settings.data or Path(self._entry("data", "supertransformer"))

    @cached_property
    def text(self) -> dict[str, Entry] | None:
        """What is said about the text of a corpus of one's own; None of other tasks."""
        names = self.settings.preprocess
        return self.file.entries("preprocess") if names[0].endswith(_YAML) else None

    def _entry(self, key: str, stage: str) -> str:
        """What the pipeline's file lacks and the files of a stage say.

        Raises:
            ConfigError: if they do not.
        """
        entries = self.file.entries(stage)
        if key not in entries:
            files = " or ".join(map(str, self.file.stage_files(stage)))
            raise ConfigError(f"{self.file.path}: {key} is missing, here or in {files}")
        return entries[key].text()

    def results(self) -> dict[str, Path]:
        """Returns the files in which the stages leave what the next ones build on."""
        return {
            "architecture": self.best.yml,
            "retrained": self.best.retrained,
            "supertransformer": self.supernet,
            "latencies": self.latencies,
            "predictor": self.predictor,
        }

    def report(self, name: str) -> Path:
        """Returns the path of a file with what came out of everything: ``report.md``."""
        path = Path(name)
        return self._output(path.stem, path.suffix, (*_WINNER, *_TRAINING))

    def steps(self, only: Sequence[str] = ()) -> list[Step]:
        """Returns the steps of these names, or all, in order.

        Raises:
            ConfigError: if there is no such step, or a file that it reads is not there.
        """
        for name in only:
            if name not in self._builders:
                hint = suggestion(name, self._builders) or f": {', '.join(self._builders)}"
                raise ConfigError(f"{self.file.path}: there is no step {name!r}{hint}")
        return [build(name) for name, build in self._builders.items() if not only or name in only]

    def evaluation(self) -> Evaluation:
        """Returns how translations are made and scored."""
        settings = self.settings
        language = settings.target_lang or self._entry("target-lang", "subtransformer")
        reference = None
        if settings.reference is not None and settings.metric == "sacre":
            path = Path(settings.reference.replace("{subset}", settings.subset))
            reference = path if path.is_file() else None
        return Evaluation(
            configs=self.file.stage_files("subtransformer"),
            data=(self.data,),
            subset=settings.subset,
            metric=settings.metric,
            target_lang=language,
            beam=settings.beam,
            lenpen=settings.lenpen,
            on_cpu=settings.on_cpu,
            reference=reference,
            is_detokenised=self._tokeniser() == "sentencepiece",
        )

    def _output(self, stem: str, suffix: str, made_from: Sequence[str]) -> Path:
        return self.run_dir / f"{stem}{self.file.variant(*made_from)}{suffix}"

    def _table(self) -> dict[str, Callable[[str], Step]]:
        best, largest = self.best, self.largest
        table: dict[str, Callable[[str], Step]] = {
            "preprocess": self._preprocess,
            "train-supertransformer": self._train_supertransformer,
            "latency-dataset": self._latency_dataset,
            "latency-predictor": self._latency_predictor,
            "evo-search": self._evo_search,
            "train-subtransformer": partial(self._train, best),
            "measure-best": partial(self._measure, best),
            **self._evaluations(best, "inherited"),
            **self._evaluations(best, "retrained"),
            **self._evaluations(largest, "inherited"),
            "measure-largest": partial(self._measure, largest),
        }
        if self.settings.retrain_largest:
            table["train-largest"] = partial(self._train, largest)
            table |= self._evaluations(largest, "retrained")
        table["compare-latencies"] = self._compare
        if self.settings.export is not None:
            table["export"] = partial(self._export, self.settings.export)
        return table

    def _evaluations(self, which: Candidate, weights: str) -> dict[str, Callable[[str], Step]]:
        return {
            f"translate-{which.name}-{weights}": partial(self._translate, which, weights),
            f"evaluate-{which.name}-{weights}": partial(self._score, which, weights),
        }

    def _about(self, name: str, about: str, made_from: Sequence[str]) -> dict[str, Any]:
        """The fields of a step that are the same whatever it does."""
        return {
            "name": name,
            "about": about,
            "variant": self.file.variant(*made_from),
            "minutes": self._minutes.get(name),
        }

    def _preprocess(self, name: str) -> Step:
        files = self.file.stage_files(name)
        about = self._about(name, "make, tokenise and binarise the text", (name,))
        if self.text is not None:
            return Step(
                **about,
                command=commands.prepare(files),
                inputs=(*files, self._text_dir() / "raw"),
                outputs=(self.data, *self._units()),
            )
        if len(files) > 1:
            raise ConfigError(
                f"{self.file.places[name]}: preprocess is one script, or YAML files (.yml), but "
                f"found {len(files)} files"
            )
        return Step(
            **about,
            command=(_bash(), str(files[0]), *self.settings.preprocess_arguments),
            inputs=(*files, Path("configs/common.sh")),
            outputs=(self.data,),
        )

    def _tokeniser(self) -> str | None:
        """What makes tokens of a corpus of one's own; None of other tasks."""
        if self.text is None:
            return None
        return self.text["tokeniser"].text() if "tokeniser" in self.text else "sentencepiece"

    def _units(self) -> tuple[Path, ...]:
        """What splits words; nothing where a tokeniser is named that there is not."""
        name = UNITS_FILES.get(self._tokeniser() or "")
        return () if name is None else (self._text_dir() / name,)

    def _text_dir(self) -> Path:
        assert self.text is not None
        if "text-dir" not in self.text:
            files = " or ".join(map(str, self.file.stage_files("preprocess")))
            raise ConfigError(f"{files}: text-dir is missing")
        return Path(self.text["text-dir"].text())

    def _train_supertransformer(self, name: str) -> Step:
        space = self.file.stage_files("supertransformer")
        return Step(
            **self._about(name, "train all SubTransformers at once, with shared weights", _SPACE),
            command=self._launched(commands.train(space, self.supernet.parent)),
            inputs=(*space, self.data),
            outputs=(self.supernet,),
            work_dir=self.supernet.parent,
        )

    def _latency_dataset(self, name: str) -> Step:
        configs = self.file.stage_files("latency-dataset")
        return Step(
            **self._about(name, "measure SubTransformers on this machine", _LATENCIES),
            command=commands.latency_dataset(configs, self.latencies),
            # Of the data the sizes of its dictionaries count: the output layer is as wide.
            inputs=(*configs, self.data),
            outputs=(self.latencies,),
            unattended=("--set-aside",),
            resumed=("--resume", "--set-aside"),
            depends_on_machine=True,
        )

    def _latency_predictor(self, name: str) -> Step:
        configs = self.file.stage_files("latency-predictor")
        return Step(
            **self._about(name, "fit a predictor to the measurements", _PREDICTOR),
            command=commands.latency_predictor(configs, self.latencies, self.predictor),
            inputs=(*configs, self.latencies),
            outputs=(self.predictor,),
        )

    def _evo_search(self, name: str) -> Step:
        space, configs = self.file.stage_files("supertransformer"), self.file.stage_files(name)
        entries = {**self.file.entries("supertransformer"), **self.file.entries(name)}
        named = [Path(entries[key].text()) for key in _FILE_KEYS if key in entries]
        winner = self.best.yml
        return Step(
            **self._about(
                name, "search for the best SubTransformer under the latency limit", _WINNER
            ),
            command=commands.search(
                space, configs, supernet=self.supernet, predictor=self.predictor, winner=winner
            ),
            inputs=(*space, *configs, self.supernet, self.predictor, self.data, *named),
            outputs=(winner,),
            # The search itself knows what decides its rounds; how finalists are measured does not.
            unattended=("--set-aside",),
        )

    def _train(self, which: Candidate, name: str) -> Step:
        training, folder = self.file.stage_files("subtransformer"), which.retrained.parent
        return Step(
            **self._about(
                name, f"train {which.about} from scratch", (*which.made_from, *_TRAINING)
            ),
            command=self._launched(commands.train(which.yml, folder, sub_configs=training)),
            inputs=(which.yml, *training, self.data),
            outputs=(which.retrained,),
            work_dir=folder,
        )

    def _launched(self, command: commands.Words) -> commands.Words:
        one = self.settings
        if one.launcher is None:
            return command
        return commands.launched(command, one.processes, one.launcher_arguments)

    def _measure(self, which: Candidate, name: str) -> Step:
        configs = self.file.stage_files("latency-dataset")
        return Step(
            **self._about(name, f"measure {which.about}", (*which.made_from, *_LATENCIES)),
            command=commands.measure(which.yml, configs, on_cpu=self.settings.on_cpu),
            inputs=(which.yml, *configs, self.data),
            outputs=(),
            depends_on_machine=True,
        )

    def _compare(self, name: str) -> Step:
        configs, entries = self.file.stage_files("latency-dataset"), self.file.entries("evo-search")
        key = "latency-confidence"
        flags = (f"--{key}", entries[key].text()) if key in entries else ()
        rows = (self.best.yml, self.largest.yml)
        return Step(
            **self._about(name, "measure the winner and the largest one in turn", _WINNER),
            command=commands.compare(rows, configs, self.predictor, flags),
            inputs=(*rows, *configs, self.predictor, self.data),
            outputs=(),
            depends_on_machine=True,
        )

    def _translate(self, which: Candidate, weights: str, name: str) -> Step:
        about = f"translate the {self.settings.subset} set with {which.about}, {weights} weights"
        return self.evaluation().translate(**self._scored(name, about, which, weights))

    def _score(self, which: Candidate, weights: str, name: str) -> Step:
        about = f"score the translations of {which.about}, {weights} weights"
        return self.evaluation().score(**self._scored(name, about, which, weights))

    def _export(self, folder: Path, name: str) -> Step:
        tokeniser = self._tokeniser()
        if tokeniser is None:
            raise ConfigError(
                f"{self.file.places['export']}: export needs YAML files in preprocess, which say "
                "how text becomes units; after other scripts, run hat export"
            )
        rules, units = RULES.get(tokeniser), self._units()
        if rules is None or not units:
            entry = (self.text or {})["tokeniser"]
            raise ConfigError(
                f"{entry.where}: tokeniser must be one of {', '.join(RULES)}, but found "
                f"{tokeniser!r}"
            )
        (codes,) = units
        facts = {
            "--score": self._log(
                partial(self._score, self.best, "retrained"), "evaluate-best-retrained"
            ),
            "--latency": self._log(partial(self._measure, self.best), "measure-best"),
        }
        return Step(
            **self._about(
                name, f"write {self.best.about} with all that it needs", self._made_best()
            ),
            command=commands.export(
                self.best.retrained,
                folder,
                flags=(
                    *("--data", str(self.data), "--bpe-codes", str(codes)),
                    *("--tokeniser", str(rules.tokeniser)),
                    *(("--normalise",) if rules.normalise else ()),
                    *(word for flag, path in facts.items() for word in (flag, str(path))),
                ),
            ),
            inputs=(self.best.retrained, self.data, codes, *facts.values()),
            outputs=(folder,),
        )

    def _made_best(self) -> tuple[str, ...]:
        return (*self.best.made_from, *_TRAINING)

    def _log(self, build: Callable[[str], Step], name: str) -> Path:
        """What a step printed."""
        return self.run_dir / "logs" / f"{build(name).label}.log"

    def _scored(self, name: str, about: str, which: Candidate, weights: str) -> dict[str, Any]:
        inherits = weights == "inherited"
        made_from = (*which.made_from, *_TRAINING, *(_SPACE if inherits else ()))
        return {
            **self._about(name, about, made_from),
            "checkpoint": self.supernet if inherits else which.retrained,
            "arch": which.yml,
        }


def _bash() -> str:
    found = shutil.which("bash")
    if found is None:
        raise ConfigError("the pipeline needs bash, which is not installed")
    return found
