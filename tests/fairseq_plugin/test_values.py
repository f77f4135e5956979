"""Values that fairseq would fail on, or read as something else, are refused in one sentence."""

from pathlib import Path

import pytest

pytest.importorskip("fairseq")

from hat.errors import ConfigError, DataError, HatError
from hat.fairseq_plugin.arguments import generation_parser, parse, training_parser
from hat.fairseq_plugin.model import _load_embeddings
from hat.fairseq_plugin.training import run_training


@pytest.fixture
def base(space_yml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECRET", "leaked")
    return [f"--configs={space_yml}", "--configs=x.yml", "--save-dir", "run", "--num-workers", "0"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("adam-betas: (0.9, 1)", "adam-betas must be below 1, but found 1"),
        ("adam-betas: (-1, 0.9)", "adam-betas must be at least 0, but found -1"),
        ("update-freq: [0]", "update-freq must be at least 1, but found 0"),
        ("update-freq: [2, -1]", "update-freq must be at least 1, but found -1"),
        ("update-freq: [1.5]", "update-freq holds whole numbers, but found"),
        ("seed: -5", "seed must be between 0 and 4294967295, but found -5"),
        ("seed: 4294967296", "seed must be between 0 and 4294967295, but found 4294967296"),
        ("max-tokens: 0", "max-tokens must be at least 1, but found 0"),
        ("batch-size: -1", "batch-size must be at least 1, but found -1"),
        ("max-sentences-valid: 0", "batch-size-valid must be at least 1, but found 0"),
        ("max-tokens-valid: print(1)", "max-tokens-valid must be a whole number, but found"),
        ("batch-size-valid: 1.5", "batch-size-valid must be a whole number, but found"),
        ("max-sentences-valid: x", "max-sentences-valid must be a whole number, but found"),
        ("log-interval: 0", "log-interval must be at least 1, but found 0"),
        ("required-seq-len-multiple: 0", "must be at least 1, but found 0"),
        ("clip-norm: -1", "clip-norm must be at least 0, but found -1"),
        ("label-smoothing: 1.5", "label-smoothing must be below 1, but found 1.5"),
        ("label-smoothing: -0.1", "label-smoothing must be at least 0, but found -0.1"),
        ("source-lang: ''", "source-lang needs a value, but found ''"),
        ("finetune-from-model: ''", "finetune-from-model needs a value, but found ''"),
        ("decoder-embed-path: gone.txt", "decoder-embed-path: there is no file gone.txt"),
        ("checkpoint-suffix: ../x", "checkpoint-suffix is part of a file's name"),
        ("best-checkpoint-metric: bleu", "best-checkpoint-metric cannot be 'bleu'"),
        ("eval-bleu: True", "'eval-bleu' is not taken"),
        ("eval-bleu-args: '{'", "'eval-bleu-args' is not taken"),
        ("update-epoch-batch-itr: True", "'update-epoch-batch-itr' is not taken"),
        ("cpu-offload: True", "'cpu-offload' is not taken"),
        ("ddp-backend: fully_sharded", "ddp-backend cannot be 'fully_sharded'"),
        ("zero-sharding: os", "zero-sharding cannot be 'os'"),
        ("save-dir: ${oc.env:SECRET}", "save-dir: '${oc.env:SECRET}' holds '${'"),
        ("save-dir: '${eval:1+1}'", "holds '${'"),
        (r"tensorboard-logdir: '\${x}'", "holds '${'"),
        ("wandb-project: a${", "holds '${'"),
        ("train-subset: [a, '${x}']", "holds '${'"),
        (r"save-dir: 'a\'", "in a place where fairseq would read something else"),
        (r"""save-dir: "a\\'b" """, "in a place where fairseq would read something else"),
        ("save-dir: ???", "holds '???'"),
    ],
)
def test_a_file_s_value_is_refused_with_its_place(
    line: str, message: str, base: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("x.yml").write_text(f"{line}\n")
    with pytest.raises(ConfigError) as refusal:
        parse(training_parser, base[:2])
    error = str(refusal.value)
    assert message in error
    assert "\n" not in error
    assert len(error) < 250
    assert "leaked" not in error + capsys.readouterr().out
    if not line.startswith("max-sentences-valid: 0"):  # fairseq's other name of the option
        assert "x.yml:1: " in error


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--save-dir=${oc.env:SECRET}"], r"^--save-dir: '\$\{oc\.env:SECRET\}' holds '\$\{'"),
        (["--save-dir", "${oc.env:SECRET}"], r"^--save-dir: "),
        (["--seed", "-1"], "^seed must be between 0"),
        (["--dropout", "nan"], "^dropout must be a finite number, but found nan"),
        (["--adam-eps", "inf"], "^adam-eps must be a finite number, but found inf"),
        (["--eval-bleu"], "^--eval-bleu is not taken"),
    ],
)
def test_a_flag_s_value_is_refused_with_its_name(
    flags: list[str], message: str, space_yml: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(training_parser, [f"--configs={space_yml}", *flags])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--beam", "0"], "beam must be at least 1, but found 0"),
        (["--nbest", "-1"], "nbest must be at least 1, but found -1"),
        (["--lenpen", "nan"], "lenpen must be a finite number, but found nan"),
        (["--max-len-a", "inf"], "max-len-a must be a finite number, but found inf"),
        (["--max-len-b", "0"], "max-len-b must be at least 1, but found 0"),
        (["--min-len", "500"], "min-len must be at most max-len-b, 200, but found 500"),
        *(
            ([flag, *value], f"{flag} is not taken: generate.py would translate as if it were not")
            for flag, *value in (
                *(("--replace-unk",), ("--num-shards", "2"), ("--prefix-size", "1")),
                *(("--score-reference",), ("--print-alignment",), ("--lm-path", "x.pt")),
                *(("--results-path", "x"), ("--retain-dropout",), ("--constraints",)),
            )
        ),
    ],
)
def test_what_no_translation_can_follow_is_refused(
    flags: list[str], message: str, corpus: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(generation_parser, [str(corpus), *flags])


def test_what_is_meant_passes(base: list[str]) -> None:
    Path("x.yml").write_text(
        "update-freq: [2, 1]\nseed: 0\nbatch-size-valid: 3\nsave-dir: a$b{c}\\d\n"
        "tensorboard-logdir: $HOME/x\n"
    )
    args = parse(training_parser, base[:2])
    assert (args.update_freq, args.seed, args.batch_size_valid) == ([2, 1], 0, 3)
    assert (args.save_dir, args.tensorboard_logdir) == ("a$b{c}\\d", "$HOME/x")


@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [
        ("dataset-impl: raw", DataError, "has no 'train' data, such as train.xx-yy.xx"),
        ("dataset-impl: cached", ConfigError, "is of the mmap format, but dataset-impl is cached"),
        (
            "max-tokens: 3",
            DataError,
            "sentence 1 has 9 source words, its end included, but max-tokens",
        ),
        (
            "max-source-positions: 3",
            DataError,
            "sentence 1 has 9 source words, its end included, but max-source",
        ),
        ("distributed-world-size: 3", ConfigError, "distributed-world-size is 3, but hat finds "),
        (
            "max-source-positions: 2\nskip-invalid-size-inputs-valid-test: True",
            DataError,
            "holds no sentence that max-source-positions, 2, and",
        ),
        ("encoder-layers: 99999999", ConfigError, "encoder_layers must be at most 1,000"),
        ("decoder-layer-num-choice: [99999999]", ConfigError, "must be at most 1,000"),
        ("encoder-embed-path: x.yml", DataError, "x.yml: holds no word of the dictionary"),
        (
            "encoder-embed-path: x.yml\narch: transformersuper",
            DataError,
            "x.yml: expected a line for each word",
        ),
    ],
)
def test_what_a_training_fails_on_is_one_sentence(
    line: str, kind: type[HatError], message: str, base: list[str]
) -> None:
    Path("x.yml").write_text(f"{line}\n")
    with pytest.raises(kind, match=message):
        run_training(parse(training_parser, base))
    assert not list(Path().glob("run/*.pt"))


def test_a_cosine_schedule_needs_an_end(base: list[str]) -> None:
    Path("x.yml").touch()
    with pytest.raises(ConfigError, match="cosine needs max-update or lr-period-updates"):
        run_training(parse(training_parser, [*base, "--max-update", "0"]))


def test_embeddings_of_another_width_are_named(tmp_path: Path) -> None:
    import torch
    from fairseq.data import Dictionary

    path = tmp_path / "x.vec"
    path.write_text("1 3\na 1 2 3\n")
    words = Dictionary()
    words.add_symbol("a")
    embeddings = torch.nn.Embedding(len(words), 4)
    with pytest.raises(DataError, match=r"x\.vec: expected a line for each word, with 4 numbers"):
        _load_embeddings(str(path), words, embeddings)
    path.write_text("1 4\na 1 2 3 4\n")
    _load_embeddings(str(path), words, embeddings)
    assert embeddings.weight[words.index("a")].tolist() == [1, 2, 3, 4]
