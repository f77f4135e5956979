"""What the commands do, called from Python: the search that README shows, and wrong calls."""

import argparse
import multiprocessing
import re
import time
from pathlib import Path
from typing import Any

import pytest

import hat
from hat.arch.hat_yaml import load_arch
from hat.arch.space import SearchSpace
from hat.errors import ConfigError
from hat.latency.samples import write_samples
from tests.fairseq_plugin.conftest import ROOT
from tests.latency.conftest import simulated

pytest.importorskip("fairseq")

from hat.fairseq_plugin.arguments import parse, training_parser
from hat.nas.supernet import Supernet


def readme_search() -> str:
    """The first block of Python in README."""
    found = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def test_the_search_in_readme_runs_as_it_stands(
    tmp_path: Path,
    space_yml: Path,
    search_space: SearchSpace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_samples(tmp_path / "latency.csv", simulated(search_space, 60))
    (tmp_path / "space.yml").write_text(space_yml.read_text())
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(readme_search(), names)  # our own text
    found = names["found"]
    assert found.arch == load_arch(tmp_path / "runs/best.yml")
    assert found.result.num_evaluated == 20 + 2 * 15
    assert "|search-algorithm:guided|" in found.signature
    assert capsys.readouterr().out.splitlines()[-1].endswith(found.signature)
    assert (tmp_path / "runs/best.search/report/report.md").is_file()


@pytest.fixture(scope="module")
def loaded(space_yml: Path, supernet: Path) -> Supernet:
    return hat.load_supernet([space_yml], restore_file=supernet, cpu=True)


def test_keywords_win_over_files(loaded: Supernet, space_yml: Path, supernet: Path) -> None:
    assert (loaded.device, loaded.seed, loaded.max_tokens) == ("cpu", 3, 200)
    other = hat.load_supernet(space_yml, restore_file=supernet, cpu=True, seed=5, max_tokens=90)
    assert (other.seed, other.max_tokens) == (5, 90)
    assert other.checkpoint == loaded.checkpoint


def test_keywords_are_what_flags_are(space_yml: Path) -> None:
    from hat.fairseq_plugin.arguments import parse_call

    flags = ("--lr", "0.001", "--adam-betas", "(0.5, 0.9)", "--seed", "7", "--cpu")
    choice = ("--encoder-ffn-embed-dim-choice", "48")
    by_flags = parse(training_parser, [f"--configs={space_yml}", *flags, *choice])
    given = {"lr": 0.001, "adam_betas": (0.5, 0.9), "seed": 7, "cpu": True, "max_epoch": None}
    given["encoder_ffn_embed_dim_choice"] = [48]
    called = parse_call("hat.train", given, configs=space_yml)
    differing = {k for k, v in vars(by_flags).items() if vars(called)[k] != v}
    assert differing <= {"adam_betas"}  # one is written with brackets, the other with parentheses
    on = parse_call("hat.train", {"share_all_embeddings": False}, configs=space_yml)
    assert on.share_all_embeddings is False


@pytest.mark.parametrize("buffered", [1, 10], ids=["waiting", "read ahead"])
def test_a_training_leaves_no_process_behind(
    buffered: int, space_yml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A process that must be waited for until this time is over was not told to end.
    monkeypatch.setattr("torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL", 60.0)
    before = set(multiprocessing.active_children())
    options = {"save_dir": tmp_path / "run", "max_update": 1, "num_workers": 1, "cpu": True}
    begun = time.monotonic()
    hat.train(space_yml, **options, data_buffer_size=buffered)
    assert time.monotonic() - begun < 50
    assert set(multiprocessing.active_children()) == before


WRONG_OPTIONS = [
    ({"max_token": 3}, "hat.train: unknown key 'max-token'; did you mean 'max-tokens'?"),
    ({"seed": "x"}, "hat.train: seed must be a whole number, but found 'x'"),
    ({"seed": 1.5}, "hat.train: seed must be a whole number, but found '1.5'"),
    ({"cpu": "yes"}, "hat.train: cpu is a switch: expected True or False, but found 'yes'"),
    ({"seed": object}, "hat.train: seed must be a text, a path, a number, True, False or a list"),
    ({"user_dir": "x"}, "hat.train: 'user-dir' is allowed on the command line only"),
    ({"tpu": True}, "hat.train: 'tpu' is not taken"),
    ({"data": "nowhere"}, "nowhere: no such data folder"),
    ({"max_tokens": 0, "configs": "no.yml"}, "no.yml: cannot be read"),
]


@pytest.mark.parametrize(("options", "message"), WRONG_OPTIONS)
def test_a_wrong_option_is_one_sentence(
    options: dict[str, Any], message: str, space_yml: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError if "data" not in options else hat.HatError) as error:
        hat.train(**{"configs": space_yml, "save_dir": tmp_path / "no", **options})
    assert str(error.value).startswith(message)
    assert not (tmp_path / "no").exists()


SMALL = hat.GenerationSettings(population_size=4, parent_size=2, mutation_size=1, crossover_size=1)
PARAMS = hat.LIMITS.load("params").Settings(params_constraint="100%")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ((), "a search needs a limit: --latency-constraint, --params-constraint"),
        ((PARAMS, hat.FitSettings()), "hat.search reads no settings FitSettings; did you mean"),
        ((PARAMS, SMALL, SMALL), "hat.search takes GenerationSettings once, but found two"),
        (
            (PARAMS, hat.SearchSettings),
            "hat.search takes settings, not their class: SearchSettings(...)",
        ),
        ((PARAMS, argparse.Namespace()), "hat.search reads no settings Namespace; it reads"),
    ],
)
def test_settings_that_nobody_reads_are_refused(
    loaded: Supernet, settings: tuple[Any, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as error:
        hat.search(loaded, *settings, write_config_path=tmp_path / "best.yml")
    assert str(error.value).startswith(message)
    assert not list(tmp_path.iterdir())


def test_a_predictor_is_fitted_with_the_settings_of_its_kind(
    tmp_path: Path, search_space: SearchSpace
) -> None:
    write_samples(path := tmp_path / "latency.csv", simulated(search_space, 60, noise=0.1))
    squared = hat.PREDICTORS.load("additive").Settings(loss="squared")
    kind = hat.FitSettings(predictor="additive")
    plain, other = hat.fit_predictor(path, kind), hat.fit_predictor([path], squared, kind)
    assert "|loss:robust|" in plain.signature and "|loss:squared|" in other.signature
    assert plain.predictor.signature() != other.predictor.signature()
    with pytest.raises(ConfigError, match="fit_predictor reads no settings SearchS"):
        hat.fit_predictor(path, hat.SearchSettings())
