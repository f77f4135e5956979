"""The help of the commands that take fairseq's options."""

import pytest

pytest.importorskip("fairseq")

from hat.commands import generate, search, train
from hat.fairseq_options.accepted import REFUSED

COMMANDS = {
    "train": (train.main, ["--latcpu", "--resume-anyway", "--qkv-dim", "--save-dir"]),
    "search": (search.main, ["--search-algorithm", "--ckpt-path", "--qkv-dim", "--restore-file"]),
    "generate": (generate.main, ["--encoder-embed-dim-subtransformer", "--path", "--beam"]),
}


def printed(main, words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 0
    return capsys.readouterr().out


def options(text):
    """The flags that a help lists, in their order."""
    lines = [line.strip() for line in text.splitlines() if line.startswith("  -")]
    flags = [line.partition("  ")[0].replace(",", " ") for line in lines]
    return [word for line in flags for word in line.split() if word.startswith("--")]


@pytest.mark.parametrize("name", COMMANDS)
def test_all_options_need_no_architecture_and_hats_own_come_first(name, capsys):
    main, expected = COMMANDS[name]
    text = printed(main, ["--help-all"], capsys)
    assert text.startswith(f"usage: hat {name} [DATA] [--configs YML ...] [OPTIONS]\n")
    listed = options(text)
    assert listed[0] == "--configs"
    assert [flag for flag in listed if flag in expected] == expected


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_short(name, flag, capsys):
    COMMANDS[name][0]([flag])
    listed = options(capsys.readouterr().out)
    assert "--configs" in listed and "--heartbeat-timeout" not in listed


@pytest.mark.parametrize("name", COMMANDS)
def test_all_options_are_listed_on_demand_but_none_that_is_refused(name, capsys):
    main, expected = COMMANDS[name]
    listed = options(printed(main, ["--help-all"], capsys))
    assert {*expected, "--heartbeat-timeout", "--num-workers"} <= {*listed}
    assert not {f"--{key}" for key in REFUSED} & {*listed}


def test_help_shows_the_options_of_the_parts_that_are_chosen(capsys):
    text = printed(train.main, ["--lr-scheduler=cosine", "--help-all"], capsys)
    assert "--lr-period-updates" in options(text)
