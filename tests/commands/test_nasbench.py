import json

import pytest

from hat.commands.nasbench import main
from tests.conftest import DATA


def last_line(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.stage
def test_convert_then_query(shared_data, tmp_path, capsys):
    source = shared_data / "nasbench101" / "format_sample.tfrecord"
    main(["convert", str(source), str(tmp_path / "out.h5")])
    assert last_line(capsys)["architectures"] == 60
    name = f"nasbench101:{tmp_path / 'out.h5'}"
    main(["query", name])
    assert last_line(capsys)["architectures"] == 60
    main(["query", name, "00005c142e6f48ac74fdcf73e3439874", "--epochs", "4", "--seed", "1"])
    result = last_line(capsys)
    assert result["validation_accuracy"] == pytest.approx(0.36742543679509536, abs=0)
    assert result["signature"].startswith("benchmark:nasbench101|content:")
    assert "|epochs:4|seed:1|hat:" in result["signature"]


@pytest.mark.stage
def test_errors_are_one_sentence(shared_data, tmp_path, capsys):
    source = tmp_path / "cut.tfrecord"
    sample = shared_data / "nasbench101" / "format_sample.tfrecord"
    source.write_bytes(sample.read_bytes()[:5000])
    with pytest.raises(SystemExit) as exit:
        main(["convert", "--quiet", str(source), str(tmp_path / "out.h5")])
    assert exit.value.code == 2
    assert capsys.readouterr().err == (
        f"error: {source}: byte 4944: the file is truncated: a record of 416 bytes should stand "
        "here, but only 56 bytes follow\n"
    )
    assert list(tmp_path.iterdir()) == [source]


def test_any_kind_is_asked_in_the_same_way(capsys):
    main(["query", f"csv:{DATA}/subtransformers.csv", "0003", "--metric", "valid_loss"])
    result = last_line(capsys)
    assert (result["id"], result["valid_loss"] > 0) == ("0003", True)
    with pytest.raises(SystemExit):
        main(["query", f"cvs:{DATA}/subtransformers.csv"])
    assert "did you mean 'csv'?" in capsys.readouterr().err


def test_workers_are_counted_from_one(capsys):
    with pytest.raises(SystemExit):
        main(["enumerate", "--workers", "0"])
    assert capsys.readouterr().err == "error: workers must be at least 1, but found 0\n"
