"""Which options are conditions of a training: all but those that are listed as changing nothing."""

import argparse
import copy
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fairseq")

from fairseq.optim.lr_scheduler import LR_SCHEDULER_REGISTRY

from hat.cli.training_keys import TRAINING_KEYS
from hat.conditions import differences
from hat.errors import DataError
from hat.fairseq_plugin.arguments import parse, training_parser
from hat.fairseq_plugin.loading import build_task
from hat.fairseq_plugin.recipe import recipe_keys
from hat.fairseq_plugin.training_conditions import EXEMPT, counts, training_conditions

OF_DATA = ("training data", "validation data", "source dictionary", "target dictionary")


@pytest.fixture(scope="module")
def args(space_yml: Path) -> argparse.Namespace:
    return parse(training_parser, [f"--configs={space_yml}"])


@pytest.fixture(scope="module")
def task(args: argparse.Namespace) -> Any:
    return build_task(args)


def test_every_option_that_is_set_is_a_condition_or_exempt(
    args: argparse.Namespace, task: Any
) -> None:
    found = training_conditions(args, task, {})
    options = {dest.replace("_", "-") for dest, value in vars(args).items() if value is not None}
    missing = options - set(found) - EXEMPT - recipe_keys()  # those of HAT's recipe do not count
    assert missing == set()
    assert set(OF_DATA) | {"device"} <= set(found)
    assert "max-update" in found  # the schedule of this training ends there


def test_no_exemption_is_left_of_an_option_that_is_gone(args: argparse.Namespace) -> None:
    of_commands = {"latcpu", "latgpu", "profile-flops", "resume-anyway"}
    options = {dest.replace("_", "-") for dest in vars(args)}
    assert EXEMPT - options - TRAINING_KEYS - of_commands == set()


def test_every_condition_is_seen_to_change(args: argparse.Namespace, task: Any) -> None:
    before = training_conditions(args, task, {})
    other = copy.deepcopy(args)
    keys = [dest.replace("_", "-") for dest in vars(args)]
    unread = {"train-subset", "valid-subset", "disable-validation", "lr-scheduler", "cpu"}
    changed = [key for key in keys if counts(key, args) and key not in unread]
    for key in changed:
        setattr(other, key.replace("-", "_"), ["something", "else"])
    other.quantization_config_path = "x"
    other.lr_period_updates = -1
    after = training_conditions(other, task, {})
    seen = {name for name in after if before.get(name) != after[name]}
    assert set(changed) - seen <= {"lr-period-updates"}
    assert len(changed) > 150


@pytest.mark.parametrize(
    ("schedule", "more", "expected"),
    [
        ("cosine", {"lr_period_updates": -1}, True),
        ("cosine", {"lr_period_updates": 10}, False),
        ("polynomial_decay", {"total_num_update": None}, True),
        ("polynomial_decay", {"total_num_update": 100}, False),
        ("tri_stage", {"phase_ratio": [0.1, 0.4, 0.5]}, True),
        ("tri_stage", {"phase_ratio": None}, False),
        ("inverse_sqrt", {}, False),
        ("fixed", {}, False),
        ("reduce_lr_on_plateau", {}, False),
        ("inverse_sqrt", {"quantization_config_path": "x.yml"}, True),
    ],
)
def test_max_update_is_a_condition_where_the_schedule_depends_on_it(
    schedule: str, more: dict[str, Any], expected: bool, args: argparse.Namespace
) -> None:
    changed = copy.deepcopy(args)
    vars(changed).update(more, lr_scheduler=schedule)
    assert counts("max-update", changed) is expected


def test_polynomial_decay_follows_max_update_unless_told(space_yml: Path, tmp_path: Path) -> None:
    drop = ("lr-scheduler", "warmup-init-lr", "max-lr")
    lines = [x for x in space_yml.read_text().splitlines() if not x.startswith(drop)]
    path = tmp_path / "x.yml"
    path.write_text("\n".join([*lines, "lr-scheduler: polynomial_decay"]) + "\n")
    assert counts("max-update", parse(training_parser, [f"--configs={path}"]))
    told = parse(training_parser, [f"--configs={path}", "--total-num-update", "100"])
    assert not counts("max-update", told)


def test_a_schedule_of_tomorrow_that_knows_max_update_counts(args: argparse.Namespace) -> None:
    from fairseq.optim.lr_scheduler import LR_SCHEDULER_DATACLASS_REGISTRY as DATACLASSES

    assert set(DATACLASSES) <= set(LR_SCHEDULER_REGISTRY)
    changed = copy.deepcopy(args)
    changed.lr_scheduler = "of_tomorrow"
    assert not counts("max-update", changed)
    DATACLASSES["of_tomorrow"] = DATACLASSES["cosine"]
    try:
        assert counts("max-update", changed)
    finally:
        del DATACLASSES["of_tomorrow"]


def test_a_file_counts_by_its_content(args: argparse.Namespace, task: Any, tmp_path: Path) -> None:
    changed, path = copy.deepcopy(args), tmp_path / "table.txt"
    found = []
    for text, name in (("a", "table.txt"), ("a", "copy.txt"), ("b", "table.txt")):
        (tmp_path / name).write_text(text)
        changed.encoder_embed_path = str(tmp_path / name)
        found.append(training_conditions(changed, task, {"restore-file": tmp_path / name}))
    assert differences(found[0], found[1]) == []
    names = [sentence.split(" was ")[0] for sentence in differences(found[0], found[2])]
    assert names == ["restore-file", "encoder-embed-path"]
    changed.encoder_embed_path = str(path) + "x" * 5000  # too long for a path, and no crash
    training_conditions(changed, task, {})


def test_a_split_that_is_not_there_is_one_sentence(args: argparse.Namespace, task: Any) -> None:
    changed = copy.deepcopy(args)
    changed.train_subset = "trian"
    with pytest.raises(DataError, match="has no 'trian' data"):
        training_conditions(changed, task, {})
