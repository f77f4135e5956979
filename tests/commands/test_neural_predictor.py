import pytest

from hat.commands.neural_predictor import main
from tests.commands.conftest import last_line
from tests.conftest import MADE_DATA

TABLE = f"nasbench101:{MADE_DATA}/nasbench101/sample_1k.jsonl.gz"


@pytest.mark.stage
def test_each_command_ends_with_json(capsys):
    main(["select", TABLE, "--num-train", "5", "--num-verified", "2", "--seed", "1"])
    result = last_line(capsys.readouterr().out)
    assert result["winner"] and result["spent"] > 0
    assert "|train:5|verified:2|seed:1|" in result["signature"]
    main(["rank", TABLE, "--train-split", "5"])
    result = last_line(capsys.readouterr().out)
    assert "|train:5|eval:all|settings:default|seed:0|" in result["signature"]


@pytest.mark.stage
@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["rank", TABLE, "--train-split", "denoise91"], "there is no split 'denoise91'; did you"),
        (["rank", TABLE, "--classifier", "1.5"], "classifier must be below 1, but found 1.5"),
        (["cross-validate", f"{TABLE}x"], "jsonl.gzx: cannot be read"),
    ],
)
def test_errors_are_one_sentence(argv, message, capsys):
    with pytest.raises(SystemExit) as exit:
        main(argv)
    assert exit.value.code == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
