"""Training through fairseq: one draw per update, resuming, several processes, precisions."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import hat
from hat.errors import ConfigError
from hat.fairseq_plugin import training
from hat.machine.instructions import auto_precision
from hat.models.checkpoint import checkpoint_options, read_checkpoint
from tests.fairseq_plugin.conftest import ROOT, run_script
from tests.faults.fault import run_here


def weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    return hat.load_checkpoint(str(checkpoint)).state_dict()


def largest_difference(left: Path, right: Path) -> float:
    one, other = weights(left), weights(right)
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)


def test_the_last_line_is_the_result(trained: Path) -> None:
    result = json.loads((trained / "log").read_text().splitlines()[-1])
    assert result["checkpoint"] == str(trained / "checkpoint_best.pt")
    assert result["best_loss"] > 0
    assert result["num_updates"] == 12
    assert "|seed:3|" in result["signature"]
    assert "|updates:12|" in result["signature"]
    assert "earlier:" not in result["signature"]
    written = {path.name for path in trained.iterdir()} - {"log"}  # that one is the fixture's
    assert written == {"checkpoint_best.pt", "checkpoint_last.pt"}
    assert sorted(result) == ["best_loss", "checkpoint", "num_updates", "signature"]


def test_a_finished_training_prints_its_result_again(
    trained: Path, space_yml: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    before = {path.name: path.read_bytes() for path in trained.iterdir()}
    done = run_here(["train", f"--configs={space_yml}", "--save-dir", str(trained)], ROOT)
    assert "nothing to train: 12 updates are done, and max-update is 12" in caplog.text
    assert done.out.splitlines()[-1] == (trained / "log").read_text().splitlines()[-1]
    assert {path.name: path.read_bytes() for path in trained.iterdir()} == before


def test_validation_reports_both_extremes(trained: Path) -> None:
    line = next(x for x in (trained / "log").read_text().splitlines() if "on 'valid'" in x)
    values = dict(part.strip().split(" ", 1) for part in line.split("|")[4:] if " " in part.strip())
    assert values["largest_loss"] == values["loss"]
    assert values["smallest_loss"] != values["largest_loss"]


@pytest.mark.stage
def test_a_killed_training_ends_with_the_same_weights(
    trained: Path, space_yml: Path, tmp_path: Path
) -> None:
    command = ["train.py", f"--configs={space_yml}", "--save-dir", str(tmp_path)]
    command += ["--save-interval-updates", "1", "--keep-interval-updates", "2"]
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("checkpoint_*_5.pt")) and process.poll() is None:
        assert time.monotonic() < deadline, "the training never reached update 5"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    last = tmp_path / "checkpoint_last.pt"  # whole, even if the kill came while it was copied
    stopped_at = read_checkpoint(last)["optimizer_history"][-1]["num_updates"]
    assert stopped_at < 12, "the training was over before it could be killed"
    done = run_script(*command)
    assert f"@ {stopped_at} updates" in done.stdout
    assert largest_difference(last, trained / "checkpoint_last.pt") == 0.0


def torchrun(*words: str) -> "subprocess.CompletedProcess[str]":
    """Runs ``python WORDS`` in two processes that train one model."""
    return subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"),
            *words,
        ],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.stage
def test_torchrun_trains_one_model(space_yml: Path, tmp_path: Path) -> None:
    common = ["train.py", f"--configs={space_yml}", "--max-update", "4"]
    common += ["--warmup-updates", "2", "--dropout", "0"]
    run_script(*common, "--update-freq", "2", "--save-dir", str(tmp_path / "one"))
    torchrun(*common, "--save-dir", str(tmp_path / "two"))
    one, two = (tmp_path / name / "checkpoint_last.pt" for name in ("one", "two"))
    # Two processes see the same batches as one that accumulates two; an update that leaves a
    # layer out lets Adam's momentum move it only where gradients are gathered, hence not 0.
    assert largest_difference(one, two) < 0.02
    logged = [read_checkpoint(path)["extra_state"]["val_loss"] for path in (one, two)]
    assert logged[0] == pytest.approx(logged[1], abs=0.05)
    before = two.read_bytes()
    done = run_here(["train", *common[1:], "--save-dir", str(tmp_path / "two")], ROOT)
    assert done.code == 2
    assert "distributed-world-size was 2, is now 1" in done.err
    assert two.read_bytes() == before


@pytest.mark.slow
def test_a_finished_training_of_two_processes_has_nothing_to_do(
    space_yml: Path, tmp_path: Path
) -> None:
    command = ["train.py", f"--configs={space_yml}", "--max-update", "2"]
    command += ["--warmup-updates", "1", "--save-dir", str(tmp_path)]
    for _ in range(2):
        done = torchrun(*command)
        assert '"num_updates": 2' in done.stdout.splitlines()[-1]
    assert "nothing to train" in done.stdout


@pytest.mark.numbers
def test_a_process_without_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    second = SimpleNamespace(cpu=False, device_id=1, distributed_world_size=2)
    with pytest.raises(ConfigError, match="process 1 of this machine has no GPU of its own"):
        training._check_processes(second)
    training._check_processes(SimpleNamespace(cpu=False, device_id=0, distributed_world_size=2))
    training._check_processes(SimpleNamespace(cpu=True, device_id=1, distributed_world_size=2))


def test_missing_precisions_are_said_once(
    space_yml: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    common = ["train", f"--configs={space_yml}", "--max-update", "5", "--save-dir"]
    tensorboard = ["--tensorboard-logdir", str(tmp_path / "tb")]
    assert run_here([*common, str(tmp_path / "bf16"), "--bf16", *tensorboard], ROOT).code == 0
    if not torch.cuda.is_available():
        is_fp32 = auto_precision() == "fp32"
        said = caplog.text.count("bf16 is not in this machine's hardware: running in fp")
        assert said == is_fp32
    assert (tmp_path / "bf16" / "checkpoint_best.pt").is_file()
    assert list((tmp_path / "tb" / "valid").glob("events*"))
    if not torch.cuda.is_available():
        assert run_here([*common, str(tmp_path / "fp16"), "--fp16"], ROOT).code == 0
        assert caplog.text.count("fp16 needs a GPU and there is none: running in fp32") == 1


def test_a_single_subtransformer_is_trained(
    space_yml: Path, sub_yml: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    words = ["train", f"--configs={sub_yml}", f"--sub-configs={space_yml}"]
    words += ["--train-subtransformer", "--max-update", "5", "--save-dir", str(tmp_path)]
    assert run_here(words, ROOT).code == 0
    assert "valid on 'valid' subset" in caplog.text
    assert "smallest_loss" not in caplog.text
    model = hat.load_checkpoint(str(tmp_path / "checkpoint_best.pt"))
    assert model.arch == hat.load_arch(sub_yml)


def test_another_training_s_folder_is_not_gone_on_from(space_yml: Path, trained: Path) -> None:
    command = ["train", f"--configs={space_yml}", "--qkv-dim", "16", "--save-dir", str(trained)]
    done = run_here(command, ROOT)
    assert done.code == 2
    assert done.err == (
        f"error: {trained}: holds a training under other conditions: qkv-dim was 32, is now 16: "
        "choose another --save-dir; --resume-anyway goes on all the same\n"
    )


def test_a_typo_ends_with_one_sentence_and_nothing_written(space_yml: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_text(space_yml.read_text().replace("qkv-dim", "qkv-dimm"))
    line = path.read_text().splitlines().index("qkv-dimm: 32") + 1
    done = run_here(["train", f"--configs={path}", "--save-dir", str(tmp_path / "run")], ROOT)
    assert done.code == 2
    expected = f"error: {path}:{line}: unknown key 'qkv-dimm'; did you mean 'qkv-dim'?\n"
    assert done.err == expected
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_plain_fairseq_train_knows_the_architectures(corpus: Path, tmp_path: Path) -> None:
    done = run_script(
        *("-m", "fairseq_cli.train", str(corpus), "--user-dir", "hat/fairseq_plugin"),
        *("--arch", "transformersuper_iwslt_de_en", "--optimizer", "adam", "--max-tokens", "200"),
        *("--encoder-embed-dim", "32", "--decoder-embed-dim", "32", "--qkv-dim", "32"),
        *("--encoder-embed-choice", "32", "16", "--decoder-embed-choice", "32"),
        *("--encoder-layers", "1", "--decoder-layers", "2", "--encoder-layer-num-choice", "1"),
        *("--decoder-layer-num-choice", "2", "1", "--encoder-ffn-embed-dim-choice", "64"),
        *("--decoder-ffn-embed-dim-choice", "64", "--encoder-self-attention-heads-choice", "4"),
        *("--decoder-self-attention-heads-choice", "4", "--no-progress-bar", "--max-update", "2"),
        *("--decoder-ende-attention-heads-choice", "4", "2"),
        *("--decoder-arbitrary-ende-attn-choice=-1", "--save-dir", str(tmp_path)),
    )
    from hat.text.dictionaries import noted_dictionaries

    assert "done training" in done.stdout
    options = checkpoint_options(read_checkpoint(tmp_path / "checkpoint_best.pt"), tmp_path)
    assert set(noted_dictionaries(options)) == {"source", "target"}


def test_validation_is_the_same_however_batches_are_shared_out() -> None:
    from fairseq.logging import metrics

    from hat.fairseq_plugin.task import HatTranslationTask

    losses = (torch.rand(24) * 1000).tolist()  # what float32 holds
    logs = [
        {"loss": loss, "nll_loss": loss / 2, "smallest_loss": 2 * loss, "largest_loss": loss}
        | {"sample_size": 100 + i, "ntokens": 100 + i, "nsentences": 7}
        for i, loss in enumerate(losses)
    ]
    found = []
    task = object.__new__(HatTranslationTask)
    task.cfg = SimpleNamespace(eval_bleu=False)
    for processes in (1, 2, 3, 4):
        with metrics.aggregate(new_root=True) as aggregate:
            for start in range(0, len(logs), processes):
                step = logs[start : start + processes]
                summed = {key: sum(log[key] for log in step) for key in step[0]}
                task.reduce_metrics([summed], None)
        found.append([aggregate[name].avg for name in ("loss", "nll_loss", "smallest_loss")])
        assert aggregate.get_smoothed_values()["loss"] == round(found[-1][0], 3)
    assert found.count(found[0]) == 4
    assert found[0][0] == pytest.approx(sum(losses) / sum(range(100, 124)) / 0.693147, rel=1e-5)
