import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from hat.arch.config import SubTransformerConfig
from hat.commands.latency_dataset import main
from hat.commands.train import main as train
from hat.latency.samples import LatencySample, read_samples
from hat.latency.sidecar import read_sidecar, sidecar_path
from tests.commands.conftest import last_line
from tests.tiny_yaml import CHOICES, NETWORK, SUB

MEASURING = """\
# a tiny space with HAT's keys; those of training are accepted
arch: transformersuper_wmt_en_de
share-all-embeddings: True
max-tokens: 4096
data: data/binary/nowhere
lr: 1e-7
adam-betas: (0.9, 0.98)
latcpu: True
latiter: 2
latsilent: True
lat-warmup: 0
lat-threads: 1
lat-src-len: 4
beam: 2
vocab-size: 40
lat-patience: 0
"""
SPACE = MEASURING + NETWORK + CHOICES


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "space.yml").write_text(SPACE)
    return tmp_path / "space.yml"


@pytest.fixture
def steady_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Latencies that depend on the architecture alone, whatever else this machine does."""

    def measure(
        model: object, arch: SubTransformerConfig, workload: object, **more: object
    ) -> LatencySample:
        work = sum(arch.decoder.ffn_dims) + arch.decoder.embed_dim * arch.decoder.num_layers
        return LatencySample.of(
            arch,
            encoder_ms=1 + arch.encoder.embed_dim / 100,
            decoder_ms=1 + work / 50,
            encoder_std_ms=0.01,
            decoder_std_ms=0.01,
            measured_at=time.time(),
        )

    monkeypatch.setattr("hat.measuring.measure.measure", measure)


def run(config: Path, csv: Path, *flags: str) -> None:
    main(["--configs", str(config), "--lat-dataset-path", str(csv), *flags])


@pytest.mark.stage
def test_a_dataset(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], steady_machine: None
) -> None:
    csv = tmp_path / "deep" / "x.csv"
    run(config, csv, "--lat-dataset-size", "12")
    out = capsys.readouterr().out
    samples = read_samples(csv)
    assert len({sample.arch for sample in samples}) == 12
    assert last_line(out)["rows"] == 12
    assert "workload:cpu-fp32-t1-s4-d4-b1x2" in last_line(out)["signature"]
    sidecar = read_sidecar(csv)
    assert sidecar is not None
    assert sidecar.workload.src_len == 4
    assert sidecar.facts["seed"] == 1
    assert sidecar.facts["device"]["torch"] == torch.__version__
    assert sidecar.facts["space"]["decoder_embed_dim"] == [16, 32]
    assert {e["row"] for e in sidecar.events if e["event"] == "row"} == set(range(12))

    # the same command again changes nothing
    before = csv.read_bytes(), sidecar_path(csv).read_bytes()
    with pytest.raises(SystemExit, match="2"):
        run(config, csv, "--lat-dataset-size", "5")
    assert capsys.readouterr().err == (
        f"error: {csv}: holds 12 rows already: --resume goes on with it, --set-aside moves it to "
        "x.csv.old and measures anew\n"
    )
    assert (csv.read_bytes(), sidecar_path(csv).read_bytes()) == before

    # what is set aside is never replaced, and the same seed draws the same architectures
    for place, name in enumerate(("x.csv.old", "x.csv.old2")):
        run(config, csv, "--lat-dataset-size", str(5 + place), "--set-aside")
        assert f"was there already: kept as {csv.with_name(name)}" in capsys.readouterr().out
    assert len(read_samples(f"{csv}.old")) == 12 and read_sidecar(f"{csv}.old") is not None
    assert len(read_samples(f"{csv}.old2")) == 5
    again = read_samples(csv)
    assert [s.arch for s in again] == [s.arch for s in samples[:6]]

    # a run that was cut off in the middle of a row, or of an event, goes on from there
    csv.write_text(csv.read_text()[:-20])
    noted = sidecar_path(csv)
    for cut in (1, 20):
        noted.write_text(noted.read_text()[:-cut])
        run(config, csv, "--lat-dataset-size", str(11 if cut == 1 else 12), "--resume")
    assert "goes on after row 4" in capsys.readouterr().out
    resumed = read_samples(csv)
    assert [s.arch for s in resumed] == [s.arch for s in samples]
    assert [s.measured_at for s in resumed[:5]] == [s.measured_at for s in again[:5]]
    assert all(isinstance(json.loads(line), dict) for line in noted.read_text().splitlines())
    assert {e["row"] for e in read_sidecar(csv).events if e["event"] == "row"} == set(range(12))

    # with both flags it goes on where it can, and begins anew where it cannot
    both = ("--resume", "--set-aside", "--lat-dataset-size")
    run(config, csv, *both, "13")
    assert "goes on after row 11" in capsys.readouterr().out
    run(config, csv, *both, "2", "--seed", "2")
    assert "kept as" in capsys.readouterr().out and len(read_samples(f"{csv}.old3")) == 13
    run(config, tmp_path / "new.csv", *both, "1")


def test_a_folder_is_no_dataset(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags in ([], ["--resume"], ["--set-aside"]):
        with pytest.raises(SystemExit, match="2"):
            run(config, tmp_path, *flags)
        assert f"the CSV file to write, but {tmp_path} is a folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["space.yml"]


@pytest.mark.stage
def test_a_killed_run_loses_at_most_one_row(config: Path, tmp_path: Path) -> None:
    csv = tmp_path / "x.csv"
    command = [sys.executable, "-m", "hat.cli", "latency-dataset", "--configs", str(config)]
    process = subprocess.Popen(
        [*command, "--lat-dataset-path", str(csv), "--lat-dataset-size", "250", "--latiter", "20"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while not csv.exists() or csv.read_text().count("\n") < 4:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    lines = [line for line in sidecar_path(csv).read_text().splitlines() if '"row", "row"' in line]
    rows = [line for line in csv.read_text().splitlines(keepends=True)[1:] if line.endswith("\n")]
    assert len(rows) >= len(lines) >= 2


@pytest.mark.stage
def test_until_error(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], steady_machine: None
) -> None:
    csv = tmp_path / "x.csv"
    run(config, csv, "--until-error", "99", "--lat-dataset-size", "60")
    out = capsys.readouterr().out
    assert last_line(out)["rows"] < 60
    assert "target 99 % reached" in out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--lat-dataset-size", "0"], "lat-dataset-size must be at least 1, but found 0"),
        (["--lat-dataset-size", "9999999"], "but the space has"),
        (["--lat-reference-every", "0"], "lat-reference-every must be at least 1, but found 0"),
        (["--resume"], "there is no dataset to resume"),
        (["--vocab-size", "3"], "vocab-size must be at least 8, but found 3"),
        (["--vocab-size", "8", "9", "10"], "--vocab-size takes one or two sizes, but found"),
        (["--lat-src-len", "0"], "lat-src-len must be at least 1, but found 0"),
        (["--lat-patience", "-1"], "lat-patience must be at least 0, but found -1"),
        (["--encoder-embed-choice", "64"], "encoder.embed_dim = 64 does not fit"),
        (["--lat-trim", "0.7"], "lat-trim must be below 0.5, but found 0.7"),
        (["--arch", "transformer_super"], "unknown arch 'transformer_super'; did you mean"),
        (["--until-error", "-1"], "until-error must be above 0, but found -1"),
    ],
)
def test_bad_options_write_nothing(
    config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    message: str,
) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(config, tmp_path / "x.csv", *flags)
    error = capsys.readouterr().err
    assert message in error
    assert [path.name for path in tmp_path.iterdir()] == ["space.yml"]


@pytest.mark.stage
def test_a_dataset_of_something_else_is_not_resumed(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    csv = tmp_path / "x.csv"
    run(config, csv, "--lat-dataset-size", "2")
    before = csv.read_text()
    for flags, message in (
        (["--beam", "3"], "cannot be resumed under other conditions: beam was 2, is now 3"),
        (["--seed", "7"], "seed was 1, is now 7"),
        (["--lat-trim", "0.2"], "trim_fraction was 0.1, is now 0.2"),
        (["--latiter", "9"], "runs was 2, is now 9"),
        (["--decoder-embed-choice", "16"], "search space was"),
        (["--vocab-size", "99"], "src_vocab_size was 40, is now 99"),
    ):
        with pytest.raises(SystemExit, match="2"):
            run(config, csv, "--resume", *flags)
        assert message in capsys.readouterr().err
    sidecar_path(csv).unlink()
    with pytest.raises(SystemExit, match="2"):
        run(config, csv, "--resume")
    assert "x.csv.meta.jsonl is missing" in capsys.readouterr().err
    assert csv.read_text() == before


def test_a_flag_beats_the_file(
    config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="2"):
        run(config, tmp_path / "x.csv", "--latgpu")
    assert "--latgpu needs a CUDA GPU, but torch finds none here" in capsys.readouterr().err
    config.write_text(SPACE.replace("latcpu", "latgpu"))
    run(config, tmp_path / "x.csv", "--latcpu", "--lat-dataset-size", "1")


def test_dictionary_sizes_come_from_the_data_folder(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "dict.en.txt").write_text("".join(f"w{i} 1\n" for i in range(30)))
    (data / "dict.de.txt").write_text("".join(f"w{i} 1\n" for i in range(30)))
    (data / "train.en-de.en.idx").touch()
    config.write_text(
        SPACE.replace("vocab-size: 40\n", "").replace("data/binary/nowhere", str(data))
    )
    run(config, tmp_path / "x.csv", "--lat-dataset-size", "1")
    assert f"dictionary sizes: 34 source, 34 target ({data})" in capsys.readouterr().out


@pytest.mark.stage
def test_one_subtransformer(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sub = tmp_path / "sub.yml"
    sub.write_text(SUB)
    train(["--latcpu", "--configs", str(sub), "--sub-configs", str(config), "--save-dir", "x"])
    found = last_line(capsys.readouterr().out)
    assert found["latency_ms"] == pytest.approx(found["encoder_ms"] + found["decoder_ms"])
    with pytest.raises(SystemExit, match="2"):
        train(["--latcpu", "--configs", str(sub), "--sub-configs", str(config), "--lat-itre", "x"])
    assert "unknown option --lat-itre" in capsys.readouterr().err
