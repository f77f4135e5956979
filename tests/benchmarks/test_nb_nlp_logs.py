import gzip
import json
import math
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from hat.arch.recipe import awd_num_params
from hat.benchmarks.nb_nlp import NasBenchNlp, NlpSettings
from hat.benchmarks.nb_nlp_logs import group_runs, read_training_logs
from hat.errors import DataError, HatError
from tests.conftest import MADE_DATA

RECIPE = {
    "a": {"op": "linear", "input": ["x", "h_prev_0"]},
    "h_new_0": {"op": "activation_tanh", "input": ["a"]},
}
LOG = {
    "data": "data/ptb",
    "recepie_id": 7,
    "emsize": 4,
    "nhid": 6,
    "nlayers": 2,
    "tied": True,
    "bptt": 5,
    "recepie": json.dumps(RECIPE),
    "num_params": 123,
    "test_losses": [6.5, 5.5],
}


def write_folder(folder, *logs):
    folder.mkdir(exist_ok=True)
    for number, log in enumerate(logs):
        (folder / f"log_{number}.json").write_text(json.dumps(log))
    return folder


def test_a_log_says_all_about_its_network(data):
    """Of the archive that both made and real data have: parameters are a count of the recipe's."""
    logs = read_training_logs(data / "nasbench_nlp" / "logs_wikitext2.zip")
    assert len(logs) == (9 if data == MADE_DATA else 200)
    for log in logs:
        assert log.layer_sizes == ((400, 600), (600, 600), (600, 400))
        assert log.num_params == awd_num_params(log.recipe, 33278)
        assert (log.bptt, log.corpus) == (70, "data/wikitext-2")
        assert f"_{log.id}_" in log.file
    assert sum(math.isnan(log.last_test_loss) for log in logs) == 1
    groups = group_runs(logs)
    assert len(groups) == (9 if data == MADE_DATA else 179)
    assert max(map(len, groups)) == (1 if data == MADE_DATA else 3)


def test_a_folder_and_an_archive_of_the_same_logs_read_alike(tmp_path):
    folder = write_folder(tmp_path / "logs", LOG, {**LOG, "recepie_id": 8, "emsize": 5})
    for name in (".hidden.json", "notes.txt"):
        (folder / name).write_text("neither a log")
    (folder / "inner.json").mkdir()
    with zipfile.ZipFile(tmp_path / "logs.zip", "w") as archive:
        archive.writestr("__MACOSX/train/._log_0.json", "resource")
        archive.writestr("__MACOSX/train/log_0.json", "resource")
        archive.mkdir("train")
        for number in (1, 0):
            archive.write(folder / f"log_{number}.json", f"train/log_{number}.json")
    found = read_training_logs(folder)
    assert found == read_training_logs(tmp_path / "logs.zip")
    assert [log.id for log in found] == ["7", "8"]
    assert found[0].layer_sizes == ((4, 6), (6, 4))
    assert [log.id for log in read_training_logs(folder, limit=1)] == ["7"]
    untied = write_folder(tmp_path / "untied", {**LOG, "tied": False, "nlayers": 3})
    assert read_training_logs(untied)[0].layer_sizes == ((4, 6), (6, 6), (6, 6))


def test_logs_as_other_systems_pack_them(tmp_path):
    folder = write_folder(tmp_path / "logs", *({**LOG, "recepie_id": id} for id in range(4)))
    expected = read_training_logs(folder)
    text = json.dumps({**LOG, "recepie_id": 1}, indent=1).replace("\n", "\r\n")
    (folder / "log_1.json").write_bytes(b"\xef\xbb\xbf" + text.encode())
    third = folder / "log_2.json"
    (folder / "log_2.json.gz").write_bytes(gzip.compress(third.read_bytes()))
    third.unlink()
    (folder / "log_3.json").rename(folder / "log_3.JSON")
    found = read_training_logs(folder)
    assert [replace(log, file="") for log in found] == [replace(log, file="") for log in expected]
    with zipfile.ZipFile(tmp_path / "logs.zip", "w") as archive:
        for path in folder.iterdir():
            archive.writestr(f"./logs//{path.name}", path.read_bytes())
    assert read_training_logs(tmp_path / "logs.zip") == found
    (folder / "log_2.json.gz").write_bytes(gzip.compress(b"{}")[:-9])
    with pytest.raises(DataError, match=r"log_2.json.gz: is not a complete gzip file: "):
        read_training_logs(folder)


@pytest.mark.parametrize("losses", [{}, {"test_losses": []}, {"test_losses": None}])
def test_a_log_may_lack_its_losses(tmp_path, losses):
    log = {key: value for key, value in LOG.items() if key != "test_losses"}
    (found,) = read_training_logs(write_folder(tmp_path / "logs", log | losses))
    assert math.isnan(found.last_test_loss)


NAN = math.nan


@pytest.mark.parametrize(("last", "expected"), [(NAN, NAN), (math.inf, NAN), (3, 3.0)])
def test_a_loss_that_diverged_is_none(tmp_path, last, expected):
    log = {**LOG, "test_losses": [6.5, last]}
    (found,) = read_training_logs(write_folder(tmp_path / "logs", log))
    assert found.last_test_loss == pytest.approx(expected, abs=0, nan_ok=True)


def test_seeds_are_together_whatever_their_identifier_and_the_order_of_nodes(tmp_path):
    turned = json.dumps(dict(reversed(RECIPE.items())), indent=1)
    other = json.dumps(RECIPE).replace("tanh", "sigm")
    logs = [
        {**LOG, "recepie_id": number, **change}
        for number, change in enumerate(({}, {"recepie": other}, {"recepie": turned}, {"nhid": 8}))
    ]
    groups = group_runs(read_training_logs(write_folder(tmp_path / "logs", *logs)))
    assert [[log.id for log in group] for group in groups] == [["0", "2"], ["1"], ["3"]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"emsize": None}, "'emsize' must be a whole number above 0, but found None"),
        ({"emsize": ...}, "'emsize' must be a whole number above 0, but found none"),
        ({"nhid": 0}, "'nhid' must be a whole number above 0, but found 0"),
        ({"nlayers": 2.0}, "'nlayers' must be a whole number above 0, but found 2.0"),
        ({"bptt": True}, "'bptt' must be a whole number above 0, but found True"),
        ({"num_params": "9"}, "'num_params' must be a whole number above 0, but found '9'"),
        ({"recepie_id": ...}, "'recepie_id' must be a whole number, but found none"),
        ({"tied": 1}, "'tied' must be true or false, but found 1"),
        ({"data": 5}, "'data' must be the name of a folder, but found 5"),
        ({"recepie": None}, "'recepie' must be a recipe, but found None"),
        ({"recepie": "{"}, "a recipe is a JSON object of nodes, but this: is not JSON"),
        ({"recepie": json.dumps({"a": 1})}, 'a must look like {"op": "linear"'),
        ({"test_losses": 5.5}, "'test_losses' must be a list of numbers, but found 5.5"),
        ({"test_losses": [5.5, "x"]}, "entry 1 of 'test_losses' must be a number, but found 'x'"),
        ({"test_losses": [5.5, -1.0]}, "entry 1 of 'test_losses' must not be negative, but fou"),
        ({"test_losses": [10**400]}, "'test_losses' holds a number that is too large"),
    ],
)
def test_a_bad_value_is_named_with_its_file(tmp_path, change, message):
    bad = {key: value for key, value in (LOG | change).items() if value is not ...}
    folder = write_folder(tmp_path / "logs", LOG, bad)
    with pytest.raises(HatError) as error:
        read_training_logs(folder)
    assert str(error.value).startswith(f"{folder}/log_1.json: ")
    assert message in str(error.value) and "\n" not in str(error.value)
    with zipfile.ZipFile(tmp_path / "logs.zip", "w") as archive:
        archive.writestr("in/log.json", json.dumps(bad))
    with pytest.raises(HatError) as error:
        read_training_logs(tmp_path / "logs.zip")
    assert str(error.value).startswith(f"{tmp_path}/logs.zip: in/log.json: ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ": is not JSON: Expecting value, but found its end"),
        (b'{\n"a": }', ":2: is not JSON: Expecting value, but found '}'"),
        (b"[]", ": is no training log: it is not a JSON object"),
        (b'{"a": "\xff"}', ": is not UTF-8 (byte 7)"),
        (b"[" * 100_000, ": is nested more than 50 deep"),
        (b'{"num_params": ' + b"9" * 5000 + b"}", ": is not JSON that can be read"),
    ],
)
def test_a_file_that_is_no_log_is_named(tmp_path, content, message):
    folder = write_folder(tmp_path / "logs")
    (folder / "x.json").write_bytes(content)
    with pytest.raises(DataError) as error:
        read_training_logs(folder)
    assert str(error.value).startswith(f"{folder}/x.json{message}")


def test_sources_without_logs(tmp_path):
    with pytest.raises(DataError, match=r"logs: holds no training log \(no file \*\.json\)"):
        read_training_logs(write_folder(tmp_path / "logs"))
    for name in ("train", "logs.zip"):
        (tmp_path / "logs" / name).mkdir()
        with pytest.raises(DataError, match=rf"\); did you mean {tmp_path}/logs/{name}\?"):
            read_training_logs(tmp_path / "logs")
    with pytest.raises(DataError, match="gone: cannot be read: No such file"):
        read_training_logs(tmp_path / "gone")
    (tmp_path / "x.zip").write_text("text")
    with pytest.raises(DataError, match=r"x\.zip: cannot be read as a zip archive"):
        read_training_logs(tmp_path / "x.zip")


def test_a_damaged_archive_names_its_member(tmp_path):
    path = tmp_path / "logs.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a/log.json", json.dumps(LOG))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"123", b"124", 1))
    with pytest.raises(DataError, match=r"logs\.zip: a/log\.json: cannot be unpacked: Bad CRC"):
        read_training_logs(path)
    encrypted = bytearray(content)
    encrypted[6] |= 1
    encrypted[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(encrypted)
    with pytest.raises(DataError, match=r"logs\.zip: a/log\.json: cannot be unpacked: .*encrypted"):
        read_training_logs(path)


def test_logs_of_two_corpora_are_no_benchmark(tmp_path):
    same = {**LOG, "data": "/home/me/data/ptb/"}
    assert len(read_training_logs(write_folder(tmp_path / "a", LOG, same))) == 2
    other = {**LOG, "data": "data/wikitext-2"}
    message = r"log_1\.json: was trained on 'data/wikitext-2', but log_0\.json on 'data/ptb'"
    with pytest.raises(DataError, match=message):
        read_training_logs(write_folder(tmp_path / "b", LOG, other))


def test_curves_may_come_from_a_folder(tmp_path):
    home = MADE_DATA / "nasbench_nlp"
    with zipfile.ZipFile(home / "logs_wikitext2.zip") as archive:
        archive.extractall(tmp_path / "logs")
    recipes = home / "recepie_loss_pairs.json"
    tables = [
        NasBenchNlp.build(NlpSettings(path=recipes, logs=logs))
        for logs in (home / "logs_wikitext2.zip", tmp_path / "logs")
    ]
    curves = [table.column("wt2_test_loss", epochs=9) for table in tables]
    np.testing.assert_array_equal(*curves)
    assert tables[0].signature() != tables[1].signature()
    (log,) = sorted((tmp_path / "logs").iterdir())[:1]
    log.write_text(log.read_text().replace('"val_losses": [', '"val_losses": ["x", '))
    with pytest.raises(DataError, match="entry 0 of 'val_losses' must be a number, but found 'x'"):
        NasBenchNlp.build(NlpSettings(path=recipes, logs=tmp_path / "logs"))
