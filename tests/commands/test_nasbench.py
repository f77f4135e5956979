import gzip
import json
import struct

import pytest

from hat.commands.nasbench import main
from hat.conditions import file_digest
from tests.conftest import MADE_DATA


def last_line(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.stage
def test_convert_then_query(data, tmp_path, capsys):
    folder = data / "nasbench101"
    with gzip.open(folder / "format_sample.expected.json.gz") as stream:
        expected = json.load(stream)
    count = len({entry["hash"] for entry in expected})
    source = folder / "format_sample.tfrecord"
    main(["convert", str(source), str(tmp_path / "out.h5")])
    converted = last_line(capsys)
    assert converted["architectures"] == count
    assert f"|source:{file_digest(source)}|" in converted["signature"]
    name = f"nasbench101:{tmp_path / 'out.h5'}"
    main(["query", name])
    assert last_line(capsys)["architectures"] == count
    entry = expected[1]
    assert (entry["epochs"], entry["repeat"]) == (4, 1)
    main(["query", name, entry["hash"], "--epochs", "4", "--seed", "1"])
    result = last_line(capsys)
    assert result["validation_accuracy"] == pytest.approx(entry["final"][2], abs=0)
    digest = file_digest(tmp_path / "out.h5")
    beginning = f"benchmark:nasbench101|data:{digest}|epochs:4|seed:1|hat:"
    assert result["signature"].startswith(beginning)


@pytest.mark.stage
def test_errors_are_one_sentence(tmp_path, capsys):
    source = tmp_path / "cut.tfrecord"
    content = (MADE_DATA / "nasbench101" / "format_sample.tfrecord").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    second = 12 + length + 4  # header, data, checksum
    (length,) = struct.unpack("<Q", content[second : second + 8])
    source.write_bytes(content[: second + 12 + 56])
    with pytest.raises(SystemExit) as exit:
        main(["convert", "--quiet", str(source), str(tmp_path / "out.h5")])
    assert exit.value.code == 2
    assert capsys.readouterr().err == (
        f"error: {source}: byte {second}: the file is truncated: a record of {length + 16} bytes "
        f"should stand here, but only {12 + 56} bytes follow\n"
    )
    assert list(tmp_path.iterdir()) == [source]
