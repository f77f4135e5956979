import gzip
import json
import struct
import tarfile

import pytest

from hat.commands.nasbench import main
from hat.conditions import file_digest
from tests.commands.conftest import last_line
from tests.conftest import MADE_DATA

TABLE = MADE_DATA / "llmas" / "seed_arch_bleu.wmt14ende.csv"


@pytest.mark.stage
def test_convert_then_query(data, tmp_path, capsys):
    folder = data / "nasbench101"
    with gzip.open(folder / "format_sample.expected.json.gz") as stream:
        expected = json.load(stream)
    count = len({entry["hash"] for entry in expected})
    source = folder / "format_sample.tfrecord"
    main(["convert", str(source), str(tmp_path / "out.h5")])
    converted = last_line(capsys.readouterr().out)
    assert converted["architectures"] == count
    assert f"|source:{file_digest(source)}|" in converted["signature"]
    name = f"nasbench101:{tmp_path / 'out.h5'}"
    main(["query", name])
    assert last_line(capsys.readouterr().out)["architectures"] == count
    entry = expected[1]
    assert (entry["epochs"], entry["repeat"]) == (4, 1)
    main(["query", name, entry["hash"], "--epochs", "4", "--seed", "1"])
    result = last_line(capsys.readouterr().out)
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


def test_any_kind_is_asked_in_the_same_way(capsys):
    main(["query", f"csv:{TABLE}", "0003", "--metric", "scratch_test_BLEU"])
    result = last_line(capsys.readouterr().out)
    assert (result["id"], result["scratch_test_BLEU"] > 0) == ("0003", True)
    with pytest.raises(SystemExit):
        main(["query", f"cvs:{TABLE}"])
    assert "did you mean 'csv'?" in capsys.readouterr().err


def test_workers_are_counted_from_one(capsys):
    with pytest.raises(SystemExit):
        main(["enumerate", "--workers", "0"])
    assert capsys.readouterr().err == "error: workers must be at least 1, but found 0\n"


@pytest.mark.stage
@pytest.mark.parametrize("mode", ["tar", "tar.gz", "gz"])
def test_a_download_is_to_be_unpacked_first(mode, tmp_path, capsys):
    folder = MADE_DATA / "nasbench201" / "NATS-tss-v1_0-made-simple"
    source = tmp_path / f"NATS.{mode}"
    if mode == "gz":
        source.write_bytes(gzip.compress(b"anything"))
    else:
        with tarfile.open(source, "w:gz" if mode == "tar.gz" else "w") as archive:
            archive.add(folder, folder.name)
    with pytest.raises(SystemExit) as stopped:
        main(["convert", "--quiet", str(source), str(tmp_path / "out.csv")])
    assert stopped.value.code == 2
    message = f"error: {source}: is an archive; unpack it and give what is in it"
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [source]
