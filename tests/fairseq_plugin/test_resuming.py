"""A training goes on in its folder under its own conditions only, and a finished one rests."""

import argparse
import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("fairseq")

from hat.errors import CheckpointError, ConfigError, HatError
from hat.fairseq_plugin.arguments import parse, training_parser
from hat.fairseq_plugin.resuming import add_resume_option, begin
from hat.fairseq_plugin.training import Trained, run_training
from hat.models.checkpoint import read_checkpoint
from hat.models.training_record import Stretch

PERIODIC = ("--lr-period-updates", "8")
"""A cosine schedule that does not end at ``--max-update``."""


def options(space_yml: Path, folder: Path, *flags: str) -> argparse.Namespace:
    words = [f"--configs={space_yml}", "--save-dir", str(folder), "--num-workers", "0", *flags]
    return parse(training_parser, words, add_options=add_resume_option)


def run(space_yml: Path, folder: Path, *flags: str) -> Trained:
    trained = run_training(options(space_yml, folder, *flags))
    assert trained is not None
    return trained


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def last_weights(folder: Path) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = read_checkpoint(folder / "checkpoint_last.pt")["model"]
    return weights


def same_weights(one: Path, other: Path) -> bool:
    left, right = last_weights(one), last_weights(other)
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    file = read_checkpoint(path)
    change(file)
    torch.save(file, path)


@pytest.fixture(scope="module")
def parsed(space_yml: Path) -> argparse.Namespace:
    return options(space_yml, Path("nowhere"))


@pytest.fixture
def finished(trained: Path, tmp_path: Path) -> Path:
    """A copy of the folder of a training that is over."""
    return Path(shutil.copytree(trained, tmp_path / "finished"))


def test_a_finished_training_started_again_does_nothing(space_yml: Path, finished: Path) -> None:
    before = content(finished)
    found = run(space_yml, finished)
    assert content(finished) == before
    assert found.checkpoint == finished / "checkpoint_best.pt"
    assert found.num_updates == 12
    assert found.best_loss is not None
    assert found.record is not None
    assert found.record.conditions["seed"] == 3


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": 4}, "seed was 3, is now 4"),
        ({"dropout": 0.2}, "dropout was 0.1, is now 0.2"),
        ({"label_smoothing": 0.2}, "label-smoothing was 0.1, is now 0.2"),
        ({"encoder_embed_choice": [32]}, r"encoder-embed-choice was \[32, 16\], is now \[32\]"),
        ({"qkv_dim": 16}, "qkv-dim was 32, is now 16"),
        ({"lr": [0.01]}, r"lr was \[0.005\], is now \[0.01\]"),
        ({"max_tokens": 100}, "max-tokens was 200, is now 100"),
        ({"update_freq": [2]}, r"update-freq was \[1\], is now \[2\]"),
        ({"optimizer": "nag"}, "optimizer was adam, is now nag"),
        ({"adam_betas": "(0.9, 0.99)"}, r"adam-betas was \(0.9, 0.98\), is now \(0.9, 0.99\)"),
        ({"bf16": True}, "bf16 was False, is now True"),
        ({"distributed_world_size": 2}, "distributed-world-size was 1, is now 2"),
        ({"max_update": 13}, "max-update was 12, is now 13"),
        ({"save_interval_updates": 3}, "save-interval-updates was 0, is now 3"),
        ({"reset_optimizer": True}, "reset-optimizer was False, is now True"),
        ({"seed": 4, "dropout": 0.2}, "dropout was 0.1, is now 0.2; seed was 3, is now 4"),
        ({"train_subtransformer": True}, "train-subtransformer was False, is now True"),
        ({"an_option_of_tomorrow": 1}, "an-option-of-tomorrow was nothing, is now 1"),
        ({"log_interval": 1}, None),
        ({"num_workers": 0}, None),
        ({"patience": 3}, None),
        ({"save_dir": None}, None),
    ],
)
def test_other_conditions_are_refused_and_the_folder_stays(
    changed: dict[str, Any], message: str | None, parsed: argparse.Namespace, finished: Path
) -> None:
    args = copy.deepcopy(parsed)
    vars(args).update(changed, save_dir=str(finished))
    if message is None:
        assert begin(args).why_over is not None
        return
    before = content(finished)
    with pytest.raises(CheckpointError, match=f"finished: holds a training under .*: {message}: "):
        run_training(args)
    assert content(finished) == before


def _swap_words(data: Path) -> None:
    for path in data.glob("dict.*.txt"):
        lines = path.read_text().splitlines()
        path.write_text("\n".join([lines[1], lines[0], *lines[2:]]) + "\n")


def _change_word(data: Path, pattern: str) -> None:
    """The first word becomes another one of the dictionary."""
    paths = list(data.glob(pattern))
    assert paths
    for path in paths:
        words = path.read_bytes()
        path.write_bytes(bytes([7 if words[0] != 7 else 8]) + words[1:])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: _change_word(data, "train.*.yy.bin"), "training data was"),
        (lambda data: _change_word(data, "valid.*.xx.bin"), "validation data was"),
        (_swap_words, "source dictionary was .*; target dictionary was"),
        (lambda data: _change_word(data, "test.*.bin"), None),
    ],
)
def test_data_counts_by_content(
    change: Callable[[Path], None],
    message: str | None,
    corpus: Path,
    space_yml: Path,
    finished: Path,
    tmp_path: Path,
) -> None:
    data = Path(shutil.copytree(corpus, tmp_path / "moved"))
    change(data)
    args = options(space_yml, finished, "--data", str(data))
    if message is None:
        assert begin(args).why_over is not None
    else:
        with pytest.raises(CheckpointError, match=message):
            begin(args)


def test_a_schedule_without_an_end_goes_on_when_max_update_is_raised(
    space_yml: Path, tmp_path: Path
) -> None:
    for folder, updates in (("long", 5), ("short", 3), ("short", 5)):
        found = run(space_yml, tmp_path / folder, *PERIODIC, "--max-update", str(updates))
    assert same_weights(tmp_path / "long", tmp_path / "short")
    assert found.record is not None
    assert found.record.earlier == ()
    run(space_yml, tmp_path / "short", *PERIODIC, "--max-update", "4")
    assert same_weights(tmp_path / "long", tmp_path / "short")


def test_who_means_it_goes_on_and_the_signature_says_so(space_yml: Path, finished: Path) -> None:
    flags = ("--seed", "4", "--max-update", "14")
    found = run(space_yml, finished, *flags, "--resume-anyway")
    assert found.record is not None
    last = read_checkpoint(finished / "checkpoint_last.pt")
    assert last["optimizer_history"][-1]["num_updates"] == 14
    after = content(finished)
    assert run(space_yml, finished, *flags) == found
    assert content(finished) == after
    with pytest.raises(CheckpointError, match="seed was 4, is now 3"):
        run(space_yml, finished)


def test_a_signature_is_of_the_checkpoint_that_is_named(space_yml: Path, finished: Path) -> None:
    (best,) = (run(space_yml, finished).record,)
    flags = ("--seed", "4", "--max-update", "13", "--disable-validation", "--resume-anyway")
    found = run(space_yml, finished, *flags)  # nothing validated: the best one is still the old
    assert found.record == best
    (finished / "checkpoint_best.pt").unlink()
    found = run(space_yml, finished, *flags)
    assert found.checkpoint == finished / "checkpoint_last.pt"
    assert found.record is not None
    assert found.record.conditions["seed"] == 4
    (part,) = found.record.earlier
    assert (part.updates, part.conditions and part.conditions["seed"]) == (12, 3)


def _forget(file: dict[str, Any]) -> None:
    del vars(file["cfg"]["model"])["training_record"]


def test_a_folder_of_an_older_version_needs_to_be_meant(space_yml: Path, finished: Path) -> None:
    for path in finished.glob("*.pt"):
        rewrite(path, _forget)
    with pytest.raises(CheckpointError, match="do not note the conditions of their training"):
        run(space_yml, finished)
    args = options(space_yml, finished, "--resume-anyway")
    beginning = begin(args)
    assert beginning.why_over is not None
    assert beginning.record.earlier == (Stretch(updates=12, conditions=None),)


def test_a_training_without_last_checkpoints_rests_too(space_yml: Path, finished: Path) -> None:
    (finished / "checkpoint_last.pt").unlink()
    assert begin(options(space_yml, finished, "--no-last-checkpoints")).why_over is not None
    with pytest.raises(CheckpointError, match="seed was 3, is now 4"):
        begin(options(space_yml, finished, "--no-last-checkpoints", "--seed", "4"))


def test_a_state_without_optimizer_is_not_gone_on_from(space_yml: Path, finished: Path) -> None:
    def unfinish(file: dict[str, Any]) -> None:
        file["last_optimizer_state"] = None
        file["optimizer_history"][-1]["num_updates"] = 11

    rewrite(finished / "checkpoint_last.pt", unfinish)
    with pytest.raises(CheckpointError, match="holds no state of the optimizer"):
        begin(options(space_yml, finished))
    assert begin(options(space_yml, finished, "--resume-anyway")).why_over is None


def test_patience_that_ran_out_is_remembered(space_yml: Path, tmp_path: Path) -> None:
    flags = ("--lr", "1e-30", "--min-lr", "0", "--warmup-init-lr", "0", "--patience", "2")
    flags += ("--validate-interval-updates", "1", "--save-interval-updates", "1")
    run(space_yml, tmp_path, *flags)
    before = content(tmp_path)
    last = read_checkpoint(tmp_path / "checkpoint_last.pt")
    assert last["optimizer_history"][-1]["num_updates"] == 3
    run(space_yml, tmp_path, *flags)
    assert content(tmp_path) == before
    flags = tuple("3" if flag == "2" else flag for flag in flags)
    run(space_yml, tmp_path, *flags)  # it goes on counting at 2
    last = read_checkpoint(tmp_path / "checkpoint_last.pt")
    assert last["optimizer_history"][-1]["num_updates"] == 4


@pytest.mark.parametrize("name", ["restore-file", "finetune-from-model", "continue-once"])
def test_a_checkpoint_to_begin_from_must_be_there(
    name: str, space_yml: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=rf"{name}: there is no file .*gone\.pt"):
        run(space_yml, tmp_path / "run", f"--{name}", str(tmp_path / "gone.pt"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--restore-file", "{}", "--finetune-from-model", "{}"], "exclude each other"),
        (["--finetune-from-model", "{}", "--reset-meters"], "resets everything"),
        (["--restore-file", "{}"], "leaves nothing to train: 12 updates are done, and max-update"),
        (["--restore-file", "{}", "--data", "{other}"], "was trained with other source words"),
        (["--finetune-from-model", "{}", "--data", "{other}"], "with other source words"),
        (["--restore-file", "{other}/dict.xx.txt"], "refused, because it is not a checkpoint"),
    ],
)
def test_what_no_training_can_begin_from(
    flags: list[str],
    message: str,
    corpus: Path,
    trained: Path,
    space_yml: Path,
    tmp_path: Path,
) -> None:
    other = Path(shutil.copytree(corpus, tmp_path / "other"))
    _swap_words(other)
    last = str(trained / "checkpoint_last.pt")
    words = [flag.format(last, other=other) for flag in flags]
    with pytest.raises(HatError, match=message):
        run(space_yml, tmp_path / "run", *words)
    assert not (tmp_path / "run").exists()


def test_a_training_from_a_checkpoint_goes_on_from_its_own(
    space_yml: Path, trained: Path, tmp_path: Path
) -> None:
    start, folder = tmp_path / "start.pt", tmp_path / "run"
    shutil.copy(trained / "checkpoint_last.pt", start)
    flags = ("--finetune-from-model", str(start), *PERIODIC, "--max-update")
    run(space_yml, folder, *flags, "2")
    before = content(folder)
    run(space_yml, folder, *flags, "2")
    assert content(folder) == before
    rewrite(start, lambda file: file["model"].popitem())
    with pytest.raises(CheckpointError, match=r"finetune-from-model was .*, is now"):
        run(space_yml, folder, *flags, "2")


def test_another_network_is_named_by_its_file(
    space_yml: Path, trained: Path, tmp_path: Path
) -> None:
    start = trained / "checkpoint_last.pt"
    flags = ("--finetune-from-model", str(start), "--qkv-dim", "16")
    with pytest.raises(
        CheckpointError, match=rf"{start}: no training of these options can begin with"
    ):
        run(space_yml, tmp_path / "run", *flags)


def test_another_criterion_is_named(space_yml: Path, finished: Path) -> None:
    args = options(space_yml, finished, "--max-update", "13", "--resume-anyway")
    args.criterion = "cross_entropy"
    with pytest.raises(CheckpointError, match="the criterion of its training is another one"):
        run_training(args)
