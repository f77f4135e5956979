"""HAT's YAML files as architectures and spaces: one reader, whatever else stands in the file."""

from pathlib import Path

import pytest

from hat.arch.hat_yaml import arch_from_mapping, load_arch, load_space
from hat.errors import ConfigError

ARCH = """
encoder-embed-dim-subtransformer: 16
decoder-embed-dim-subtransformer: 32
encoder-ffn-embed-dim-all-subtransformer: [48, 24]
decoder-ffn-embed-dim-all-subtransformer: [24, 48]
encoder-layer-num-subtransformer: 2
decoder-layer-num-subtransformer: 2
encoder-self-attention-heads-all-subtransformer: [4, 2]
decoder-self-attention-heads-all-subtransformer: [2, 4]
decoder-ende-attention-heads-all-subtransformer: [4, 4]
decoder-arbitrary-ende-attn-all-subtransformer: [1, -1]
"""

SPACE = """
encoder-embed-choice: [32, 16]
decoder-embed-choice: [32, 16]
encoder-ffn-embed-dim-choice: [48, 24]
decoder-ffn-embed-dim-choice: [48, 24]
encoder-layer-num-choice: [2]
decoder-layer-num-choice: [3, 2, 1]
encoder-self-attention-heads-choice: [4, 2]
decoder-self-attention-heads-choice: [4, 2]
decoder-ende-attention-heads-choice: [4, 2]
decoder_arbitrary_ende_attn_choice: [-1, 1]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "x.yml"
    path.write_text(text)
    return path


def test_other_options_beside_an_architecture_or_a_space_are_unread(tmp_path: Path) -> None:
    more = "save-dir: 007\ntarget-lang: no\ndata: 1:30\n"
    arch = load_arch(write(tmp_path, ARCH + more))
    assert (arch.encoder.embed_dim, arch.decoder.ende_spans) == (16, (2, 1))
    space = load_space(write(tmp_path, SPACE + more))
    assert set(space.decoder_ende_spans) == {1, 2}


@pytest.mark.parametrize("order", [1, -1])
def test_sizes_of_the_supertransformer_do_not_become_the_subtransformer_s(
    tmp_path: Path, order: int
) -> None:
    files = (ARCH, "encoder-embed-dim: 640\nencoder_ffn_embed_dim: 2048\n")[::order]
    arch = load_arch(write(tmp_path, "".join(files)))
    assert (arch.encoder.embed_dim, arch.encoder.ffn_dims) == (16, (48, 24))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("encoder-embed-dim-subtransformer: 16", "x.yml:12: 'encoder-embed-dim-subtransformer' st"),
        ("encoder_embed_dim_subtransformer: 16", "x.yml:12: 'encoder-embed-dim-subtransformer' st"),
        ("x: {a: 1, a: 2}", "x.yml:12: 'a' stands here again; first at .*x.yml:12"),
        ("x: &a [1]", "x.yml:12: not valid YAML: anchors"),
    ],
)
def test_a_doubled_key_is_refused_as_on_the_command_line(
    tmp_path: Path, change: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_arch(write(tmp_path, ARCH + change + "\n"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[48, 24]", "[0100, 0064]", r"x.yml:4: .*: 0100 is an ambiguous number .*: write 64 or"),
        ("dim-subtransformer: 16", "dim-subtransformer: 1:30", "x.yml:2: .*1:30 is an ambiguous"),
        ("dim-subtransformer: 16", "dim-subtransformer: '16'", "must hold integers, but found"),
        ("dim-subtransformer: 16", "dim-subtransformer: 16.0", "must hold integers, but found"),
        ("dim-subtransformer: 16", "dim-subtransformer: yes", "must hold integers, but found"),
        ("dim-subtransformer: 16", "dim-subtransformer:", "SubTransformer is missing"),
    ],
)
def test_sizes_are_whole_numbers(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_arch(write(tmp_path, ARCH.replace(old, new, 1)))


def test_two_short_spellings_that_differ_are_refused() -> None:
    mapping = {"encoder": {"encoder-embed-dim": 16}, "encoder-embed-dim": 32}
    with pytest.raises(ConfigError, match="here: encoder-embed-dim stands there twice, with diff"):
        arch_from_mapping(mapping, "here")
