"""YAML files and flags: precedence, types, and every sentence about a wrong key or value."""

import argparse
from pathlib import Path

import pytest

from hat.errors import ConfigError
from hat.options import StageParser, read_yaml, split_config_flags, yaml_arguments


def make_parser(**kwargs: object) -> StageParser:
    parser = StageParser(prog="stage", description="for tests", **kwargs)
    parser.add_argument("--qkv-dim", type=int)
    parser.add_argument("--lr", type=float)
    parser.add_argument("--latgpu", action="store_true")
    parser.add_argument("--spans", nargs="+", type=int)
    parser.add_argument("--metric", choices=["normal", "sacre"])
    parser.add_argument("--latiter", type=int, default=5)
    return parser


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_later_files_win_and_flags_win_over_files(tmp_path: Path) -> None:
    a = write(tmp_path, "a.yml", "qkv-dim: 3\nlr: 1e-7\nlatgpu: True\nspans: [-1, 1, 2]\n")
    b = write(tmp_path, "b.yml", "qkv_dim: 5\nlatgpu: False\n")
    c = write(tmp_path, "c.yml", "qkv-dim: 7\n")
    args = make_parser().parse_args(["--evo-configs", c, "--sub-configs", b, f"--configs={a}"])
    assert (args.qkv_dim, args.lr, args.latgpu, args.spans) == (7, 1e-7, False, [-1, 1, 2])
    args = make_parser().parse_args(["--configs", a, "--qkv-dim", "9", "--spans", "1", "1"])
    assert (args.qkv_dim, args.spans, args.latgpu, args.latiter) == (9, [1, 1], True, 5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr: 1\nqkv-dimm: 3", r"x.yml:2: unknown key 'qkv-dimm'; did you mean 'qkv-dim'\?"),
        ("zebra: 1", r"x.yml:1: unknown key 'zebra'$"),
        ("qkv-dim: x", "x.yml:1: qkv-dim must be a whole number, but found 'x'"),
        ("lr: x", "x.yml:1: lr must be a number, but found 'x'"),
        ("latgpu: 3", "x.yml:1: latgpu is a switch: expected True or False, but found 3"),
        ("qkv-dim:", "x.yml:1: qkv-dim needs a value, but found nothing"),
        ("qkv-dim: {a: 1}", "x.yml:1: qkv-dim needs a value, but found a mapping"),
        ("qkv-dim: 3\nlr: 1\nqkv_dim: 4", r"x.yml:3: 'qkv-dim' stands here again; .*x.yml:1"),
        ("metric: sacr", r"x.yml:1: metric cannot be 'sacr'; did you mean 'sacre'\?"),
        ("a: [", "x.yml:1: not valid YAML"),
        ("- 3", "x.yml: expected 'key: value' lines"),
        ("a: !!python/object/apply:os.getcwd []", "x.yml:1: not valid YAML"),
        ("user-dir: evil", "x.yml:1: 'user-dir' is allowed on the command line only"),
        ("resume-anyway: True", "x.yml:1: 'resume-anyway' is allowed on the command line only"),
        ("configs: y.yml", "x.yml:1: 'configs' is allowed on the command line only"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, "x.yml", text)
    with pytest.raises(ConfigError, match=message):
        make_parser().parse_args(["--configs", path])


def test_another_stages_keys_pass_but_typos_do_not(tmp_path: Path) -> None:
    path = write(tmp_path, "x.yml", "adam-betas: (0.9, 0.98)\nqkv-dim: 3\n")
    args = make_parser(ignored_keys=frozenset({"adam-betas"})).parse_args(["--configs", path])
    assert args.qkv_dim == 3
    with pytest.raises(ConfigError, match="unknown key 'adam-betas'"):
        make_parser().parse_args(["--configs", path])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (
            ["--configs", "nowhere.yml"],
            r"^nowhere\.yml: cannot be read: No such file or directory$",
        ),
        (["--latiter", "x"], "argument --latiter: invalid int value: 'x'"),
        (["--lat", "3"], "unrecognized arguments: --lat 3"),
    ],
)
def test_a_wrong_flag_is_one_sentence(argv: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_parser().parse_args(argv)


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    assert read_yaml(write(tmp_path, "x.yml", "# nothing\n")) == {}


def fairseq_like_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument(
        "--update-freq", type=lambda text: [int(w) for w in text.strip("[]").split(",")]
    )
    parser.add_argument("--adam-betas", type=str)
    parser.add_argument("--fp16", action="store_true")
    parser.add_argument("--left-pad-source", action="store_false")
    parser.add_argument("--no-shuffle", dest="shuffle", action="store_false")
    return parser


def test_arguments_for_a_foreign_parser(tmp_path: Path) -> None:
    lines = [
        "data: data/bin",
        "update-freq: [2]",
        "adam-betas: (0.9, 0.98)",
        "fp16: False",
        "no-shuffle: True",
        "left-pad-source: True",
    ]
    text = "\n".join(lines)
    parser = fairseq_like_parser()
    arguments = yaml_arguments(read_yaml(write(tmp_path, "x.yml", text)), parser)
    args = parser.parse_args(arguments)
    assert vars(args) == {
        "data": "data/bin",
        "update_freq": [2],
        "adam_betas": "(0.9, 0.98)",
        "fp16": False,
        "left_pad_source": True,
        "shuffle": False,
    }


@pytest.mark.parametrize(
    "line",
    [
        "adam-betas: __import__('os').getcwd()",
        "adam-betas: (print(1), 0.98)",
        "update-freq: print(1)",
        "update-freq: ['print(1)']",
    ],
)
def test_values_that_fairseq_would_evaluate_cannot_call(tmp_path: Path, line: str) -> None:
    entries = read_yaml(write(tmp_path, "x.yml", line))
    with pytest.raises(ConfigError, match=r"x.yml:1: .* holds numbers, but found"):
        yaml_arguments(entries, fairseq_like_parser())


def test_config_flags_are_split_off_weakest_first() -> None:
    argv = ["--evo-configs=e", "--lr", "1", "--configs", "a", "--sub-configs", "s", "--configs=b"]
    assert split_config_flags(argv) == (["a", "b", "s", "e"], ["--lr", "1"])
