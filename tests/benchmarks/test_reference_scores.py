import json
import math

import pytest

from hat.benchmarks.reference_scores import read_reference_scores
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
