"""Checkpoints that are damaged or of another network, wherever one is read."""

import shutil
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from hat.models.checkpoint import read_checkpoint
from tests.faults.fault import Fault, Spoil, as_tests, refused

pytest.importorskip("fairseq")

TRAIN = "train --configs=space.yml --num-workers 0 --save-dir run"
RESTORE = f"{TRAIN} --restore-file last.pt"
SEED = f"{TRAIN} --store-ema --ema-seed-model last.pt"
FINETUNE = f"{TRAIN} --finetune-from-model last.pt"
INHERIT = f"{TRAIN} --configs=sub.yml --train-subtransformer --init-from-supernet last.pt"
GENERATE = "generate bin --path last.pt --configs=sub.yml --source-lang xx --target-lang yy"
SEARCH = (
    "search --configs=space.yml --restore-file last.pt --write-config-path best.yml "
    "--params-constraint 100%"
)
AVERAGE = "average-checkpoints --inputs last.pt --output mean.pt"
EXPORT = "export last.pt sub.yml exported --data bin --source-lang xx --target-lang yy"

WEIGHT = "encoder.layers.0.fc1.weight"


def state(content: dict[str, Any]) -> dict[str, Any]:
    """What a training that goes on needs, beside the weights."""
    adam = {
        number: {"step": 6, "exp_avg": torch.zeros(weight.shape), "exp_avg_sq": weight**2}
        for number, weight in enumerate(content["model"].values())
    }
    return {
        "optimizer_history": [
            {
                "criterion_name": "LabelSmoothedCrossEntropyCriterion",
                "optimizer_name": "FairseqAdam",
                "lr_scheduler_state": {"best": None},
                "num_updates": 6,
            }
        ],
        "extra_state": {
            "train_iterator": {"version": 2, "epoch": 2, "iterations_in_epoch": 0, "shuffle": True},
            "val_loss": 5.0,
            "best": 5.0,
            "previous_training_time": 1.0,
            "metrics": [],
            "ema": dict(content["model"]),
        },
        "last_optimizer_state": {"state": adam, "param_groups": [{"lr": 0.1, "params": [*adam]}]},
    }


@pytest.fixture(scope="session")
def with_state(tmp_path_factory: pytest.TempPathFactory, good: Path) -> Path:
    """The folder of good inputs and ``last.pt``, from which a training could go on."""
    folder = tmp_path_factory.mktemp("with-state") / "good"
    shutil.copytree(good, folder)
    content = read_checkpoint(folder / "net.pt")
    torch.save({**content, **state(content)}, folder / "last.pt")
    return folder


def raw(change: Callable[[bytes], bytes]) -> Spoil:
    return lambda folder: (folder / "last.pt").write_bytes(
        change((folder / "last.pt").read_bytes())
    )


def content(change: Callable[[dict[str, Any]], Any]) -> Spoil:
    """Changes what the file holds; what ``change`` returns is saved, if anything."""

    def spoil(folder: Path) -> None:
        found = read_checkpoint(folder / "last.pt")
        changed = change(found)
        torch.save(found if changed is None else changed, folder / "last.pt")

    return spoil


def weight(change: Callable[[torch.Tensor], Any]) -> Spoil:
    def changed(found: dict[str, Any]) -> None:
        found["model"][WEIGHT] = change(found["model"][WEIGHT])

    return content(changed)


def average(**changed: Callable[[torch.Tensor], Any]) -> Spoil:
    """Changes weights of the moving average; names have two underscores for the point."""

    def change(found: dict[str, Any]) -> None:
        weights = found["extra_state"]["ema"]
        for name, made in changed.items():
            weights[name.replace("__", ".")] = made(weights[WEIGHT])

    return content(change)


def option(**values: Any) -> Spoil:
    return content(lambda found: vars(found["args"]).update(values))


def part(*place: Any, value: Any) -> Spoil:
    def changed(found: Any) -> None:
        for key in place[:-1]:
            found = found[key]
        found[place[-1]] = value

    return content(changed)


def flipped(data: bytes) -> bytes:
    """One bit of a weight is another one."""
    place = len(data) // 2
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def running(spoil: Spoil) -> Spoil:
    """The spoiled file is the last checkpoint of a training."""

    def moved(folder: Path) -> None:
        spoil(folder)
        (folder / "run").mkdir(exist_ok=True)
        shutil.move(folder / "last.pt", folder / "run" / "checkpoint_last.pt")

    return moved


class Evil:
    """What a stranger could put into a file."""

    def __reduce__(self) -> Any:
        return (print, ("this ran",))


FILES: dict[str, tuple[Spoil, str]] = {
    "cut": (raw(lambda data: data[: len(data) // 2]), "is damaged or not a checkpoint"),
    "empty": (raw(lambda data: b""), "is damaged or not a checkpoint"),
    "flipped-bit": (raw(flipped), "is damaged or not a checkpoint"),
    "text": (raw(lambda data: b"no checkpoint\n"), "is"),
    "zip": (raw(lambda data: b"PK\3\4" + bytes(200)), "is damaged or not a checkpoint"),
    "list": (content(lambda found: [1, 2]), "expected a dictionary with weights under 'model'"),
    "no-options": (part("args", value=None), "holds no options"),
    "evil": (part("extra", value=Evil()), "refused, because it holds"),
}

NETWORKS: dict[str, tuple[Spoil, str]] = {
    "missing": (content(lambda found: (found["model"].pop(WEIGHT), found)[1]), "is missing"),
    "extra": (part("model", "more", value=torch.ones(2)), "'more' does not belong to a"),
    "nan": (weight(lambda found: found * torch.nan), "holds NaN or infinite numbers"),
    "infinite": (weight(lambda found: found / 0), "holds NaN or infinite numbers"),
    "integers": (weight(lambda found: found.int()), "must be a plain floating-point tensor"),
    "complex": (weight(lambda found: found * 1j), "must be a plain floating-point tensor"),
    "sparse": (weight(lambda found: found.to_sparse()), "must be a plain floating-point tensor"),
    "no-tensor": (weight(lambda found: "weights"), "but found 'weights'"),
    "shape": (weight(lambda found: found[:-1]), "has shape (47, 32)"),
    "a-million-layers": (option(encoder_layers=10**6), "encoder_layers must be at most 1,000"),
    "no-layers": (option(decoder_layers=-1), "decoder_layers must be a positive integer"),
    "layers-in-words": (option(encoder_layers="two"), "encoder-layers must be of type int"),
    "half-a-width": (option(encoder_embed_dim=32.5), "encoder-embed-dim must be of type int"),
    "list-of-heads": (option(encoder_attention_heads=[4]), "must be of type int, but found [4]"),
    "positions": (option(max_source_positions=10**12), "max_source_positions must be at most"),
    "qkv": (option(qkv_dim=33), "qkv_dim (33) must be divisible by"),
    "function": (option(activation_fn="tanhh"), "did you mean 'tanh'?"),
    "tensor-option": (option(dropout=torch.ones(1)), "its option 'dropout' is a tensor"),
}

STATES: dict[str, tuple[Spoil, str]] = {
    "no-history": (part("optimizer_history", value=[]), "optimizer_history must be a list of"),
    "updates": (
        part("optimizer_history", 0, "num_updates", value="six"),
        "optimizer_history['num_updates'] must be a whole number, but found 'six'",
    ),
    "less-than-no-updates": (part("optimizer_history", 0, "num_updates", value=-3), "found -3"),
    "no-schedule": (
        part("optimizer_history", 0, "lr_scheduler_state", value=None),
        "must be a mapping, but found None",
    ),
    "extra-state": (part("extra_state", value=[1]), "extra_state must be a mapping"),
    "iterator": (part("extra_state", "train_iterator", value=7), "must be a mapping, but found 7"),
    "epoch": (
        part("extra_state", "train_iterator", "epoch", value=0),
        "of at least 1, but found 0",
    ),
    "place": (
        part("extra_state", "train_iterator", "iterations_in_epoch", value=1.5),
        "must be a whole number, but found 1.5",
    ),
    "best": (part("extra_state", "best", value="low"), "must be a number, but found 'low'"),
    "best-nan": (part("extra_state", "best", value=torch.nan), "must be a number, but found nan"),
    "time": (part("extra_state", "previous_training_time", value=None), "a number of seconds"),
    "optimizer": (part("last_optimizer_state", value="adam"), "must be a mapping"),
    "rate": (
        part("last_optimizer_state", "param_groups", 0, "lr", value="fast"),
        "param_groups['lr'] must be a number, but found 'fast'",
    ),
    "nothing": (part("last_optimizer_state", "state", value={}), "holds nothing of any weight"),
    "no-iterator": (part("extra_state", value={"best": 1.0}), "lacks 'train_iterator'"),
    "groups": (part("last_optimizer_state", "param_groups", value=[]), "param_groups must be"),
}

AVERAGES: dict[str, tuple[Spoil, str]] = {
    "none": (part("extra_state", "ema", value=None), "holds no moving average of the weights"),
    "no-state": (part("extra_state", value=3), "holds no moving average of the weights"),
    "nan": (
        average(encoder__layers__0__fc1__weight=lambda weight: weight * torch.nan),
        "holds NaN or infinite numbers",
    ),
    "shape": (
        average(encoder__layers__0__fc1__weight=lambda weight: weight[:-1]),
        "has shape (47, 32)",
    ),
    "no-tensor": (average(encoder__layers__0__fc1__weight=lambda weight: 1), "but found 1"),
    "more": (average(more=lambda weight: weight), "'more' does not belong to a"),
    "empty": (part("extra_state", "ema", value={}), "is not a SuperTransformer: it has no matrix"),
    "other-words": (
        option(source_dictionary_digest="00ff"),
        "was trained with other source words",
    ),
}
"""What a moving average cannot begin with."""

FAULTS = [
    Fault(
        "average-over-input",
        AVERAGE.replace("mean.pt", "last.pt"),
        ("--output: last.pt is one of the checkpoints that are averaged",),
    ),
    *(
        Fault(f"{name}-{kind}", words, ("last.pt: ", says), spoil)
        for kind, words in (
            *(("restore", RESTORE), ("seed", SEED)),
            *(("average", AVERAGE), ("export", EXPORT)),
        )
        for name, (spoil, says) in FILES.items()
    ),
    *(
        Fault(f"{name}-{kind}", words, ("last.pt: ", *says), spoil)
        for kind, words, names in (
            ("average", AVERAGE, tuple(NETWORKS)),
            ("generate", GENERATE, ("nan", "shape", "evil", "a-million-layers")),
            ("search", SEARCH, ("missing", "integers", "cut", "half-a-width")),
            ("finetune", FINETUNE, ("infinite", "extra", "text", "qkv")),
            ("inherit", INHERIT, ("no-tensor", "list-of-heads", "zip", "no-layers")),
        )
        for name in names
        for spoil, *says in [{**FILES, **NETWORKS}[name]]
    ),
    *(
        Fault(
            f"other-direction-{kind}",
            words,
            ("last.pt: was trained to translate from yy to xx, but the languages here are xx to",),
            option(source_lang="yy", target_lang="xx"),
        )
        for kind, words in (("generate", GENERATE), ("search", SEARCH), ("export", EXPORT))
    ),
    *(
        Fault(f"{name}-restore", RESTORE, ("last.pt: ", says), spoil)
        for name, (spoil, says) in STATES.items()
    ),
    *(
        Fault(f"{name}-resume", TRAIN, ("run/checkpoint_last.pt: ", says), running(spoil))
        for name, (spoil, says) in (
            *((name, FILES[name]) for name in ("cut", "text", "evil")),
            ("updates", STATES["updates"]),
        )
    ),
    *(
        Fault(f"average-{name}", SEED, ("last.pt: ", says), spoil)
        for name, (spoil, says) in AVERAGES.items()
    ),
    Fault(
        "average-of-another-width",
        f"{SEED} --decoder-ffn-embed-dim 96 --decoder-ffn-embed-dim-choice 96",
        (
            "last.pt: no training of these options can begin with its weights",
            "decoder-ffn-dim is 48 there, but 96 here",
        ),
    ),
    Fault(
        "average-of-nothing",
        SEED.replace("--store-ema ", ""),
        ("ema-seed-model has no effect without store-ema",),
    ),
    Fault("average-of-a-predictor", SEED.replace("last.pt", "predictor.pt"), ("predictor.pt: is",)),
    Fault(
        "average-of-a-folder",
        SEED.replace("last.pt", "bin"),
        ("ema-seed-model: there is no file bin",),
    ),
    Fault(
        "another-width",
        f"{RESTORE} --decoder-ffn-embed-dim 96 --decoder-ffn-embed-dim-choice 96",
        (
            "last.pt: no training of these options can begin with its weights",
            "decoder-ffn-dim is 48 there, but 96 here",
        ),
    ),
    Fault(
        "other-words",
        FINETUNE,
        ("last.pt: no training of these options", "src-vocab-size is 24 there, but 25 here"),
        lambda folder: [
            path.write_text(f"{path.read_text()}one-more 1\n")
            for path in (folder / "bin").glob("dict.*")
        ],
    ),
    Fault(
        "another-optimizer",
        f"{RESTORE} --optimizer adamax",
        ("last.pt: the optimizer of its training is another one; --reset-optimizer begins",),
        lambda folder: (folder / "space.yml").write_text(
            "\n".join(
                line
                for line in (folder / "space.yml").read_text().splitlines()
                if not line.startswith("adam-betas")
            )
        ),
    ),
    Fault(
        "another-state",
        RESTORE,
        ("last.pt: its state cannot be taken up (", "--reset-optimizer begins with a new one"),
        part("last_optimizer_state", "param_groups", 0, "params", value=[0, 1]),
    ),
    Fault("no-state", f"{TRAIN} --restore-file net.pt", ("net.pt: lacks 'optimizer_history'",)),
    Fault(
        "a-predictor", f"{TRAIN} --finetune-from-model predictor.pt", ("predictor.pt: is not a",)
    ),
    Fault("a-folder", f"{TRAIN} --restore-file bin", ("restore-file: there is no file bin",)),
    Fault(
        "nothing-left", f"{RESTORE} --max-update 6 --warmup-updates 2", ("leaves nothing to train",)
    ),
    Fault("two-starts", f"{RESTORE} --finetune-from-model net.pt", ("exclude each other",)),
    Fault(
        "generate-a-folder",
        GENERATE.replace("last.pt", "bin"),
        ("bin: is a folder: expected a file",),
    ),
    Fault(
        "generate-nothing-there", GENERATE.replace("last.pt", "gone.pt"), ("gone.pt: cannot be",)
    ),
    Fault("nothing-to-average", "average-checkpoints --inputs gone.pt --output m.pt", ("gone.pt",)),
]


@as_tests(FAULTS)
def test_is_refused_in_one_sentence(fault: Fault, with_state: Path, tmp_path: Path) -> None:
    refused(fault, with_state, tmp_path)


def test_the_good_one_is_taken(with_state: Path) -> None:
    found = read_checkpoint(with_state / "last.pt")
    assert isinstance(found["args"], Namespace) and found["optimizer_history"]
