import json
import math
import pickle
import re
from collections import OrderedDict

import numpy as np
import pytest

from hat.benchmarks.reference_scores import (
    Architectures,
    find_references,
    read_notebook_results,
    read_reference_scores,
)
from hat.errors import DataError


def write(path, *scores):
    rows = [{"recepie_id": id, "epsinas": score} for id, score in enumerate(scores)]
    path.write_text(json.dumps({"scores": rows}))
    return path


def test_a_score_may_be_missing(tmp_path):
    found = read_reference_scores(write(tmp_path / "r.json", 1, None, math.inf, 0.5))
    assert list(found) == ["0", "1", "2", "3"]
    assert [found["0"], found["3"]] == [1.0, 0.5]
    assert math.isnan(found["1"]) and math.isnan(found["2"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "r.json: is not JSON: "),
        ("[]", "r.json: is no file of reference scores: it has no list 'scores'"),
        ('{"scores": []}', "it has no list 'scores'"),
        ('{"scores": [{"recepie_id": 1}]}', "entry 0 of 'scores' needs 'recepie_id' and 'epsinas'"),
        (
            '{"scores": [{"recepie_id": 1, "epsinas": "0.5"}]}',
            "'epsinas' of recipe 1 must be a number or null, but found '0.5'",
        ),
        ('{"scores": [{"recepie_id": 1, "epsinas": true}]}', "must be a number or null"),
        (
            '{"scores": [{"recepie_id": 1, "epsinas": 2}, {"recepie_id": 1, "epsinas": 3}]}',
            "entry 1 of 'scores': recipe 1 stands there twice",
        ),
    ],
)
def test_what_is_wrong_is_named(content, message, tmp_path):
    path = tmp_path / "r.json"
    path.write_text(content)
    with pytest.raises(DataError) as error:
        read_reference_scores(path)
    assert message in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.json: cannot be read: No such file"):
        read_reference_scores(tmp_path / "gone.json")


NAN = math.nan
THREE = Architectures(
    ids=[("1", "11"), ("2",), ("3",)],
    num_params=np.array([10.0, 20.0, 20.0]),
    least_loss=np.array([4.5, NAN, NAN]),
    greatest_loss=np.array([5.5, NAN, NAN]),
)


def results(path, protocol=4, **columns):
    path.write_bytes(pickle.dumps(columns, protocol))
    return path


def test_identifiers_find_their_architectures(tmp_path):
    path = tmp_path / "r.json"
    rows = [{"recepie_id": id, "epsinas": id / 2} for id in (11, 2, 7)]
    rows.append({"recepie_id": 3, "epsinas": None})
    path.write_text(json.dumps({"scores": rows}))
    found = find_references(path, THREE)
    assert found.scores == {0: 5.5, 1: 1.0}
    assert (found.without_score, found.unknown, found.ambiguous) == (1, 1, 0)


@pytest.mark.parametrize("protocol", range(5))
def test_size_and_losses_find_the_architectures_of_a_notebook_s_rows(tmp_path, protocol):
    path = results(
        tmp_path / "Data",
        protocol,
        score=[np.float32(0.25), 0.5, NAN, 1.5],
        nparams=[20, 10, 10, np.int64(10)],
        accs_min=np.array([NAN, 4.5, 4.5, 4.0]),
        accs_max=(NAN, 5.5, 5.5, 5.5),
        accs_mean=[NAN, 5.0, 5.0, 5.0],
    )
    found = find_references(path, THREE)
    assert found.scores == {}  # two networks fit the first row, two rows the first network
    assert (found.without_score, found.unknown, found.ambiguous) == (1, 1, 2)
    path = results(
        tmp_path / "data", protocol, scores=[0.5, 1.5], nparams=[20, 10], accs=[6.5, None]
    )
    alone = Architectures(
        ids=THREE.ids,
        num_params=THREE.num_params,
        least_loss=np.array([NAN, 6.5, 7.5]),
        greatest_loss=np.array([NAN, 6.5, 7.5]),
    )
    assert find_references(path, alone).scores == {1: 0.5, 0: 1.5}
    path.write_bytes(
        pickle.dumps(OrderedDict(scores=[0.5], nparams=[20], accs=np.array([6.5])), protocol)
    )
    assert find_references(path, alone).scores == {1: 0.5}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([0.5], "is no result file: it holds no dictionary of lists"),
        ({"score": [1.0], "accs": [2.0]}, "it has no 'nparams' (needed: 'score', 'nparams'"),
        ({"score": [1.0], "nparams": [1], "accs_min": [2.0]}, "it has no 'accs_max'"),
        ({"nparams": [1], "accs": [2.0]}, "it has no 'score'"),
        ({"score": [1.0], "nparams": [], "accs": [1.0]}, "'nparams' must be a list of numbers"),
        ({"score": [1.0, 2.0], "nparams": [1], "accs": [1, 2]}, "'nparams' has 1 entries, but"),
        (
            {"score": [1.0, "2"], "nparams": [1, 2], "accs": [1, 2]},
            "'score', entry 1 must be a number or null, but found '2'",
        ),
        (
            {"score": np.ones((2, 2)), "nparams": [1, 2], "accs": [1, 2]},
            "'score' must be a list of numbers",
        ),
        ({"score": [10**400], "nparams": [1], "accs": [1]}, "entry 0 is too large for a number"),
        ({"score": [np.array(["a"])], "nparams": [1], "accs": [1]}, "must be a number"),
    ],
)
def test_what_is_wrong_in_a_result_file_is_named(tmp_path, content, message):
    path = tmp_path / "Data"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(DataError) as error:
        read_notebook_results(path)
    assert str(error.value).startswith(f"{path}: ") and message in str(error.value)
    with pytest.raises(DataError, match=re.escape(message)):
        find_references(path, THREE)
