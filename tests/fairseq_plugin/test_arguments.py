"""fairseq's options from YAML: HAT's own files, old names, precedence, clear refusals."""

import argparse
import logging
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

pytest.importorskip("fairseq")

import hat.cli.training_keys
from hat.cli.training_keys import TRAINING_KEYS
from hat.commands.search import add_search_flags
from hat.errors import ConfigError, DataError
from hat.fairseq_plugin.arguments import (
    generation_parser,
    parse,
    training_parser,
)
from hat.fairseq_plugin.data_folder import DataFolder
from hat.machine import instructions as machine
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
    subs = sorted((folder / "subtransformer").glob("HAT_*.yml"))
    assert subs
    for sub in subs:
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
            add_options=add_search_flags,
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


BF16_WISHES = [
    ([], "bf16: True", True),
    ([], "bf16: auto", True),
    ([], "bf16: False", False),
    ([], "memory-efficient-bf16: True", True),
    (["--bf16"], "", True),
    (["--bf16", "auto"], "", True),
    (["--bf16", "False"], "bf16: True", False),
    (["--fp16"], "bf16: auto", True),
]
"""Flags and a line of YAML, and whether they wish for bf16 on a CPU."""


@pytest.mark.parametrize("in_hardware", [True, False])
@pytest.mark.parametrize(("flags", "line", "is_wanted"), BF16_WISHES)
def test_bf16_where_it_is_in_hardware(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    flags: list[str],
    line: str,
    is_wanted: bool,
    in_hardware: bool,
) -> None:
    monkeypatch.setattr(machine, "in_hardware", lambda precision, device: in_hardware)
    path = tmp_path / "x.yml"
    path.write_text(f"arch: transformersuper\ndata: nowhere\n{line}\n")
    with caplog.at_level(logging.WARNING):
        args = train_args(f"--configs={path}", "--cpu", *flags)
    assert args.bf16 is (is_wanted and in_hardware)
    assert not args.tpu
    assert args.bf16 or not args.memory_efficient_bf16
    said = [record.getMessage() for record in caplog.records if "bf16 is not" in record.message]
    expected = "bf16 is not in this machine's hardware: running in fp32, which is faster"
    assert said == ([expected] if is_wanted and not in_hardware else [])


@pytest.mark.parametrize(
    ("wish", "expected"), [("False", (True, False)), ("auto", (True, False)), ("True", None)]
)
def test_on_a_gpu_fp16_goes_before_auto(
    monkeypatch: pytest.MonkeyPatch, wish: str, expected: tuple[bool, bool] | None
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(machine, "in_hardware", lambda precision, device: device == "cuda")
    argv = ["nowhere", "--arch", "transformersuper", "--fp16", f"--bf16={wish}"]
    if expected is None:
        with pytest.raises(ConfigError, match="fp16 and bf16 exclude each other"):
            train_args(*argv)
        return
    args = train_args(*argv)
    assert (args.fp16, args.bf16) == expected


def test_translating_takes_auto_too() -> None:
    assert not parse(generation_parser, ["nowhere", "--path", "x.pt"]).bf16
    args = parse(generation_parser, ["nowhere", "--path", "x.pt", "--bf16", "auto"])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    assert args.bf16 is (machine.auto_precision(device) == "bf16")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("arch: transformersupr", "x.yml:1: arch cannot be 'transformersupr'; did you mean"),
        ("optimizer: adamm", r"x.yml:1: optimizer cannot be 'adamm'; did you mean 'adam'\?"),
        ("max-update: many", "x.yml:1: max-update must be a whole number, but found 'many'"),
        ("adam-betas: (print(1), 2)", "x.yml:1: unknown key 'adam-betas'"),
        (
            "optimizer: adam\nadam-betas: 0.9",
            "x.yml:2: adam-betas holds 2 numbers, but found '0.9'",
        ),
        ("max-epoch: 1:30", r"x.yml:1: max-epoch: 1:30 is an ambiguous number \(YAML reads 90\)"),
        ("seed: 010", r"x.yml:1: seed: 010 is an ambiguous number .*: write 8 or 10"),
        ("encoder-embed-choice: [0100, 64]", "x.yml:1: encoder-embed-choice: 0100 is an ambiguous"),
        ("update-freq: [010]", "x.yml:1: update-freq: 010 is an ambiguous number"),
        ("model-overrides: '{}'", "x.yml:1: 'model-overrides' is not taken: the options of a ch"),
        ("quantization-config-path: x", "x.yml:1: 'quantization-config-path' is not taken: "),
        ("pipeline-balance: '[1]'", "x.yml:1: 'pipeline-balance' is not taken: Super"),
        ("log_file: x", "x.yml:1: 'log-file' is allowed on the command line only"),
        ("optimizer: adam\nadam-betas: (print(1), 2)", "x.yml:2: adam-betas holds numbers"),
        ("lr: [__import__('os').getcwd()]", "x.yml:1: lr holds numbers"),
        ("fp16: maybe", "x.yml:1: fp16 is a switch"),
        ("bf16: maybe", "x.yml:1: bf16 is a switch: expected True, False or auto"),
    ],
)
def test_wrong_values_are_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "x.yml"
    path.write_text(line + "\n")
    arch = [] if line.startswith("arch") else ["--arch", "transformersuper"]
    with pytest.raises(ConfigError, match=message):
        train_args(f"--configs={path}", *arch)


NOT_OURS = {
    "arch": ("fconv", "fconv_self_att", "wav2vec", "lightconv_lm", "transformer", "hubert"),
    "task": (
        "audio_pretraining",
        "translation_multi_simple_epoch",
        "translation",
        "speech_to_text",
    ),
    "criterion": ("ctc", "wav2vec", "composite_loss", "model"),
    "optimizer": ("composite", "cpu_adam", "lamb"),
    "lr-scheduler": ("manual", "pass_through"),
    "scoring": ("wer", "bert_score"),
    "dataset-impl": ("fasta", "huffman"),
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in NOT_OURS.items() for value in values]
)
def test_parts_of_fairseq_that_are_not_ours_are_refused_in_one_sentence(
    key: str, value: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.yml"
    path.write_text(f"{key}: {value}\n")
    spellings = [[f"--{key}={value}"], [f"--{key}", value]]
    if key == "arch":
        spellings += [["-a", value], [f"-a{value}"]]
    arch = [] if key == "arch" else ["--arch", "transformersuper"]
    for flags in ([f"--configs={path}"], *spellings):
        with pytest.raises(ConfigError, match=rf"{key}(/-a)? cannot be '{value}'") as refusal:
            parse(training_parser, ["data", *flags, *arch])
        assert len(str(refusal.value).removeprefix(str(path))) < 200
    for ignored in (frozenset[str](), TRAINING_KEYS):  # translating leaves other keys unread
        with pytest.raises(ConfigError, match=f"x.yml:1: {key} cannot be '{value}'"):
            parse(generation_parser, ["data", f"--configs={path}"], ignored_keys=ignored)


@pytest.mark.parametrize(
    "flag", ["--model-overrides={}", "--pipeline-balance", "--bpe=gpt2", "--use-plasma-view"]
)
@pytest.mark.parametrize("make_parser", [training_parser, generation_parser])
def test_options_that_are_not_taken_are_refused(
    flag: str, make_parser: Callable[[], argparse.ArgumentParser]
) -> None:
    with pytest.raises(ConfigError, match=rf"^{flag.split('=')[0]} is not taken: "):
        parse(make_parser, ["data", "--arch=transformersuper", flag, "[1]"])


def test_no_text_of_a_file_can_name_code(space_yml: Path, tmp_path: Path) -> None:
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil" / "__init__.py").write_text("raise SystemExit('ran')\n")
    evil = f"--user-dir={tmp_path / 'evil'}"
    bad = tmp_path / "x.yml"
    bad.write_text(f'data: "{evil}"\nlatency-constraint: ["{evil}"]\nsave-dir: "{evil}"\n')
    args = parse(
        training_parser,
        [f"--configs={space_yml}", f"--evo-configs={bad}"],
        add_options=add_search_flags,
    )
    assert (args.data, args.save_dir, args.user_dir) == (evil, evil, None)
    assert args.latency_constraint == [evil]


def test_texts_are_kept_as_they_are_written(space_yml: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_text("target-lang: no\nsave-dir: 007\ntrain-subset: 1:30\nrestore-file: 1e5\n")
    args = train_args(f"--configs={space_yml}", f"--sub-configs={path}")
    assert (args.target_lang, args.save_dir) == ("no", "007")
    assert (args.train_subset, args.restore_file) == ("1:30", "1e5")


def test_a_fasta_file_never_reaches_a_shell(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """fairseq takes one for the target side, even where nobody named a format.

    Files are looked for before, so it comes to neither; what fairseq calls is shut all the same.
    """
    from hat.fairseq_plugin.loading import build_task, load_subset

    monkeypatch.chdir(tmp_path)
    folder = Path("x;touch pwned;#")
    shutil.copytree(corpus, folder)
    for old in folder.glob("valid.xx-yy.yy.*"):
        old.unlink()
    (folder / "valid.xx-yy.yy.fasta").write_text(">a\nw1\n")
    argv = ["--source-lang=xx", "--target-lang=yy", "--path=x.pt"]
    task = build_task(parse(generation_parser, [str(folder), *argv]))
    with pytest.raises(DataError, match=r"valid\.xx-yy\.yy\.idx: is missing"):
        load_subset(task, "valid")
    with pytest.raises(DataError, match=r"valid\.xx-yy\.yy\.fasta: FASTA files are not read"):
        task.load_dataset("valid")
    assert not Path("pwned").exists()


def test_without_an_architecture_nothing_is_known() -> None:
    with pytest.raises(ConfigError, match=r"which model\? give arch"):
        train_args("data")


def test_a_wrong_flag_names_the_closest_choice() -> None:
    with pytest.raises(ConfigError, match=r"--arch cannot be 'transformersup'; did you mean"):
        train_args("--arch", "transformersup")


def test_a_missing_data_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no data folder: name it"):
        DataFolder.of({"data": None})
    with pytest.raises(ConfigError, match="no data folder: name it"):
        parse(generation_parser, [])
    with pytest.raises(DataError, match=r"nowhere: no such data folder; the task's preprocess\.sh"):
        DataFolder.of({"data": str(tmp_path / "nowhere")})
    with pytest.raises(DataError, match="holds no dict"):
        DataFolder.of({"data": str(tmp_path)})
    (tmp_path / "dict.en.txt").touch()
    with pytest.raises(DataError, match=r"dict\.de\.txt is missing"):
        DataFolder.of({"data": str(tmp_path), "source_lang": "en", "target_lang": "de"})


def test_a_damaged_data_folder_is_named(tmp_path: Path) -> None:
    for language, count in (("en", 2), ("de", 3)):
        (tmp_path / f"dict.{language}.txt").write_text("a 1\n")
        index = b"MMIDIDX\0\0" + struct.pack("<QBQ", 1, 4, count)
        (tmp_path / f"test.en-de.{language}.idx").write_bytes(index)
    with pytest.raises(DataError, match=r"/test: en has 2 sentences, but de has 3"):
        DataFolder.of({"data": str(tmp_path)})
    (tmp_path / "dict.de.txt").write_text("a 1\na 1\n")
    with pytest.raises(DataError, match=r"dict\.de\.txt:2: the word 'a' stands twice"):
        DataFolder.of({"data": str(tmp_path)})


@pytest.mark.slow
def test_the_list_of_training_keys_is_fairseq_s(tmp_path: Path) -> None:
    before = Path(hat.cli.training_keys.__file__).read_text()
    (tmp_path / "hat" / "cli").mkdir(parents=True)
    tool = ROOT / "tools" / "list_training_keys.py"
    subprocess.run([sys.executable, str(tool)], cwd=tmp_path, check=True, timeout=120)
    written = (tmp_path / "hat" / "cli" / "training_keys.py").read_text()
    assert written.split() == before.split()
