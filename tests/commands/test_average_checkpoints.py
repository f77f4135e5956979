"""``hat average-checkpoints``: the mean, which files are chosen, and what is refused."""

import argparse
from pathlib import Path

import pytest
import torch

import hat
from hat.commands.average_checkpoints import main
from hat.models.checkpoint import read_checkpoint
from hat.models.config import SuperTransformerConfig
from hat.models.super_transformer import SuperTransformer

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
        (["--num-epoch-checkpoints", "3"], "holds 2 such checkpoints, but 3 are to be averaged"),
        (["--num-update-checkpoints", "1"], "holds 0 such checkpoints, but 1 are"),
        (["--num-epoch-checkpoints", "0"], "must be positive, but found 0"),
        ([], "needs --num-epoch-checkpoints or --num-update-checkpoints"),
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


def test_other_weights_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = tmp_path / "one.pt", tmp_path / "other.pt"
    save(one, 1)
    save(other, 2, words=13)
    with pytest.raises(SystemExit, match="2"):
        main(["--inputs", str(one), str(other), "--output", str(tmp_path / "mean.pt")])
    assert "other.pt: holds other weights than" in capsys.readouterr().err
