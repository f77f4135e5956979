"""``hat average-checkpoints``: the mean, which files are chosen, and what is refused."""

import argparse
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import hat
from hat.commands.average_checkpoints import main
from hat.models.checkpoint import read_checkpoint, read_plain
from hat.models.config import SuperTransformerConfig
from hat.models.super_transformer import SuperTransformer

GOOD = b"PK good"
"""Of a file that must stay; it begins as weights do."""

OPTIONS = {
    "arch": "transformersuper",
    "encoder_embed_dim": 16,
    "encoder_ffn_embed_dim": 24,
    "encoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_embed_dim": 16,
    "decoder_ffn_embed_dim": 24,
    "decoder_layers": 1,
    "decoder_attention_heads": 2,
    "qkv_dim": 16,
}


def save(path: Path, seed: int, words: int = 12) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    model = SuperTransformer(
        SuperTransformerConfig(
            src_vocab_size=words,
            tgt_vocab_size=words,
            encoder_embed_dim=16,
            encoder_ffn_dim=24,
            encoder_layers=1,
            encoder_heads=2,
            decoder_embed_dim=16,
            decoder_ffn_dim=24,
            decoder_layers=1,
            decoder_heads=2,
            qkv_dim=16,
        )
    )
    state = {name: weight.clone() for name, weight in model.state_dict().items()}
    content = {"args": argparse.Namespace(**OPTIONS), "model": state}
    torch.save({**content, "last_optimizer_state": {"state": 1}}, path)
    return state


def test_the_last_ones_are_averaged(tmp_path: Path) -> None:
    states = [save(tmp_path / f"checkpoint{epoch}.pt", epoch) for epoch in (1, 2, 9, 10)]
    save(tmp_path / "checkpoint_best.pt", 99)
    output = tmp_path / "mean.pt"
    main(["--inputs", str(tmp_path), "--num-epoch-checkpoints", "2", "--output", str(output)])
    found = hat.load_checkpoint(str(output)).state_dict()
    for name, weight in found.items():
        torch.testing.assert_close(weight, (states[2][name] + states[3][name]) / 2)
    assert "last_optimizer_state" not in read_checkpoint(output)
    bound = ["--checkpoint-upper-bound", "9"]
    main(
        ["--inputs", str(tmp_path), "--num-epoch-checkpoints", "2", "--output", str(output), *bound]
    )
    name = "encoder.embed_tokens.weight"
    mean = hat.load_checkpoint(str(output)).state_dict()[name]
    torch.testing.assert_close(mean, (states[1][name] + states[2][name]) / 2)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--num-epoch-checkpoints", "3"],
            "holds 2 checkpoints of epochs, but 3 are to be averaged",
        ),
        (["--num-update-checkpoints", "1"], "holds 0 checkpoints of updates, but 1 are"),
        (["--num-epoch-checkpoints", "0"], "checkpoints must be at least 1, but found 0"),
        ([], "needs --num-epoch-checkpoints or --num-update-checkpoints"),
        (["--num-epoch-checkpoints", "1", "--num-update-checkpoints", "1"], "not both"),
    ],
)
def test_a_wrong_choice_is_one_sentence(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for epoch in (1, 2):
        save(tmp_path / f"checkpoint{epoch}.pt", epoch)
    output = tmp_path / "mean.pt"
    with pytest.raises(SystemExit, match="2"):
        main(["--inputs", str(tmp_path), "--output", str(output), *flags])
    assert message in capsys.readouterr().err
    assert not output.exists()


SPACE = {
    "encoder_embed_choice": [16, 8],
    "decoder_embed_choice": [16, 8],
    "train_subtransformer": False,
}
SUB = {
    "train_subtransformer": True,
    "encoder_embed_dim_subtransformer": 16,
    "decoder_embed_dim_subtransformer": 16,
    "encoder_ffn_embed_dim_all_subtransformer": [24],
    "decoder_ffn_embed_dim_all_subtransformer": [24],
    "encoder_layer_num_subtransformer": 1,
    "decoder_layer_num_subtransformer": 1,
    "encoder_self_attention_heads_all_subtransformer": [2],
    "decoder_self_attention_heads_all_subtransformer": [2],
    "decoder_ende_attention_heads_all_subtransformer": [2],
    "decoder_arbitrary_ende_attn_all_subtransformer": [-1],
}
FC1 = "encoder.layers.0.fc1.weight"


def set_options(**values: object) -> Callable[[dict[str, Any]], None]:
    return lambda content: vars(content["args"]).update(values)


def set_number(value: float) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        content["model"][FC1][3, 5] = value

    return change


def reshape(content: dict[str, Any]) -> None:
    content["model"][FC1] = content["model"][FC1][:-1]


def drop(content: dict[str, Any]) -> None:
    del content["model"][FC1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_options(**SUB), "what was trained is one SubTransformer here, but a SuperTransformer"),
        (
            set_options(encoder_embed_choice=[16]),
            r"encoder-embed-choice is \[16\] here, but \[16, 8",
        ),
        (set_options(encoder_attention_heads=4), "encoder-heads is 4 here, but 2 there"),
        (set_options(encoder_normalize_before=True), "encoder-normalize-before is True here"),
        (set_options(source_dictionary_digest="b"), "source-dictionary-digest is b here, but a th"),
        (set_number(math.nan), f"the weight '{FC1}' holds NaN or infinite numbers"),
        (set_number(math.inf), f"the weight '{FC1}' holds NaN or infinite numbers"),
        (
            reshape,
            f"the weight '{FC1}' is of shape \\(23, 16\\) here, but of shape \\(24, 16\\) th",
        ),
        (drop, f"the weight '{FC1}' is missing here, but of shape"),
        (
            lambda content: content["model"].update({FC1: content["model"][FC1].half()}),
            f"the weight '{FC1}' is in float16 here, but in float32 there",
        ),
        (set_options(encoder_layers=10**6), "encoder_layers must be at most 1,000, but found"),
    ],
)
def test_what_does_not_belong_together_is_refused_and_the_output_stays(
    change: Callable[[dict[str, Any]], None],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    one, other, output = (tmp_path / name for name in ("one.pt", "other.pt", "mean.pt"))
    for seed, path in enumerate((one, other)):
        save(path, seed)
        content = read_checkpoint(path)
        set_options(**SPACE, source_dictionary_digest="a")(content)
        torch.save(content, path)
    change(content)
    torch.save(content, other)
    output.write_bytes(GOOD)
    with pytest.raises(SystemExit, match="2"):
        main(["--inputs", str(one), str(other), "--output", str(output)])
    error = capsys.readouterr().err
    assert re.search(rf"other\.pt: .*{message}", error), error
    assert output.read_bytes() == GOOD
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mean.pt", "one.pt", "other.pt"]


def test_two_subtransformers_must_be_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / "one.pt", tmp_path / "other.pt"]
    for path, width in zip(paths, (16, 8), strict=True):
        save(path, 1)
        content = read_checkpoint(path)
        set_options(**{**SUB, "encoder_embed_dim_subtransformer": width})(content)
        torch.save(content, path)
    with pytest.raises(SystemExit, match="2"):
        main(["--inputs", *map(str, paths), "--output", str(tmp_path / "mean.pt")])
    assert "encoder-embed-dim-subtransformer is 8 here, but 16 there" in capsys.readouterr().err


def test_a_digest_of_the_dictionary_is_kept_and_files_without_one_fit(tmp_path: Path) -> None:
    paths = [tmp_path / "one.pt", tmp_path / "other.pt"]
    for path in paths:
        save(path, 1)
    content = read_checkpoint(paths[1])
    set_options(source_dictionary_digest="a")(content)
    torch.save(content, paths[1])
    output = tmp_path / "mean.pt"
    main(["--inputs", *map(str, paths), "--output", str(output)])
    assert read_checkpoint(output)["args"].source_dictionary_digest == "a"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--inputs", "one.pt"], "--output is missing"),
        (["--inputs", "--output", "mean.pt"], "expected at least one argument"),
        (["--inputs", ".", "--output", "mean.pt"], "needs --num-epoch-checkpoints"),
        (["--inputs", "gone.pt", "--output", "mean.pt"], "gone.pt: cannot be read"),
        (["--inputs", "one.pt", "broken.pt", "--output", "mean.pt"], "broken.pt: refused, because"),
        (
            ["--inputs", "one.pt", "--output", "mean.pt", "--checkpoint-upper-bound", "3"],
            "--checkpoint-upper-bound needs --num-epoch-checkpoints",
        ),
        (["--inputs", "one.pt", "--output", "one.pt/x.pt"], "one.pt/x.pt: cannot be written"),
        (["--inputs", "one.pt", "--output", "."], "names the file to write, but . is a folder"),
    ],
)
def test_without_usable_options_a_good_output_stays(
    words: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "one.pt", 1)
    (tmp_path / "broken.pt").write_bytes(b"no checkpoint")
    (tmp_path / "mean.pt").write_bytes(GOOD)
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert message in capsys.readouterr().err
    assert (tmp_path / "mean.pt").read_bytes() == GOOD


GAPS: dict[str, tuple[list[int], int | None, int, str | None]] = {
    # Checkpoints that are there, the last update of all, how many are averaged, what is said.
    "none": ([100, 200, 300, 400], None, 3, None),
    "one": (
        [100, 200, 400, 500],
        None,
        3,
        "update 300, though the others are evenly apart; averaged are those of 200, 400, 500",
    ),
    "two": ([100, 200, 400, 500, 700], None, 4, "update 300, 600, though"),
    "before-those": ([100, 200, 400, 500, 600], None, 3, None),
    "the-last": (
        [100, 200, 300],
        400,
        2,
        "update 400, though the others are evenly apart; averaged are those of 200, 300",
    ),
    "not-the-last": ([100, 200, 300], 350, 2, None),
    "uneven": ([100, 150, 400, 500], None, 3, None),
    "two-are-few": ([200, 500], None, 2, None),
    "by-chance": ([1, 2, 3, 10**12], None, 3, None),
}


@pytest.mark.parametrize("name", GAPS)
def test_an_update_that_is_missing_among_others_is_named(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """fairseq wrote no checkpoint of an update that an epoch ends with (its issue 2230)."""
    updates, last, count, says = GAPS[name]
    for update in updates:
        save(tmp_path / f"checkpoint_1_{update}.pt", 1)
    if last is not None:
        history = {"optimizer_history": [{"num_updates": last}]}
        content = read_plain(tmp_path / f"checkpoint_1_{updates[-1]}.pt")
        torch.save({**content, **history}, tmp_path / "checkpoint_last.pt")
    words = ["--inputs", str(tmp_path), "--num-update-checkpoints", str(count)]
    main([*words, "--output", str(tmp_path / "mean.pt")])
    out = capsys.readouterr().out
    result = json.loads(out.splitlines()[-1])
    assert len(result["inputs"]) == count
    if says is None:
        assert result["warning"] is None and "warning" not in out.splitlines()[0]
    else:
        assert f"{tmp_path}: lacks the checkpoint of {says}" in result["warning"]
        assert out.splitlines()[0] == f"warning: {result['warning']}"


def test_what_is_before_the_bound_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for epoch in (1, 2, 3, 5, 7):
        save(tmp_path / f"checkpoint{epoch}.pt", epoch)
    words = ["--inputs", str(tmp_path), "--num-epoch-checkpoints", "3"]
    main([*words, "--checkpoint-upper-bound", "6", "--output", str(tmp_path / "mean.pt")])
    assert "epoch 4, though the others are evenly apart; averaged are those of 2, 3, 5\n" in (
        capsys.readouterr().out
    )
