"""``hat profile``: figures from YAML files alone."""

import json
import re
from pathlib import Path

import pytest

from hat.commands.profile import main
from tests.commands.conftest import last_line
from tests.models.test_flops import published

SUB = """
encoder-embed-dim-subtransformer: 24
decoder-embed-dim-subtransformer: 32
encoder-ffn-embed-dim-all-subtransformer: [48, 32]
decoder-ffn-embed-dim-all-subtransformer: [16]
encoder-layer-num-subtransformer: 2
decoder-layer-num-subtransformer: 1
encoder-self-attention-heads-all-subtransformer: [4, 2]
decoder-self-attention-heads-all-subtransformer: [4]
decoder-ende-attention-heads-all-subtransformer: [2]
decoder-arbitrary-ende-attn-all-subtransformer: [1]
"""
COMMON = """
train-subtransformer: True
arch: transformersuper
data: data/binary/nowhere
lr: 1e-7
adam-betas: (0.9, 0.98)
encoder-embed-dim: 32
decoder-embed-dim: 32
encoder-ffn-embed-dim: 48
decoder-ffn-embed-dim: 48
encoder-layers: 3
decoder-layers: 3
encoder-attention-heads: 4
decoder-attention-heads: 4
qkv-dim: 16
"""
KEYS = ("params", "params_without_embeddings", "flops", "flops_without_last_layer")


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    sub, common = tmp_path / "sub.yml", tmp_path / "common.yml"
    sub.write_text(SUB)
    common.write_text(COMMON)
    return str(sub), str(common)


def test_prints_figures_and_ends_with_json(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    sub, common = files
    main([sub, "--sub-configs", common, "--vocab-size", "1000"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:6] == [
        "parameters: 100.64 k",
        "  without embeddings: 12.64 k",
        "FLOPs: 2.98 M",
        "  without the last layer: 1.06 M",
    ]
    result = json.loads(lines[-1])
    assert set(KEYS) <= set(result)
    # Source embedding 24, target embedding and output layer 32 wide each.
    assert result["params"] - result["params_without_embeddings"] == 1000 * (24 + 32 + 32)
    assert result["flops"] - result["flops_without_last_layer"] == 2 * 30 * 32 * 1000


@pytest.mark.parametrize("order", ["positional first", "positional last", "flags of train.py"])
def test_json_only_in_every_spelling(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str], order: str
) -> None:
    sub, common = files
    words = {
        "positional first": [sub, "--sub-configs", common],
        "positional last": [f"--sub-configs={common}", sub],
        "flags of train.py": [f"--configs={sub}", f"--sub-configs={common}"],
        "one kind of file": ["--configs", common, f"--configs={sub}"],
    }[order]
    main([*words, "--json", "--vocab-size=100"])
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out)["params_without_embeddings"] == 12640  # counted by hand


def test_lengths(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    sub, common = files
    base = [sub, "--sub-configs", common, "--json", "--vocab-size=100"]
    main(base)
    usual = last_line(capsys.readouterr().out)
    main([*base, "--src-len=10"])
    short = last_line(capsys.readouterr().out)
    assert (usual["src_len"], short["src_len"], short["tgt_len"]) == (30, 10, 10)
    assert short["flops"] < usual["flops"] and short["params"] == usual["params"]


def test_dictionaries_of_the_data_folder(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sub, common = files
    (tmp_path / "dict.de.txt").write_text("a 1\nb\u2028 1\n")
    (tmp_path / "dict.en.txt").write_text("a 1\nb 1\nc 1\n")
    base = [sub, "--sub-configs", common, "--json", "--data", str(tmp_path)]
    main([*base, "--source-lang=de", "--target-lang=en"])
    result = last_line(capsys.readouterr().out)
    assert (result["src_vocab_size"], result["tgt_vocab_size"]) == (6, 7)
    with pytest.raises(SystemExit):
        main(base)
    assert "dictionaries of different sizes: give --source-lang" in capsys.readouterr().err


SHIPPED = sorted(Path(__file__).resolve().parents[2].glob("configs/*/subtransformer/HAT_*.yml"))


def test_every_shipped_model_has_a_usual_vocabulary(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # HAT's table has 44 models; its authors gave the YAML files of all but three of WMT14 en-fr.
    assert len(SHIPPED) == 41
    monkeypatch.chdir(tmp_path)  # where no data folder is
    for path in SHIPPED:
        main([str(path), "--sub-configs", str(path.with_name("common.yml")), "--json"])
        result = last_line(capsys.readouterr().out)
        expected = {
            "iwslt14.de-en": (8848, 6632, 23),
            "wmt14.en-de": (32768, 32768, 30),
            "wmt14.en-fr": (44512, 44512, 30),
            "wmt19.en-de": (32768, 32768, 30),
        }[path.parts[-3]]
        found = (result["src_vocab_size"], result["tgt_vocab_size"], result["src_len"])
        assert found == expected, path.name


def test_published_models_with_their_usual_vocabularies(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for row, path in published(data):
        main([str(path), "--sub-configs", str(path.with_name("common.yml")), "--json"])
        result = last_line(capsys.readouterr().out)
        assert f"{result['params_without_embeddings'] / 1e6:.2f}" == row["params_millions"]
        assert f"{result['flops_without_last_layer'] / 1e9:.2f}" == row["flops_giga"]


@pytest.mark.parametrize(
    ("changes", "words", "message"),
    [
        (
            {},
            [],
            "because there are no dictionaries in data/binary/nowhere: give --vocab-size",
        ),
        ({"arch:": "#"}, ["--vocab-size=9"], "the architecture is not known"),
        ({"qkv-dim:": "qkv-dimm:"}, ["--vocab-size=9"], "unknown key 'qkv-dimm'; did you mean"),
        ({"qkv-dim: 16": "qkv-dim: 18"}, ["--vocab-size=9"], "qkv_dim .18. must be divisible by"),
        ({"encoder-layers: 3": "encoder-layers: 1"}, ["--vocab-size=9"], "num_layers = 2 does not"),
        ({}, ["--vocab-size=9", "--src-len=0"], "src-len must be at least 1, but found 0"),
        ({}, ["--vocab-size=0"], "vocab-size must be at least 1, but found 0"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(
    files: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, str],
    words: list[str],
    message: str,
) -> None:
    sub, common = files
    text = COMMON
    for old, new in changes.items():
        text = text.replace(old, new)
    Path(common).write_text(text)
    with pytest.raises(SystemExit) as caught:
        main([sub, "--sub-configs", common, *words])
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.search(message, captured.err), captured.err
