import csv
import json

import pytest
from scipy.stats import kendalltau

from hat.arch.hat_yaml import arch_to_mapping
from hat.commands.rank import main
from tests.conftest import MADE_DATA


@pytest.fixture
def table(tmp_path, tiny_space, rng):
    """Ten architectures of two tasks; their BLEU follows decoder depth, then chance."""
    path = tmp_path / "archs.csv"
    lines = ["task,arch,scratch_test_BLEU,valid_loss"]
    archs = [tiny_space.sample(rng) for _ in range(10)]
    for index, arch in enumerate(archs):
        text = json.dumps(arch_to_mapping(arch)).replace('"', '""')
        bleu = 20 + 2 * arch.decoder.num_layers + rng.random()
        lines.append(f'{"ab"[index % 2]},"{text}",{bleu:.3f},{40 - bleu:.3f}')
    path.write_text("\n".join(lines) + "\n")
    return path


def last_json(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_rows_per_task_and_scorer(table, capsys):
    main([str(table), "--scorer", "decoder-depth", "--scorer", "valid_loss", "--json"])
    rows = last_json(capsys)["rows"]
    assert [(row["task"], row["scorer"], row["n"]) for row in rows] == [
        ("a", "decoder-depth", 5),
        ("a", "valid_loss", 5),
        ("b", "decoder-depth", 5),
        ("b", "valid_loss", 5),
    ]
    assert rows[0]["kendall"] > 0.5
    assert rows[1]["kendall"] == rows[1]["spearman"] == pytest.approx(1.0)


def test_scorers_without_training_by_default(table, capsys):
    main([str(table), "--qkv-dim", "64"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:3] == ["task", "scorer", "n"]
    assert len(lines) == 2 + 2 * 6


def test_epsinas_scores_the_network_that_was_trained(table, capsys):
    pre_norm = ["--encoder-normalize-before", "--decoder-normalize-before"]
    signatures = []
    for options in ([], pre_norm):
        main([str(table), "--scorer", "epsinas", "--qkv-dim", "16", "--json", *options])
        result = last_json(capsys)
        signatures.append(result["signature"])
    assert signatures[0] != signatures[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scorer", "parms"], "error: unknown scorer 'parms'; did you mean 'params'?"),
        (["--scorer", "zzz"], "unknown scorer 'zzz'; there are params, flops"),
        (["--target", "valid_los"], "'valid_los' (--target); did you mean 'valid_loss'?"),
        (["--arch-column", "net"], "has no column 'net'"),
        (["--qkv-dim", "7"], "qkv_dim (7) must be divisible by encoder_heads (4)"),
    ],
)
def test_errors_are_one_sentence(table, capsys, arguments, message):
    with pytest.raises(SystemExit) as caught:
        main([str(table), *arguments])
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_cells_are_ranked_by_what_knows_cells(tmp_path, capsys):
    path = tmp_path / "nb201.csv"
    cell = "|{0}~0|+|{0}~0|none~1|+|none~0|none~1|none~2|"
    rows = [
        f"{cell.format(op)},{i},{i}"
        for i, op in enumerate(["none", "skip_connect", "nor_conv_1x1"])
    ]
    path.write_text("arch,scratch_test_BLEU,other\n" + "\n".join(rows) + "\n")
    main([str(path), "--scorer", "other", "--json"])
    assert last_json(capsys)["rows"][0] == {
        "task": "nb201",
        "scorer": "other",
        "n": 3,
        "kendall": 1.0,
        "spearman": 1.0,
    }
    main([str(path), "--json"])
    scorers = {row["scorer"]: row for row in last_json(capsys)["rows"]}
    assert list(scorers) == ["params", "flops", "epsinas", "epsinas_lent_skips"]
    with pytest.raises(SystemExit):
        main([str(path), "--scorer", "decoder_depth"])
    assert "there are params, flops, epsinas, epsinas_lent_skips" in capsys.readouterr().err


def test_a_published_table(data, capsys):
    path = data / "llmas" / "seed_arch_bleu.wmt14ende.csv"
    scorers = ("HAT_test_BLEU", "params", "decoder_depth_then_params")
    main([str(path), *(word for name in scorers for word in ("--scorer", name)), "--json"])
    rows = last_json(capsys)["rows"]
    found = {row["scorer"]: row["kendall"] for row in rows}
    table = list(csv.DictReader(path.open()))
    truth = [float(row["scratch_test_BLEU"]) for row in table]
    columns = {
        "HAT_test_BLEU": "HAT_test_BLEU",
        "params": "scratch_num_parameters_without_embedding_weights",
    }
    for scorer, column in columns.items():
        expected = kendalltau([float(row[column]) for row in table], truth).statistic
        assert found[scorer] == pytest.approx(expected, abs=1e-3), scorer
    assert {row["n"] for row in rows} == {len(table)}
    if data != MADE_DATA:
        assert {name: round(value, 2) for name, value in found.items()} == {
            "HAT_test_BLEU": 0.72,
            "params": 0.65,
            "decoder_depth_then_params": 0.78,
        }
