"""Translating a split with one SubTransformer and scoring it: two steps, wherever it is done."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hat.pipeline import commands
from hat.pipeline.steps import Step


def translations(checkpoint: Path, arch: Path, subset: str) -> Path:
    """Returns the file for translations of a subset, beside the checkpoint."""
    return checkpoint.parent / "exp" / f"{arch.name}_{subset}_gen.out"


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What is translated, how, and what it is scored by."""

    configs: tuple[Path, ...]
    """The training: YAML files as ``train.py`` takes with ``--sub-configs``."""

    data: tuple[Path, ...]
    """The data folders; fairseq takes several, joined by colons."""

    subset: str
    metric: str
    target_lang: str
    beam: int
    lenpen: float
    on_cpu: bool = False
    reference: Path | None = None
    """Raw text of the subset; None: the data's own, detokenised."""

    is_detokenised: bool = False
    """Whether joined units are text already: SentencePiece's are."""

    def log(self, checkpoint: Path, arch: Path) -> Path:
        """Returns the file for the translations."""
        return translations(checkpoint, arch, self.subset)

    def translate(self, name: str, checkpoint: Path, arch: Path, **more: Any) -> Step:
        """Returns the step that translates; ``more`` are further fields of it."""
        log = self.log(checkpoint, arch)
        return Step(
            name=name,
            command=commands.generate(
                arch,
                self.configs,
                checkpoint,
                subset=self.subset,
                beam=self.beam,
                lenpen=self.lenpen,
                on_cpu=self.on_cpu,
            ),
            inputs=(arch, *self.configs, *self.data, checkpoint),
            outputs=(log,),
            stdout=log,
            **{"about": f"translate {self.subset}", **more},
        )

    def score(self, name: str, checkpoint: Path, arch: Path, **more: Any) -> Step:
        """Returns the step that scores what ``translate`` wrote; its result is that of it."""
        log = self.log(checkpoint, arch)
        return Step(
            name=name,
            command=commands.score(
                log,
                metric=self.metric,
                target_lang=self.target_lang,
                reference=self.reference,
                is_detokenised=self.is_detokenised,
            ),
            inputs=(log,) if self.reference is None else (log, self.reference),
            outputs=(),
            **{"about": "score the translations", **more},
        )
