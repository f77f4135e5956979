import json

import pytest

from hat.commands.rank import main
from tests.conftest import DATA

TABLE = str(DATA / "subtransformers.csv")


def test_a_table_and_with_json_a_last_line(capsys):
    main([TABLE, "--scorer", "valid_loss", "--scorer", "params"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("agreement with scratch_test_BLEU, 1 is the same order")
    assert lines[1].split()[:3] == ["task", "scorer", "n"]
    assert len(lines) == 2 + 2 * 2
    main([TABLE, "--scorer", "valid_loss", "--json"])
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [row["kendall"] for row in result["rows"]] == [1.0, 1.0]
    assert "benchmark:subtransformers|content:" in result["signature"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scorer", "parms"], "error: unknown scorer 'parms'; did you mean 'params'?"),
        (["--target", "valid_los"], "'valid_los' (--target); did you mean 'valid_loss'?"),
        (["--top", "0"], "top must be at least 1, but found 0"),
    ],
)
def test_errors_are_one_sentence(capsys, arguments, message):
    with pytest.raises(SystemExit) as caught:
        main([TABLE, *arguments])
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
