"""One training of a ground truth: a SubTransformer from scratch, scored on the test set."""

import resource
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import hat
from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_to_mapping, load_space, write_arch
from hat.arch.space import SearchSpace
from hat.errors import ConfigError
from hat.fairseq_plugin.arguments import parse_call
from hat.fairseq_plugin.data_folder import dictionaries_digest, subset_digest
from hat.fairseq_plugin.generation import plain_text
from hat.fairseq_plugin.loading import build_task, load_model, validation_batches
from hat.ground_truth.table import Training
from hat.measuring.device import device_name
from hat.models.averaging import AverageSettings, average_checkpoints
from hat.models.checkpoint import read_checkpoint
from hat.scoring.bleu import BeamTranslator, references_of
from hat.scoring.inherited_loss import InheritedLoss
from hat.text.scores import score_translations
from hat.translation.beam import BeamSettings
from hat.yaml_reader import plain, read_mapping

_NO_CONDITIONS = {"data", "seed", "bf16", "fp16", "max-update"} | {
    *("log-interval", "save-interval", "validate-interval", "no-epoch-checkpoints")
}
"""Of a recipe's file: places, logs, and what ``Recipe`` says itself."""

_BATCH_TOKENS = 2048
"""Of a batch that is scored or translated."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How the architectures of one task are drawn, trained and scored."""

    name: str
    """Of the table."""
    data: Path
    prepare: str
    """The command that makes the data."""
    space: Path
    training: Path
    """As for ``train.py --sub-configs``. Its rate must end at nothing."""
    num_archs: int
    num_seeds: int
    draw_seed: int = 1
    updates: int
    precision: str = "fp32"
    """fp32, or bf16 where products are large enough to gain by it."""
    device: str = "cpu"
    """cpu: on one thread, so that a rerun on the same machine gives the same bits; or cuda. No
    condition of a table: the same computation but for rounding and the bits of dropout."""
    src_len: int
    """Tokens of an average sentence, whose FLOPs are counted."""
    decode_steps: int
    """Of an average translation, which is timed."""
    num_words: int
    """Of the dictionary, for networks without data."""
    marks: int = 20
    """Checkpoints of a training, evenly apart."""
    averaged: int = 5
    """How many of them, the last ones, are averaged."""
    beam: int = 4
    lenpen: float = 1.0

    @property
    def machine(self) -> str:
        """What trains here: the processor or the GPU, and the version of torch."""
        return f"{device_name(self.device)} (torch {torch.__version__})"

    def read_space(self) -> SearchSpace:
        """The architectures to choose from."""
        return load_space(self.space)

    def options(self, save_dir: Path, seed: int) -> dict[str, Any]:
        """What the recipe says beside its YAML file."""
        return {
            "save_dir": str(save_dir),
            "seed": seed,
            "cpu": self.device == "cpu",
            "fp16": False,
            "bf16": self.precision == "bf16",
            "max_update": self.updates,
            "save_interval_updates": self.updates // self.marks,
            "no_epoch_checkpoints": True,
            "no_save_optimizer_state": True,
            "disable_validation": True,
            "num_workers": 0,  # a process that reads ahead costs more than it saves on one core
        }

    def conditions(self) -> dict[str, Any]:
        """What decides the outcome of a training, beside the architecture and the seed.

        Of the recipe it is what its file says: options that a later version brings do not count.

        Raises:
            DataError: if the data is not there.
            ConfigError: if this machine has no GPU or no instructions as the recipe wants.
        """
        if self.device == "cuda" and not torch.cuda.is_available():
            raise ConfigError(f"the table of {self.name} is trained on a GPU: torch finds none")
        largest = arch_to_mapping(self.read_space().largest())
        args = parse_call(
            "ground truth",
            {
                **{key.replace("-", "_"): value for key, value in largest.items()},
                **self.options(Path("unused"), 1),
            },
            configs=self.training,
        )
        if args.bf16 != (self.precision == "bf16"):
            raise ConfigError(
                f"the table of {self.name} is in bf16: not in this machine's hardware"
            )
        task = build_task(args)
        said = {
            key: plain(entry.node, key)
            for key, entry in read_mapping(self.training).items()
            if key not in _NO_CONDITIONS
        }
        return {
            "space": self.read_space().fingerprint(),
            "drawn": f"stratified over both depths, seed {self.draw_seed}",
            **said,
            "max-update": self.updates,
            "precision": self.precision,
            "dictionaries": dictionaries_digest(task),
            "content of train": subset_digest(task, "train"),
            "averaged": f"the last {self.averaged} of {self.marks} checkpoints",
            "content of valid (curve)": subset_digest(task, "valid"),
            "content of test (scored)": subset_digest(task, "test"),
            "scored by": f"beam {self.beam}, lenpen {self.lenpen:g}",
        }


def train_and_score(
    recipe: Recipe, arch: SubTransformerConfig, seed: int, folder: Path
) -> Training:
    """Trains one architecture and scores the mean of its last checkpoints on the test set.

    Args:
        recipe: how.
        arch: what.
        seed: of the weights and of the order of the sentences.
        folder: for checkpoints; emptied before and removed after.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    torch.set_num_threads(1)
    yml = folder / "arch.yml"
    write_arch(yml, arch)
    started = _cpu_seconds()
    hat.train(yml, sub_configs=recipe.training, **recipe.options(folder, seed))
    seconds = _cpu_seconds() - started
    args = parse_call(
        "ground truth", recipe.options(folder, seed), configs=yml, sub_configs=recipe.training
    )
    task = build_task(args)
    marks = sorted(
        folder.glob("checkpoint_*_*.pt"), key=lambda path: int(path.stem.rsplit("_", 1)[1])
    )
    curve = subset_losses(task, marks, arch, "valid", recipe.device)
    averaged = folder / "averaged.pt"
    average_checkpoints(averaged, AverageSettings(inputs=tuple(marks[-recipe.averaged :])))
    (loss,) = subset_losses(task, [averaged], arch, "test", recipe.device)
    hypotheses, references = _translated(recipe, task, averaged, arch)
    score = score_translations(hypotheses, references, metric="sacre")
    shutil.rmtree(folder)
    return Training(bleu=score.bleu, chrf=score.chrf, loss=loss, cpu_seconds=seconds, curve=curve)


def subset_losses(
    task: Any,
    checkpoints: Sequence[Path],
    arch: SubTransformerConfig,
    subset: str,
    device: str,
) -> tuple[float, ...]:
    """Cross-entropy in bits per token, without label smoothing, of each checkpoint."""
    model = load_model(str(checkpoints[0]), task, arch).to(device)
    batches = validation_batches(
        task, subset, model.config, max_tokens=_BATCH_TOKENS, device=device
    )
    scorer = InheritedLoss(model, batches, label_smoothing=0.0)
    found = []
    for checkpoint in checkpoints:
        model.load_state_dict(read_checkpoint(checkpoint)["model"])
        found.append(float(scorer.score([arch])[0]))
    return tuple(found)


def _translated(
    recipe: Recipe, task: Any, checkpoint: Path, arch: SubTransformerConfig
) -> tuple[list[str], list[str]]:
    """Translations of the test set and its references, plain text in the same order."""
    model = load_model(str(checkpoint), task, arch).to(recipe.device)
    words, padding_idx = task.target_dictionary, model.config.padding_idx
    batches = validation_batches(
        task, "test", model.config, max_tokens=_BATCH_TOKENS, device=recipe.device
    )
    translate = BeamTranslator(
        model,
        batches,
        BeamSettings(beam=recipe.beam, lenpen=recipe.lenpen, max_len_a=2.0, max_len_b=10),
        eos_idx=words.eos(),
        unk_idx=words.unk(),
    )
    to_text = plain_text(task)
    references = references_of(batches, padding_idx=padding_idx, eos_idx=words.eos())
    return to_text(translate([arch])[0]), to_text(references)


def _cpu_seconds() -> float:
    """Of this process and of those it waited for: fairseq loads data in one of its own."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)
