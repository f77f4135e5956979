"""fairseq's options from YAML: HAT's own files, old names, precedence, clear refusals."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fairseq")

import hat.training_keys
from hat.errors import ConfigError, DataError
from hat.fairseq_plugin.arguments import (
    check_data_folder,
    generation_parser,
    parse,
    training_parser,
)
from hat.stages.search_options import add_search_options
from hat.training_keys import TRAINING_KEYS
from tests.conftest import SHARED_DATA
from tests.fairseq_plugin.conftest import ROOT

HATS_OWN = SHARED_DATA / "hat" / "configs"


@pytest.fixture(
    params=[ROOT / "configs", *([HATS_OWN] if HATS_OWN.is_dir() else [])],
    ids=["shipped", "real"][: 1 + HATS_OWN.is_dir()],
)
def hats_configs(request: pytest.FixtureRequest) -> Path:
    """HAT's YAML files as we ship them; then its own copies where they are there."""
    folder: Path = request.param
    return folder


def train_args(*argv: str) -> argparse.Namespace:
    return parse(training_parser, argv)


def test_hat_s_cosine_schedule_is_translated(space_yml: Path) -> None:
    args = train_args(f"--configs={space_yml}")
    assert (args.lr, args.min_lr, args.warmup_init_lr) == ([0.005], 1e-7, 1e-7)
    assert args.adam_betas == "(0.9, 0.98)"
    assert args.decoder_arbitrary_ende_attn_choice == [-1, 1]
    assert args.required_batch_size_multiple == 1
    assert args.task == "hat_translation"


@pytest.mark.parametrize("task", ["wmt14.en-de", "iwslt14.de-en"])
def test_hat_s_own_training_files_load_unchanged(hats_configs: Path, task: str) -> None:
    folder = hats_configs / task
    (space,) = (folder / "supertransformer").glob("*.yml")
    args = train_args(f"--configs={space}")
    assert args.encoder_embed_choice == [640, 512]
    common = folder / "subtransformer" / "common.yml"
    for sub in sorted((folder / "subtransformer").glob("HAT_*.yml")):
        args = train_args(f"--configs={sub}", f"--sub-configs={common}")
        assert args.train_subtransformer
        assert len(args.decoder_ffn_embed_dim_all_subtransformer) == (
            args.decoder_layer_num_subtransformer
        )
    if task == "wmt14.en-de":
        assert (args.lr, args.min_lr, args.update_freq) == ([0.001], 1e-7, [16])
    else:
        assert (args.lr, args.lr_scheduler) == ([0.0005], "inverse_sqrt")


@pytest.mark.parametrize("task", ["wmt14.en-de", "iwslt14.de-en"])
def test_hat_s_own_search_files_load_unchanged(hats_configs: Path, task: str) -> None:
    folder = hats_configs / task
    (space,) = (folder / "supertransformer").glob("*.yml")
    files = sorted((folder / "evo_search").glob("*.yml"))
    assert files
    for evo in files:
        args = parse(
            training_parser,
            [f"--configs={space}", f"--evo-configs={evo}", "--latency-constraint", "70%"],
            add_options=add_search_options,
        )
        assert (args.evo_iter, args.population_size, args.mutation_prob) == (30, 125, 0.3)
        assert args.feature_norm == [640, 6, 2048, 6, 640, 6, 2048, 6, 6, 2]
        assert args.latency_constraint == ["70%"]
        assert args.restore_file.startswith("./downloaded_models/HAT_")


def test_flags_win_over_files_wherever_they_stand(space_yml: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yml"
    other.write_text("seed: 9\ndropout: 0.25\n")
    args = train_args("--dropout", "0.5", f"--sub-configs={other}", f"--configs={space_yml}")
    assert (args.seed, args.dropout) == (9, 0.5)
    args = train_args("elsewhere", f"--configs={space_yml}")
    assert args.data == "elsewhere"
    args = train_args(f"--configs={space_yml}", "--data", "elsewhere", "--lr", "0.1")
    assert (args.data, args.lr) == ("elsewhere", [0.1])


def test_translating_leaves_training_s_keys_unread(space_yml: Path, tmp_path: Path) -> None:
    argv = [f"--sub-configs={space_yml}", "--path", "x.pt"]
    args = parse(generation_parser, argv, ignored_keys=TRAINING_KEYS)
    assert (args.path, args.max_tokens, args.source_lang) == ("x.pt", 200, "xx")
    bad = tmp_path / "bad.yml"
    bad.write_text("beem: 4\n")
    with pytest.raises(ConfigError, match=r"bad.yml:1: unknown key 'beem'; did you mean 'beam'\?"):
        parse(generation_parser, [f"--configs={bad}"], ignored_keys=TRAINING_KEYS)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("arch: transformersupr", "x.yml:1: arch cannot be 'transformersupr'; did you mean"),
        ("optimizer: adamm", r"x.yml:1: optimizer cannot be 'adamm'; did you mean 'adam'\?"),
        ("max-update: many", "x.yml:1: max-update must be a whole number, but found 'many'"),
        ("adam-betas: (print(1), 2)", "x.yml:1: unknown key 'adam-betas'"),
        ("optimizer: adam\nadam-betas: (print(1), 2)", "x.yml:2: adam-betas holds numbers"),
        ("lr: [__import__('os').getcwd()]", "x.yml:1: lr holds numbers"),
        ("fp16: maybe", "x.yml:1: fp16 is a switch"),
    ],
)
def test_wrong_values_are_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "x.yml"
    path.write_text(line + "\n")
    arch = [] if line.startswith("arch") else ["--arch", "transformersuper"]
    with pytest.raises(ConfigError, match=message):
        train_args(f"--configs={path}", *arch)


def test_without_an_architecture_nothing_is_known() -> None:
    with pytest.raises(ConfigError, match=r"which model\? give arch"):
        train_args("data")


def test_a_wrong_flag_names_the_closest_choice() -> None:
    with pytest.raises(ConfigError, match=r"--arch/-a cannot be 'transformersup'; did you mean"):
        train_args("--arch", "transformersup")


def test_a_missing_data_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no data folder: name it"):
        check_data_folder({"data": None})
    with pytest.raises(DataError, match=r"nowhere: no such data folder; the task's preprocess\.sh"):
        check_data_folder({"data": str(tmp_path / "nowhere")})
    with pytest.raises(DataError, match="holds no dict"):
        check_data_folder({"data": str(tmp_path)})
    (tmp_path / "dict.en.txt").touch()
    with pytest.raises(DataError, match=r"dict\.de\.txt is missing"):
        check_data_folder({"data": str(tmp_path), "source_lang": "en", "target_lang": "de"})


@pytest.mark.slow
def test_the_list_of_training_keys_is_fairseq_s(tmp_path: Path) -> None:
    before = Path(hat.training_keys.__file__).read_text()
    (tmp_path / "hat").mkdir()
    tool = ROOT / "tools" / "list_training_keys.py"
    subprocess.run([sys.executable, str(tool)], cwd=tmp_path, check=True, timeout=120)
    written = (tmp_path / "hat" / "training_keys.py").read_text()
    assert written.split() == before.split()
