import json

import pytest

from hat.commands.nasbench import main
from hat.conditions import file_digest


def last_line(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.stage
def test_convert_then_query(shared_data, tmp_path, capsys):
    source = shared_data / "nasbench101" / "format_sample.tfrecord"
    main(["convert", str(source), str(tmp_path / "out.h5")])
    converted = last_line(capsys)
    assert converted["architectures"] == 60
    assert f"|source:{file_digest(source)}|" in converted["signature"]
    name = f"nasbench101:{tmp_path / 'out.h5'}"
    main(["query", name])
    assert last_line(capsys)["architectures"] == 60
    main(["query", name, "00005c142e6f48ac74fdcf73e3439874", "--epochs", "4", "--seed", "1"])
    result = last_line(capsys)
    assert result["validation_accuracy"] == pytest.approx(0.36742543679509536, abs=0)
    data = file_digest(tmp_path / "out.h5")
    assert result["signature"].startswith(f"benchmark:nasbench101|data:{data}|epochs:4|seed:1|hat:")


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
