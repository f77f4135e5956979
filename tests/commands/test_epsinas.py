import pytest

from hat.commands.epsinas import main
from tests.commands.conftest import last_line
from tests.conftest import MADE_DATA

CELLS = f"--data={MADE_DATA}/nasbench201/nasbench201.csv.gz"


def run(capsys, *argv):
    main(argv)
    return last_line(capsys.readouterr().out)


@pytest.mark.stage
def test_the_last_line_is_json(capsys):
    eight = ("--batch", "4", "--limit", "8")
    result = run(capsys, "nasbench201", CELLS, *eight, "--weights=1e-6,0.5")
    assert result["architectures"] == 8
    assert "weights:1e-06,0.5|batch:photographs-4|" in result["signature"]
    words = ("ablate", "nasbench201", CELLS, "--choice", "lent skips", "--limit", "8")
    result = run(capsys, *words)
    assert [row["choice"] for row in result["outcomes"]] == ["lent skips"]
    recipes = f"--data={MADE_DATA}/nasbench_nlp/recepie_loss_pairs.json"
    result = run(capsys, "nasbench-nlp", recipes, "--steps", "5", "--sentences", "3")
    assert result["architectures"] == 9
    bleu = f"--data={MADE_DATA}/llmas/seed_arch_bleu.wmt14ende.csv"
    result = run(capsys, "subtransformers", bleu, "--seeds", "2", "--column=HAT_test_BLEU")
    assert (result["task"], result["architectures"]) == ("wmt14ende", 24)
    cells = f"--data={MADE_DATA}/nasbench101/sample_1k.jsonl.gz"
    result = run(capsys, "nasbench101", cells, *eight)
    assert result["architectures"] == 8


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["nasbench201", "--data", "none.csv"], "error: none.csv: cannot be read"),
        (["nasbench201"], "error: --data is missing"),
        (["nasbench-nlp", "--data", "none.json"], "error: none.json: cannot be read"),
        (["nasbench-nlp"], "error: epsinas nasbench-nlp needs --data or --logs"),
        (["nasbench-nlp", "--logs", "none"], "error: none: cannot be read: No such file"),
        (["nasbench-nlp", "--data", "x", "--multi"], "error: multi is about logs alone"),
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
