"""What a pipeline makes, for which targets, and what its files are called.

What depends on the hardware has its name: ``predictor_cpu.pt`` is made from ``latency_cpu.csv``.
Where there are several targets, searches or seeds, their names follow: the step
``evo-search.phone.fast`` writes ``best_cpu.phone.fast.yml``.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from hat.arch.hat_yaml import space_from_entries, write_arch
from hat.arch.space import SearchSpace
from hat.errors import ConfigError
from hat.pipeline.blocks import Block, is_space
from hat.pipeline.candidate import Candidate, Found, Target, Training
from hat.pipeline.evaluation import Evaluation
from hat.pipeline.settings import PipelineFile
from hat.pipeline.stages import LATENCIES, PREDICTOR, SPACE, TRAINING, WINNER
from hat.pipeline.steps import Step
from hat.yaml_reader import Entry

_CHECKPOINT = "checkpoint_best.pt"

YAML_ENDS = (".yml", ".yaml")
"""Of the files of preprocess, if it is no script."""


class Layout:
    """Targets, winners and files of one pipeline file."""

    def __init__(self, file: PipelineFile, architecture: Path | None = None) -> None:
        """Sets up the layout.

        Args:
            file: the settings.
            architecture: a SubTransformer that takes the place of what the searches find.
        """
        self.file = file
        self.settings = file.settings
        self.run_dir = file.settings.run_dir
        self.architecture = architecture
        self.supernet = self.output("supertransformer", "", SPACE) / _CHECKPOINT
        targets, searches = file.targets, file.searches
        if architecture is not None:  # what is found somewhere is not looked for
            targets, searches = targets[:1], (Block(),)
        common = self._largest("")
        self.targets = tuple(self._target(block, common) for block in targets)
        self.found = tuple(self._found(t, block) for t in self.targets for block in searches)
        self.minutes = {name: entry.number() for name, entry in file.minutes.items()}

    @cached_property
    def space(self) -> SearchSpace:
        """The space of the SuperTransformer."""
        return self._space(())

    def space_of(self, target: Target) -> SearchSpace:
        """Returns the space that is searched for a target."""
        return self._space((target.block,) if target.has_own_space else ())

    def _space(self, blocks: Iterable[Block]) -> SearchSpace:
        files = self.file.stage_files("supertransformer")
        entries = self.file.entries("supertransformer")
        for block in blocks:
            entries |= block.entries
        return space_from_entries(entries, ", ".join(map(str, files)))

    @property
    def largest(self) -> tuple[Candidate, ...]:
        """The largest SubTransformers of the spaces that are searched."""
        return tuple({t.largest.yml: t.largest for t in self.targets}.values())

    def write_largest(self, step: Step) -> None:
        """Writes the largest SubTransformers that a step reads."""
        for target in self.targets:
            if target.largest.yml in step.inputs:
                about = "The largest SubTransformer."
                write_arch(target.largest.yml, self.space_of(target).largest(), about)

    @cached_property
    def data(self) -> Path:
        """The folder of the binarised data."""
        return self.settings.data or Path(self.entry("data", "supertransformer"))

    @cached_property
    def text(self) -> dict[str, Entry] | None:
        """What is said about the text of a corpus of one's own; None of other tasks."""
        names = self.settings.preprocess
        return self.file.entries("preprocess") if names[0].endswith(YAML_ENDS) else None

    @property
    def tokeniser(self) -> str | None:
        """What makes tokens of a corpus of one's own; None of other tasks."""
        if self.text is None:
            return None
        entry = self.text.get("tokeniser")
        return "sentencepiece" if entry is None else entry.text()

    def entry(self, key: str, stage: str) -> str:
        """Returns what the pipeline's file lacks and the files of a stage say.

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
            **{f"architecture{f.best.suffix}": f.best.yml for f in self.found},
            **{
                f"retrained{training.suffix}": training.checkpoint
                for found in self.found
                for training in found.best.trainings
            },
            "supertransformer": self.supernet,
            **{f"latencies{target.suffix}": target.latencies for target in self.targets},
            **{f"predictor{target.suffix}": target.predictor for target in self.targets},
        }

    def report(self, name: str) -> Path:
        """Returns the path of a file with what came out of everything: ``report.md``."""
        path = Path(name)
        return self.output(path.stem, path.suffix, (*WINNER, *TRAINING))

    def evaluation(self) -> Evaluation:
        """Returns how translations are made and scored."""
        settings = self.settings
        language = settings.target_lang or self.entry("target-lang", "subtransformer")
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
            is_detokenised=self.tokeniser == "sentencepiece",
        )

    def output(self, stem: str, suffix: str, made_from: Sequence[str]) -> Path:
        """Returns a path in the run's folder, with the hardware in its name if it depends on it."""
        return self.run_dir / f"{stem}{self.file.variant(*made_from)}{suffix}"

    def _target(self, block: Block, common: Candidate) -> Target:
        own = block.has(is_space)
        return Target(
            block=block,
            latencies=self.output("latency", f"{block.suffix}.csv", LATENCIES),
            predictor=self.output("predictor", f"{block.suffix}.pt", PREDICTOR),
            largest=self._largest(block.suffix) if own else common,
        )

    def _largest(self, suffix: str) -> Candidate:
        trainings = self._trainings("largest", suffix, (*SPACE, *TRAINING))
        return Candidate(
            name="largest",
            suffix=suffix,
            about="the largest one",
            yml=self.output("largest", f"{suffix}.yml", SPACE),
            trainings=trainings if self.settings.retrain_largest else (),
            made_from=SPACE,
        )

    def _found(self, target: Target, block: Block) -> Found:
        found = self.architecture is None
        suffix = f"{target.suffix}{block.suffix}" if found else ""
        made_from = WINNER if found else ()
        names = ", ".join(n for n in (target.block.name, block.name) if n)
        about = f"the winner{f' ({names})' if names else ''}"
        best = Candidate(
            name="best",
            suffix=suffix,
            about=about if found else str(self.architecture),
            yml=self.architecture or self.output("best", f"{suffix}.yml", made_from),
            trainings=self._trainings("subtransformer", suffix, (*made_from, *TRAINING)),
            made_from=made_from,
        )
        return Found(target=target, block=block, best=best)

    def _trainings(self, stem: str, suffix: str, made_from: Sequence[str]) -> tuple[Training, ...]:
        count, averaged = self.settings.retrain_seeds, self.settings.average_checkpoints
        first = self._first_seed() if count > 1 else 1
        names = [suffix, *(f"{suffix}.seed{first + more}" for more in range(1, count))]
        return tuple(
            Training(
                folder=self.output(stem, name, made_from),
                suffix=name,
                seed=first + place if place else None,
                told=f", seed {first + place}" if count > 1 else "",
                averaged=averaged,
            )
            for place, name in enumerate(names)
        )

    def _first_seed(self) -> int:
        entries = self.file.entries("subtransformer")
        return int(entries["seed"].number()) if "seed" in entries else 1
