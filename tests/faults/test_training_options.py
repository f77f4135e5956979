"""Options of training and translation that are out of their range, or contradict each other."""

import os
from pathlib import Path

import pytest

from tests.faults.fault import Fault, Spoil, as_tests, refused

pytest.importorskip("fairseq")

TRAIN = "train --configs=space.yml --save-dir run --num-workers 0"
GENERATE = "generate bin --path net.pt --configs=sub.yml"


def option(words: str, *says: str, name: str = "") -> Fault:
    return Fault(name or words.strip("-").replace(" ", "-"), f"{TRAIN} {words}", says)


def generation(words: str, says: str) -> Fault:
    name = f"generate-{words.strip('-').replace(' ', '-')}"
    return Fault(name, f"{GENERATE} {words}", (says,))


def in_file(name: str, line: str, *says: str) -> Fault:
    """A line at the end of a file beside the space's."""

    def spoil(folder: Path) -> None:
        (folder / "more.yml").write_text(f"# comment\n{line}\n")

    return Fault(f"file-{name}", f"{TRAIN} --configs=more.yml", ("more.yml:2", *says), spoil)


def schedule(name: str, kind: str, words: str, *says: str) -> Fault:
    """Without the settings of the cosine schedule in the file."""

    def spoil(folder: Path) -> None:
        lines = (folder / "space.yml").read_text().splitlines()
        keys = ("lr-scheduler", "max-lr", "warmup", "lr:")
        kept = [line for line in lines if not line.startswith(keys)]
        (folder / "space.yml").write_text("\n".join([*kept, "lr: 0.1", ""]))

    return Fault(f"{kind}-{name}", f"{TRAIN} --lr-scheduler {kind} {words}", says, spoil)


def optimizer(name: str, kind: str, words: str, *says: str) -> Fault:
    return Fault(f"{kind}-{name}", f"{TRAIN} --optimizer {kind} {words}", says, no_optimizer)


def no_optimizer(folder: Path) -> None:
    lines = (folder / "space.yml").read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("optimizer", "adam"))]
    (folder / "space.yml").write_text("\n".join([*kept, ""]))


def at(name: str) -> Spoil:
    """A folder where a file is expected, or the other way round."""
    return lambda folder: (folder / name).write_text("a file\n")


FAULTS = [
    option("--update-freq 0", "update-freq must be at least 1, but found 0"),
    option("--max-tokens 0", "max-tokens must be at least 1, but found 0"),
    option("--max-tokens 99999999999999999999", "max-tokens must be a whole number"),
    option("--batch-size -3", "batch-size must be at least 1, but found -3"),
    option("--lr 0", "lr must be above 0, but found 0"),
    option("--min-lr 1", "min-lr must be below lr, ", "falls, but found 1"),
    option("--train-subset valid", "train-subset must not be in valid-subset, valid"),
    option("--valid-subset valid,valid", "valid-subset names 'valid' twice"),
    option("--seed -1", "seed must be between 0 and 4294967295, but found -1"),
    option("--fixed-validation-seed -1", "fixed-validation-seed must be between 0"),
    option("--label-smoothing 5", "label-smoothing must be below 1, but found 5"),
    option("--dropout 1", "dropout must be below 1, but found 1"),
    option("--attention-dropout -0.1", "attention-dropout must be at least 0, but found -0.1"),
    option("--clip-norm -1", "clip-norm must be at least 0, but found -1"),
    option("--clip-norm nan", "clip-norm must be a finite number, but found nan"),
    option("--lr nan", "lr"),
    option("--lr 1e400", "lr"),
    option("--weight-decay inf", "weight-decay must be a finite number, but found inf"),
    option("--patience -2", "patience must be at least -1, but found -2"),
    option("--max-update -5", "max-update must be at least 0, but found -5"),
    option("--max-epoch 1.5", "max-epoch"),
    option("--max-update 1e400", "max-update"),
    option("--max-update 4", "max-update must not be warmup-updates, 4", name="as-warmup"),
    option("--max-update 0", "cosine needs max-update or lr-period-updates above 0"),
    option("--save-interval 0", "save-interval must be at least 1, but found 0"),
    option("--validate-interval 0", "validate-interval must be at least 1, but found 0"),
    option("--save-interval-updates -1", "save-interval-updates must be at least 0"),
    option("--keep-interval-updates-pattern 0", "must be -1 or at least 1, but found 0"),
    option("--keep-last-epochs -2", "keep-last-epochs must be at least -1, but found -2"),
    option("--adam-eps 0", "adam-eps must be above 0, but found 0"),
    option("--adam-betas (0.9,1.0)", "adam-betas must be below 1, but found 1"),
    option("--adam-betas (0.9,)", "--adam-betas: holds 2 numbers, but found"),
    option("--t-mult 0", "t-mult must be at least 1, but found 0"),
    option("--lr-shrink 2", "lr-shrink must be between 0 and 1, but found 2"),
    option("--ema-decay 1.5", "ema-decay must be below 1, but found 1.5"),
    option("--num-workers -1", "num-workers must be at least 0, but found -1"),
    option("--distributed-world-size 99", "and only torchrun starts several processes"),
    option("--distill-weight 1", "from the largest SubTransformer, and it from nobody"),
    option("--distill-weight -1", "distill-weight must be"),
    option("--sandwich-random 3", "--sandwich-random is not for --sampling-strategy uniform, but"),
    option("--widen-at 0.5", "--widen-at is not for --sampling-strategy uniform, but for progres"),
    option("--distill-divergence alpha", "divergence has no effect without --distill-weight"),
    option("--distill-alpha-max 2", "has no effect without --distill-divergence alpha"),
    option(
        "--distill-weight 0.5 --distill-clip 9",
        "--distill-clip has no effect without --distill-divergence alpha",
    ),
    option("--ema-decay 0.9", "ema-decay has no effect without store-ema"),
    option("--sampling-strategy unifrm", "did you mean 'uniform'"),
    option("--optimizer adm", "--optimizer cannot be 'adm'; did you mean 'adam'"),
    option("--optimizer sgd", "unknown key 'adam-betas'", name="sgd-with-adam-betas"),
    option("--user-dir nowhere", "user-dir: there is no folder nowhere"),
    option("--restore-file gone.pt", "restore-file: there is no file gone.pt"),
    option("--num-batch-buckets 100", "num-batch-buckets is not taken: it pads batches for TPUs"),
    option("--write-checkpoints-asynchronously", "write-checkpoints-asynchronously is not taken"),
    option("--save-async", "save-async is not taken: checkpoints are whole when they are written"),
    in_file("async", "write-checkpoints-asynchronously: True", "is not taken: checkpoints are"),
    option("--log-file space.yml", "log-file: space.yml is there already and is no log of a"),
    option("--log-file net.pt", "log-file: net.pt is there already and is no log of a training"),
    option("--log-file bin", "log-file: bin is there already and is no log of a training"),
    Fault(
        "log-file-a-pipe",
        f"{TRAIN} --log-file pipe",
        ("log-file: pipe is there already and is no log of a training",),
        lambda folder: os.mkfifo(folder / "pipe"),
    ),
    option("--no-such 1", "unknown option --no-such"),
    Fault("save-dir-a-file", f"{TRAIN} --save-dir taken", ("taken",), at("taken")),
    Fault("save-dir-in-a-file", f"{TRAIN} --save-dir taken/run", ("taken",), at("taken")),
    # another schedule, another optimizer
    schedule(
        "no-warmup", "inverse_sqrt", "--warmup-updates 0", "warmup-updates must be at least 1"
    ),
    schedule(
        "no-steps", "tri_stage", "", "lr-scheduler tri_stage does not work with these options"
    ),
    schedule("phases", "tri_stage", "--phase-ratio (0.5,0.5,0.5)", "ratios must add up to 1"),
    schedule("a-phase", "tri_stage", "--phase-ratio (0.5,0.5)", "lr-scheduler tri_stage does not"),
    schedule("two-rates", "inverse_sqrt", "--warmup-updates 2 --lr 0.1,0.2", "does not work with"),
    schedule("power", "polynomial_decay", "--power -1", "power must be at least 0, but found -1"),
    schedule(
        "no-end", "polynomial_decay", "--max-update 0", "polynomial_decay needs total-num-update or"
    ),
    schedule("soon", "polynomial_decay", "--total-num-update soon", "total-num-update"),
    schedule("grows", "reduce_lr_on_plateau", "--lr-shrink 1", "lr-scheduler reduce_lr_on_plateau"),
    optimizer("momentum", "sgd", "--momentum -1", "momentum must be at least 0, but found -1"),
    optimizer("rho", "adadelta", "--adadelta-rho 1.5", "adadelta-rho must be below 1"),
    optimizer("betas", "adamax", "--adamax-betas (2,2)", "adamax-betas must be below 1"),
    Fault("no-optimizer", TRAIN, ("which optimizer? give optimizer, such as adam",), no_optimizer),
    # in a file, with its line
    in_file("range", "label-smoothing: 5", "label-smoothing must be below 1, but found 5"),
    in_file("text", "max-update: soon", "max-update must be a whole number, but found 'soon'"),
    in_file("date", "max-update: 2020-01-01", "max-update must be a whole number"),
    in_file("nan", "dropout: .nan", "dropout"),
    in_file("huge", "warmup-updates: 99999999999", "warmup-updates must be at most 2147483647"),
    in_file("list", "clip-norm: [1, 2]", "clip-norm takes one value, but found a list"),
    in_file("betas", "adam-betas: [0.9, 0.98, 0.9]", "adam-betas"),
    in_file("mapping", "dropout: {a: 1}", "dropout"),
    in_file("bool", "seed: True", "seed must be a whole number, but found 'True'"),
    in_file("warmup", "max-update: 4", "max-update must not be warmup-updates, 4"),
    # translation
    generation("--beam 0", "beam must be at least 1, but found 0"),
    generation("--nbest 9", "nbest must be at most beam, 5, but found 9"),
    generation("--lenpen nan", "lenpen must be a finite number, but found nan"),
    generation("--min-len 400", "min-len must be at most max-len-b, 200, but found 400"),
    generation("--max-len-b -1", "max-len-b must be at least 1, but found -1"),
    generation("--temperature 0", "temperature must be above 0, but found 0"),
    generation("--unkpen inf", "unkpen must be a finite number, but found inf"),
    generation("--remove-bpe nope", "remove-bpe cannot be 'nope'; did you mean 'none'?"),
    generation("--log-file sub.yml", "log-file: sub.yml is there already and is no log of a"),
    generation("--max-tokens 0", "max-tokens must be at least 1, but found 0"),
    Fault("generate-nothing", "generate bin --configs=sub.yml", ("which checkpoint translates?",)),
]


@as_tests(FAULTS)
def test_is_refused_in_one_sentence(fault: Fault, good: Path, tmp_path: Path) -> None:
    refused(fault, good, tmp_path)
