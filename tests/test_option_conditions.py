import json
from pathlib import Path

import pytest

from hat.conditions import file_digest
from hat.errors import HatError
from hat.option_conditions import content_digest, option_conditions


def test_all_options_count_but_the_exempt_ones_and_those_without_a_value():
    options = {"max_tokens": 5, "seeds": (1, 2), "out": "x", "beam": None, "kind": Path("a/b")}
    assert option_conditions(options, exempt={"out"}) == {
        "max-tokens": 5,
        "seeds": [1, 2],
        "kind": "a/b",
    }


def test_values_are_such_as_json_keeps():
    options = {"clip": float("inf"), "steps": [float("nan"), 1.5], "by": {1: (2,)}}
    found = option_conditions(options, exempt=())
    assert found == {"clip": "inf", "steps": ["nan", 1.5], "by": {"1": [2]}}
    json.dumps(found, allow_nan=False)


def test_files_count_by_content(tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_text(path.name)
    digests = [file_digest(path) for path in paths]
    options = {"table": str(paths[0]), "ckpt_path": [str(path) for path in paths]}
    assert option_conditions(options, exempt=(), files=("table", "ckpt_path", "more")) == {
        "content of table": digests[0],
        "content of ckpt-path (1)": digests[0],
        "content of ckpt-path (2)": digests[1],
    }
    assert content_digest(paths[::-1]) == "+".join(digests[::-1])


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(HatError, match="nowhere: cannot be read"):
        option_conditions({"table": "nowhere"}, exempt=(), files=("table",))
