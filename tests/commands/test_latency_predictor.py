from dataclasses import replace
from pathlib import Path

import pytest

from hat.arch.hat_yaml import write_arch
from hat.arch.space import SearchSpace
from hat.commands.latency import main as latency
from hat.commands.latency_predictor import main
from hat.latency.predictors.load import load_predictor
from hat.latency.samples import read_samples, write_samples
from hat.latency.sidecar import Sidecar
from hat.latency.workload import Workload
from tests.commands.conftest import last_line
from tests.latency.conftest import Simulate
from tests.latency.conftest import simulate as simulate

YML = """\
feature-norm: [640, 6, 2048, 6, 640, 6, 2048, 6, 6, 2]
lat-norm: 200
feature-dim: 10
hidden-dim: 400
hidden-layer-num: 3
train-steps: 5000
bsz: 128
lr: 1e-5
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "p.yml").write_text(YML)
    return tmp_path / "p.yml"


@pytest.mark.stage
@pytest.mark.parametrize("kind", ["auto", "mlp"])
def test_the_tutorials_command_on_25_rows(
    config: Path,
    tmp_path: Path,
    simulate: Simulate,
    capsys: pytest.CaptureFixture[str],
    kind: str,
) -> None:
    csv, ckpt = tmp_path / "x.csv", tmp_path / "deep" / "p.pt"
    write_samples(csv, simulate(25))
    words = f"--configs={config} --feature-norm 640 6 2048 6 640 6 2048 6 6 2 --feature-dim 10"
    more = ["--predictor", "mlp", "--train-steps", "150"] if kind == "mlp" else []
    paths = ["--lat-dataset-path", str(csv), "--ckpt-path", str(ckpt), "--bsz", "2"]
    main([*words.split(), *paths, *more])
    out = capsys.readouterr().out
    found = last_line(out)
    assert found["rows"] == 25
    assert (found["predictor"] == "mlp") == (kind == "mlp")
    assert ("Validation loss at 100 steps" in out) == (kind == "mlp")
    predictor = load_predictor(ckpt, lat_norm=200)
    assert predictor.scales.feature_norm[:3] == (640, 6, 2048)
    split = predictor.facts["split"]
    assert sorted(split["train"] + split["valid"] + split["test"]) == list(range(25))


@pytest.mark.stage
def test_disturbed_rows_are_left_out_and_facts_are_kept(
    tmp_path: Path, simulate: Simulate, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = simulate(300)
    for row in range(100, 150):
        samples[row] = replace(samples[row], decoder_ms=1.6 * samples[row].decoder_ms)
    csv, ckpt = tmp_path / "x.csv", tmp_path / "p.pt"
    write_samples(csv, samples)
    facts = {"workload": Workload(beam=3).to_dict(), "device": {"name": "Toy"}}
    sidecar = Sidecar.create(csv, {**facts, "reference": {"a-key": 1}})
    sidecar.append(event="baseline", baseline_ms=4.0, noise=0.5)
    sidecar.append(event="reference", baseline_ms=3.0, noise=0.01, deviation=0.0, rows=[0])
    main(["--lat-dataset-path", str(csv), "--ckpt-path", str(ckpt)])
    out = capsys.readouterr().out
    assert "rows from row 100 on are left out: they sit +4" in out
    assert last_line(out)["left_out_rows"] == pytest.approx(50, abs=3)
    assert last_line(out)["test"]["mape_percent"] < 3
    predictor = load_predictor(ckpt)
    assert predictor.facts["device"] == "Toy"
    assert predictor.facts["reference"] == {
        "arch": {"a-key": 1},
        "latency_ms": 3.0,
        "noise": 0.01,
    }
    assert Workload.from_dict(predictor.facts["workload"], "x").beam == 3
    main(["--lat-dataset-path", str(csv), "--ckpt-path", str(ckpt), "--keep-shifted"])
    assert last_line(capsys.readouterr().out)["rows"] == 300
    main(["--lat-dataset-path", str(csv), "--ckpt-path", str(ckpt), "--machine", "average"])
    out = capsys.readouterr().out
    assert "are set apart to learn how disturbed the machine is on average" in out
    assert last_line(out)["rows"] == 300
    archs = [sample.arch for sample in samples if sample.arch is not None]
    factor = load_predictor(ckpt).predict_ms(archs) / predictor.predict_ms(archs)
    # A sixth of the rows takes 1.48 times as long.
    assert factor == pytest.approx(1 / (5 / 6 + 1 / 6 / 1.48), abs=0.02)


@pytest.mark.stage
@pytest.mark.parametrize("undisturbed", [5, 19, 20])
def test_a_machine_that_was_hardly_ever_at_rest_still_gets_a_predictor(
    tmp_path: Path, simulate: Simulate, capsys: pytest.CaptureFixture[str], undisturbed: int
) -> None:
    samples = simulate(60)
    for row in range(60 - undisturbed):
        samples[row] = replace(samples[row], shift_percent=20.0)
    write_samples(tmp_path / "x.csv", samples)
    paths = ["--lat-dataset-path", str(tmp_path / "x.csv"), "--ckpt-path", str(tmp_path / "p.pt")]
    main(paths)
    out = capsys.readouterr().out
    learnt = len(load_predictor(tmp_path / "p.pt").residuals)  # a tenth of the rows is for testing
    if undisturbed < 20:
        assert f"| only {undisturbed} of 60 rows were measured undisturbed" in out
        assert "all are used" in out
        assert (last_line(out)["rows"], learnt) == (60, 54)
    else:
        assert "40 rows are left out" in out
        assert (last_line(out)["rows"], learnt) == (20, 18)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--lat-dataset-path", "{few}"], "5 usable rows are too few for a predictor"),
        (["--lat-dataset-path", "{nan}"], "must be a finite number, but found 'nan'"),
        (["--lat-dataset-path", "{empty}"], "is empty; expected a first line"),
        (["--lat-dataset-path", "{good}", "{other}"], "different workloads"),
        (["--feature-dim", "9"], "feature-dim must be 10"),
        (["--feature-norm", "1", "2"], "feature-norm needs 10 numbers"),
        (["--lat-norm", "0"], "lat-norm must be above 0"),
        (["--predictor", "mlp"], "bsz is 128, but there are only 32 rows to train on"),
        (["--train-steps", "0"], "train-steps must be at least 1"),
        (["--machine", "average", "--keep-shifted"], "leave --keep-shifted out"),
        (["--machine", "average", "--predictor", "mlp"], "leave --predictor mlp out"),
    ],
)
def test_bad_input_writes_nothing(
    tmp_path: Path,
    simulate: Simulate,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    message: str,
) -> None:
    names = {name: tmp_path / f"{name}.csv" for name in ("few", "nan", "empty", "good", "other")}
    write_samples(names["few"], simulate(5))
    write_samples(names["good"], simulate(40))
    write_samples(names["other"], simulate(40))
    Sidecar.create(names["good"], {"workload": Workload().to_dict()})
    Sidecar.create(names["other"], {"workload": Workload(beam=1).to_dict()})
    lines = names["good"].read_text().splitlines()
    values = lines[3].split(",")
    values[11] = "nan"
    names["nan"].write_text("\n".join([*lines[:3], ",".join(values)]))
    names["empty"].write_text("")
    default = ["--lat-dataset-path", str(names["good"]), "--ckpt-path", str(tmp_path / "p.pt")]
    with pytest.raises(SystemExit, match="2"):
        main([*default, *(flag.format(**names) for flag in flags)])
    assert message in capsys.readouterr().err
    assert not (tmp_path / "p.pt").exists()


@pytest.mark.stage
def test_check(
    tmp_path: Path,
    simulate: Simulate,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    samples = simulate(200)
    for row in range(30, 90):
        samples[row] = replace(samples[row], decoder_ms=1.5 * samples[row].decoder_ms)
    write_samples("x.csv", samples)
    latency(["check", "x.csv", "--json", "--write-clean", "clean.csv"])
    out = capsys.readouterr().out
    (run,) = last_line(out)["shifted_runs"]
    assert set(run) == {"first_row", "last_row", "shift_percent"}
    assert f"rows {run['first_row']}-{run['last_row']}" in out
    assert len(read_samples("clean.csv")) == 200 - (run["last_row"] - run["first_row"] + 1)
    assert not Path("x.check.png").exists()
    latency(["check", "clean.csv"])
    assert "0 shifted runs" in capsys.readouterr().out
    assert Path("clean.check.png").read_bytes().startswith(b"\x89PNG")
    write_samples("few.csv", samples[:10])
    with pytest.raises(SystemExit, match="2"):
        latency(["check", "few.csv"])
    assert "few.csv: 10 rows are too few to tell" in capsys.readouterr().err


@pytest.mark.stage
def test_bench(tmp_path: Path, simulate: Simulate, capsys: pytest.CaptureFixture[str]) -> None:
    write_samples(tmp_path / "x.csv", simulate(120))
    file = tmp_path / "rows.jsonl"
    words = ["bench", str(tmp_path / "x.csv"), "--seeds", "2", "--without-mlp"]
    latency([*words, "--resume", str(file)])
    out = capsys.readouterr().out
    latency([*words, "--resume", str(file)])
    assert capsys.readouterr().out == out
    assert "fitted and tested on the same rows" in out
    assert "Shifted runs: none. Noise floor:" in out
    assert "auto|40|1" in last_line(out)["bench"]["x"]


@pytest.mark.stage
def test_predict(
    tmp_path: Path,
    simulate: Simulate,
    tiny_space: SearchSpace,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_samples(tmp_path / "x.csv", simulate(60))
    main(["--lat-dataset-path", str(tmp_path / "x.csv"), "--ckpt-path", str(tmp_path / "p.pt")])
    write_arch(tmp_path / "a.yml", tiny_space.largest())
    wide = replace(tiny_space, encoder_embed_dims=(512,)).largest()
    write_arch(tmp_path / "b.yml", wide)
    ckpt = ["--ckpt-path", str(tmp_path / "p.pt")]
    capsys.readouterr()
    latency(["predict", str(tmp_path / "a.yml"), *ckpt])
    (found,) = last_line(capsys.readouterr().out)["predictions"]
    assert found["interval_ms"][0] < found["latency_ms"] < found["interval_ms"][1]
    with pytest.raises(SystemExit, match="2"):
        latency(["predict", str(tmp_path / "b.yml"), *ckpt])
    assert "was made for another search space: it knows encoder_embed_dim in [24, 32]" in (
        capsys.readouterr().err
    )


def test_unknown_tool(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        latency(["chek"])
    assert "unknown tool 'chek' of hat latency; did you mean 'check'?" in capsys.readouterr().err
