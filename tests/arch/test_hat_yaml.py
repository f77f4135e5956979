"""HAT's YAML files as architectures and spaces: one reader, whatever else stands in the file."""

from pathlib import Path

import pytest

from hat.arch.hat_yaml import arch_from_mapping, load_arch, load_space
from hat.errors import ConfigError
from tests.tiny_yaml import CHOICES, SUB


def write(folder: Path, text: str) -> Path:
    path = folder / "x.yml"
    path.write_text(text)
    return path


def test_other_options_beside_an_architecture_or_a_space_are_unread(tmp_path: Path) -> None:
    more = "save-dir: 007\ntarget-lang: no\ndata: 1:30\n"
    arch = load_arch(write(tmp_path, SUB + more))
    assert (arch.encoder.embed_dim, arch.decoder.ende_spans) == (16, (2, 1))
    with_underscores = CHOICES.replace("arbitrary-ende-attn", "arbitrary_ende_attn")
    space = load_space(write(tmp_path, with_underscores + more))
    assert set(space.decoder_ende_spans) == {1, 2}


@pytest.mark.parametrize("order", [1, -1])
def test_sizes_of_the_supertransformer_do_not_become_the_subtransformer_s(
    tmp_path: Path, order: int
) -> None:
    files = (SUB, "encoder-embed-dim: 640\nencoder_ffn_embed_dim: 2048\n")[::order]
    arch = load_arch(write(tmp_path, "".join(files)))
    assert (arch.encoder.embed_dim, arch.encoder.ffn_dims) == (16, (48, 24))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("encoder-embed-dim-subtransformer: 16", "x.yml:11: 'encoder-embed-dim-subtransformer' st"),
        ("encoder_embed_dim_subtransformer: 16", "x.yml:11: 'encoder-embed-dim-subtransformer' st"),
        ("x: {a: 1, a: 2}", "x.yml:11: 'a' stands here again; first at .*x.yml:11"),
        ("x: &a [1]", "x.yml:11: not valid YAML: anchors"),
    ],
)
def test_a_doubled_key_is_refused_as_on_the_command_line(
    tmp_path: Path, change: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_arch(write(tmp_path, SUB + change + "\n"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[48, 24]", "[0100, 0064]", r"x.yml:3: .*: 0100 is an ambiguous number .*: write 64 or"),
        ("dim-subtransformer: 16", "dim-subtransformer: 1:30", "x.yml:1: .*1:30 is an ambiguous"),
        ("dim-subtransformer: 16", "dim-subtransformer: '16'", "must hold integers, but found"),
        ("dim-subtransformer: 16", "dim-subtransformer: 16.0", "must hold integers, but found"),
        ("dim-subtransformer: 16", "dim-subtransformer: yes", "must hold integers, but found"),
        ("dim-subtransformer: 16", "dim-subtransformer:", "SubTransformer is missing"),
    ],
)
def test_sizes_are_whole_numbers(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_arch(write(tmp_path, SUB.replace(old, new, 1)))


def test_two_short_spellings_that_differ_are_refused() -> None:
    mapping = {"encoder": {"encoder-embed-dim": 16}, "encoder-embed-dim": 32}
    with pytest.raises(ConfigError, match="here: encoder-embed-dim stands there twice, with diff"):
        arch_from_mapping(mapping, "here")
