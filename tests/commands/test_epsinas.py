import json

import pytest

from hat.commands.epsinas import main
from tests.conftest import DATA

CELLS = f"--data={DATA}/nasbench201.csv"


def last_line(capsys, *argv):
    main(argv)
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.stage
def test_the_last_line_is_json(capsys):
    result = last_line(capsys, "nasbench201", CELLS, "--batch", "4", "--weights=1e-6,0.5")
    assert result["architectures"] == 8
    assert "weights:1e-06,0.5|batch:photographs-4|" in result["signature"]
    result = last_line(capsys, "ablate", "nasbench201", CELLS, "--choice", "lent skips")
    assert [row["choice"] for row in result["outcomes"]] == ["lent skips"]
    recipes = f"--data={DATA}/nasbench-nlp.json"
    result = last_line(capsys, "nasbench-nlp", recipes, "--steps", "5", "--sentences", "3")
    assert result["architectures"] == 8
    bleu = f"--data={DATA}/subtransformers.csv"
    result = last_line(capsys, "subtransformers", bleu, "--seeds", "2", "--column", "valid_loss")
    assert [task["task"] for task in result["tasks"]] == ["a", "b"]
    result = last_line(capsys, "nasbench101", f"--data={DATA}/nasbench101.jsonl", "--batch", "2")
    assert result["architectures"] == 8


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["nasbench201", "--data", "none.csv"], "error: none.csv: cannot be read"),
        (["nasbench201"], "error: --data is missing"),
        (["nasbench-nlp", "--data", "none.json"], "error: none.json: cannot be read"),
        (["search-weights", "nasbench-nlp"], "error: search-weights nasbench-nlp needs --data"),
        (["nasbench201", "--data", "x", "--weights", "1,1e-7"], "weights must be LOW,HIGH with"),
        (["nasbench201", "--data", "x", "--weights", "1;2"], "--weights must be numbers with"),
        (["nasbench201", "--data", "x", "--limit", "0"], "limit must be at least 1, but found 0"),
    ],
)
def test_wrong_input_is_one_clear_sentence(capsys, argv, message):
    with pytest.raises(SystemExit) as error:
        main(argv)
    assert error.value.code == 2
    sentence = capsys.readouterr().err
    assert message in sentence and sentence.count("\n") == 1
