"""YAML files and flags: precedence, types, and every sentence about a wrong key or value."""

import argparse
from pathlib import Path

import pytest

from hat.cli.options import (
    NumbersOnly,
    StageParser,
    SwitchOrAuto,
    read_yaml,
    set_defaults,
    spell_out_switches,
    split_config_flags,
)
from hat.errors import ConfigError


def make_parser(**kwargs: object) -> StageParser:
    parser = StageParser(prog="stage", description="for tests", **kwargs)
    parser.add_argument("--qkv-dim", type=int)
    parser.add_argument("--lr", type=float)
    parser.add_argument("--latgpu", action="store_true")
    parser.add_argument("--spans", nargs="+", type=int)
    parser.add_argument("--metric", choices=["normal", "sacre"])
    parser.add_argument("--latiter", type=int, default=5)
    parser.add_argument("--save-dir", "--out-dir")
    parser.add_argument("--files", nargs="*")
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
        ("log-file: ~/.bashrc", "x.yml:1: 'log-file' is allowed on the command line only"),
        ("distributed_init_method: tcp://a:1", "'distributed-init-method' is allowed on the com"),
        (
            "qkv-dim: 010",
            r"x.yml:1: qkv-dim: 010 is an ambiguous number \(YAML reads 8\): write 8 or",
        ),
        ("qkv-dim: '010'", r"qkv-dim: 010 is an ambiguous number \(YAML reads '010'\): write 10"),
        ("qkv-dim: 1_000", r"1_000 is an ambiguous number \(YAML reads 1000\): write 1000"),
        ("qkv-dim: 1e3", "x.yml:1: qkv-dim must be a whole number, but found '1e3'"),
        ("qkv-dim: True", "x.yml:1: qkv-dim must be a whole number, but found 'True'"),
        ("lr: 010", r"lr: 010 is an ambiguous number \(YAML reads 8\): write 8 or 10"),
        ("lr: .inf", r"lr: .inf is not a finite number"),
        ("lr: nan", "x.yml:1: lr must be a number, but found 'nan'"),
        ("lr: 2024-01-01", "x.yml:1: lr must be a number, but found '2024-01-01'"),
        ("spans: [1,\n  0064]", r"x.yml:2: spans: 0064 is an ambiguous number \(YAML reads 52\)"),
        ("spans: [[1]]", "x.yml:1: spans needs a value, but found a list"),
        ("latgpu: yes", "x.yml:1: latgpu is a switch: expected True or False, but found yes"),
        ("latgpu: 'False'", "x.yml:1: latgpu is a switch: .*, but found 'False'"),
        ("save-dir: [a, b]", "x.yml:1: save-dir takes one value, but found a list"),
        (
            "save-dir: a\nout-dir: a",
            "x.yml:2: out-dir is the same option as save-dir, which stands at .*:1",
        ),
        ("save-dir: null", "x.yml:1: save-dir needs a value, but found nothing"),
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
        (["--latiter", "x"], "--latiter must be a whole number, but found 'x'"),
        (["--lat", "3"], "unknown option --lat"),
    ],
)
def test_a_wrong_flag_is_one_sentence(argv: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_parser().parse_args(argv)


WRITTEN = [
    "no",
    "007",
    "1:30",
    "2024-01-01",
    "1e5",
    "0x10",
    "on",
    "True",
    "1_000",
    ".inf",
    "Null x",
]


@pytest.mark.parametrize("text", [*WRITTEN, "'null'", '"~"', "'on '"])
def test_a_text_is_what_is_written(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, "x.yml", f"save-dir: {text}\nfiles: [{text}, a]\n")
    args = make_parser().parse_args(["--configs", path])
    written = text.strip("'\"")
    assert (args.save_dir, args.files) == (written, [written, "a"])


@pytest.mark.parametrize("key", ["qkv-dim", "metric", "latgpu", "lr"])
@pytest.mark.parametrize("text", ["x" * 5000, "'" + "0" * 5000 + "'", "0" * 5000])
def test_a_long_text_makes_no_long_sentence(tmp_path: Path, key: str, text: str) -> None:
    path = write(tmp_path, "x.yml", f"{key}: {text}\n")
    with pytest.raises(ConfigError, match=f"x.yml:1: {key}") as refusal:
        make_parser().parse_args(["--configs", path])
    assert len(str(refusal.value)) < len(path) + 200


def test_no_text_of_a_file_can_pass_for_a_flag(tmp_path: Path) -> None:
    path = write(tmp_path, "x.yml", "save-dir: --latiter=3\nfiles: [--latiter=3, --latgpu]\n")
    args = make_parser().parse_args(["--configs", path])
    assert (args.save_dir, args.files) == ("--latiter=3", ["--latiter=3", "--latgpu"])
    assert (args.latiter, args.latgpu) == (5, False)


def test_every_file_counts_in_every_stage(tmp_path: Path) -> None:
    files = {
        name: write(tmp_path, f"{name}.yml", text)
        for name, text in (("a", "lr: 1\nqkv-dim: 1\nlatiter: 1\n"), ("b", "lr: 2\n"))
    }
    for flag in ("--configs", "--sub-configs", "--evo-configs"):
        args = make_parser().parse_args([flag, files["a"], f"{flag}={files['b']}"])
        assert (args.qkv_dim, args.latiter, args.lr) == (1, 1, 2)
        args = make_parser().parse_args([f"{flag}={files['b']}", flag, files["a"]])
        assert (args.qkv_dim, args.latiter, args.lr) == (1, 1, 1)
    # two names of one option
    texts = ("save-dir: a", "out-dir: b", "save-dir: c")
    paths = [write(tmp_path, f"{text[-1]}{text[-1]}.yml", text) for text in texts]
    argv = [word for path in paths for word in ("--configs", path)]
    assert make_parser().parse_args(argv).save_dir == "c"
    # the kinds of file go in their own order, wherever they stand
    args = make_parser().parse_args(["--evo-configs", files["b"], "--configs", files["a"]])
    assert (args.qkv_dim, args.lr) == (1, 2)


def test_a_required_option_may_stand_in_a_file(tmp_path: Path) -> None:
    parser = make_parser()
    parser.add_argument("--needed", required=True)
    path = write(tmp_path, "x.yml", "needed: 5\n")
    assert parser.parse_args(["--configs", path]).needed == "5"


def fairseq_like_parser() -> argparse.ArgumentParser:
    def integers(text: str) -> list[int]:
        return [int(word) for word in text.strip("[]").split(",")]

    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--update-freq", type=NumbersOnly(integers))
    parser.add_argument("--adam-betas", type=NumbersOnly(None, 2))
    parser.add_argument("--fp16", action="store_true")
    parser.add_argument("--left-pad-source", action="store_false")
    parser.add_argument("--no-shuffle", dest="shuffle", action="store_false")
    return parser


def test_defaults_of_a_foreign_parser(tmp_path: Path) -> None:
    lines = [
        "data: --user-dir=evil",
        "update-freq: [2]",
        "adam-betas: (0.9, 0.98)",
        "fp16: False",
        "no-shuffle: True",
        "left-pad-source: True",
    ]
    text = "\n".join(lines)
    parser = fairseq_like_parser()
    set_defaults(parser, read_yaml(write(tmp_path, "x.yml", text)))
    expected = {
        "data": "--user-dir=evil",
        "update_freq": [2],
        "adam_betas": "(0.9, 0.98)",
        "fp16": False,
        "left_pad_source": True,
        "shuffle": False,
    }
    assert vars(parser.parse_args([])) == expected
    assert parser.parse_args(["x", "--fp16", "--update-freq=3"]).update_freq == [3]


def parser_with_auto() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("data", nargs="?")
    parser.add_argument("--bf16", action=SwitchOrAuto)
    return parser


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([], False),
        (["--bf16"], True),
        (["--bf16", "auto"], "auto"),
        (["--bf16=auto"], "auto"),
        (["--bf16", "False"], False),
        (["--bf16", "true"], True),
        (["--bf16", "--bf16", "false"], False),
    ],
)
def test_a_switch_that_may_be_auto(argv: list[str], expected: object) -> None:
    parser = parser_with_auto()
    args = parser.parse_args(spell_out_switches(argv, parser))
    assert (args.bf16, args.data) == (expected, None)


def test_the_word_behind_a_switch_stays_what_it_is() -> None:
    parser = parser_with_auto()
    args = parser.parse_args(spell_out_switches(["--bf16", "data/bin"], parser))
    assert (args.bf16, args.data) == (True, "data/bin")


@pytest.mark.parametrize(
    ("value", "expected"), [("True", True), ("False", False), ("auto", "auto")]
)
def test_a_file_may_say_auto(tmp_path: Path, value: str, expected: object) -> None:
    parser = parser_with_auto()
    set_defaults(parser, read_yaml(write(tmp_path, "x.yml", f"bf16: {value}")))
    assert parser.parse_args([]).bf16 == expected
    assert parser.parse_args(["--bf16=auto"]).bf16 == "auto"


def test_a_switch_takes_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = parser_with_auto()
    entries = read_yaml(write(tmp_path, "x.yml", "bf16: maybe"))
    with pytest.raises(ConfigError, match=r"x.yml:1: bf16 is a switch: expected True, False or au"):
        set_defaults(parser, entries)
    with pytest.raises(SystemExit):
        parser.parse_args(["--bf16=maybe"])
    assert "--bf16 takes True, False or auto, but found 'maybe'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line",
    [
        "adam-betas: __import__('os').getcwd()",
        "adam-betas: (print(1), 0.98)",
        "adam-betas: print",
        "adam-betas: (0.9)(0.98)",
        "adam-betas: 9**9, 1",
        "adam-betas: [x for x in (1, 2)]",
        "adam-betas: (0.9, 010)",
        "adam-betas: 0.9",
        "update-freq: [1, '2', 1.5x]",
        "update-freq: print(1)",
        "update-freq: ['print(1)']",
        "update-freq: ['1], print(1) #']",
    ],
)
def test_values_that_fairseq_would_evaluate_are_numbers(tmp_path: Path, line: str) -> None:
    entries = read_yaml(write(tmp_path, "x.yml", line))
    with pytest.raises(ConfigError, match=r"x.yml:1: .* holds (2 )?numbers, but found"):
        set_defaults(fairseq_like_parser(), entries)


@pytest.mark.parametrize("value", ["1.5", "[2, 1.5]", "'(1, 1e-3)'"])
def test_what_follows_a_point_is_not_cut_off(tmp_path: Path, value: str) -> None:
    def integers(text: str) -> list[int]:
        return [int(float(word)) for word in text.strip("[]()").split(",")]

    parser = argparse.ArgumentParser()
    parser.add_argument("--update-freq", type=NumbersOnly(integers))
    with pytest.raises(ConfigError, match=r"x.yml:1: update-freq holds whole numbers, but found"):
        set_defaults(parser, read_yaml(write(tmp_path, "x.yml", f"update-freq: {value}")))


def test_numbers_stand_in_brackets_or_not() -> None:
    for text in ("(0.9, 0.98)", "[0.9,0.98]", " .9, 1e-7 ", "(1, 2,)"):
        assert NumbersOnly(None, 2)(text) == text


def test_config_flags_are_split_off_weakest_first() -> None:
    argv = ["--evo-configs=e", "--lr", "1", "--configs", "a", "--sub-configs", "s", "--configs=b"]
    assert split_config_flags(argv) == (["a", "b", "s", "e"], ["--lr", "1"])
    with pytest.raises(ConfigError, match="--configs: expected one argument"):
        split_config_flags(["--configs"])
