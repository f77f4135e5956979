import pytest

from hat.commands.rank import main
from hat.conditions import file_digest
from tests.commands.conftest import last_line
from tests.conftest import MADE_DATA

TABLE = MADE_DATA / "llmas" / "seed_arch_bleu.wmt14ende.csv"


def test_a_table_and_with_json_a_last_line(capsys):
    main([str(TABLE), "--scorer", "HAT_test_BLEU", "--scorer", "params"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("agreement with scratch_test_BLEU, 1 is the same order")
    assert lines[1].split()[:3] == ["task", "scorer", "n"]
    assert len(lines) == 2 + 2
    main([str(TABLE), "--scorer", "scratch_test_BLEU", "--json"])
    result = last_line(capsys.readouterr().out)
    assert [row["kendall"] for row in result["rows"]] == [pytest.approx(1.0)]
    assert f"benchmark:csv|data:{file_digest(TABLE)}|" in result["signature"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scorer", "parms"], "error: unknown scorer 'parms'; did you mean 'params'?"),
        (
            ["--target", "HAT_test_BLUE"],
            "'HAT_test_BLUE' (--target); did you mean 'HAT_test_BLEU'?",
        ),
        (["--top", "0"], "top must be at least 1, but found 0"),
    ],
)
def test_errors_are_one_sentence(capsys, arguments, message):
    with pytest.raises(SystemExit) as caught:
        main([str(TABLE), *arguments])
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
