import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kendalltau

from hat.arch.cell import random_cell
from hat.arch.hat_yaml import arch_to_mapping
from hat.arch.nb201_cell import sample_nb201
from hat.errors import ConfigError, HatError
from hat.scoring.rank_stats import centred_ranks
from hat.studies.epsinas.common import ModelSettings
from hat.studies.rank import RankSettings, rank
from hat.studies.rank_scorers import NB101_MIXTURE, NB201_MIXTURE, scorers_for
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


def test_rows_per_task_and_scorer(table):
    found = rank(table, RankSettings(scorer=("decoder-depth", "valid_loss")))
    rows = found.to_json()["rows"]
    assert [(row["task"], row["scorer"], row["n"]) for row in rows] == [
        ("a", "decoder-depth", 5),
        ("a", "valid_loss", 5),
        ("b", "decoder-depth", 5),
        ("b", "valid_loss", 5),
    ]
    assert rows[0]["kendall"] > 0.5
    assert rows[1]["kendall"] == rows[1]["spearman"] == pytest.approx(1.0)


def test_scorers_without_training_by_default(table):
    found = rank(table, RankSettings(model=ModelSettings(qkv_dim=64)))
    assert len(found.rows) == 2 * 6


def test_signatures_hold_the_network_and_the_table(table):
    def signature(**values):
        return rank(table, RankSettings(scorer=("epsinas",), **values)).signature

    plain = ModelSettings(qkv_dim=16)
    pre_norm = replace(plain, encoder_normalize_before=True, decoder_normalize_before=True)
    before = signature(model=plain)
    others = [{"model": pre_norm}, {"model": plain, "src_len": 5}, {"model": plain, "top": 3}]
    assert len({before, *(signature(**values) for values in others)}) == 4
    table.write_text(table.read_text().replace(".", ".1"))
    assert signature(model=plain) != before


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"scorer": ("parms",)}, "unknown scorer 'parms'; did you mean 'params'?"),
        ({"scorer": ("zzz",)}, "unknown scorer 'zzz'; there are params, flops"),
        ({"target": "valid_los"}, r"'valid_los' \(--target\); did you mean 'valid_loss'?"),
        ({"arch_column": "net"}, "has no column 'net'"),
        ({"model": ModelSettings(qkv_dim=7)}, r"qkv_dim \(7\) must be divisible by"),
    ],
)
def test_errors(table, values, message):
    with pytest.raises(HatError, match=message):
        rank(table, RankSettings(**values))


def test_cells_are_ranked_by_what_knows_cells(tmp_path):
    path = tmp_path / "nb201.csv"
    cell = "|{0}~0|+|{0}~0|none~1|+|none~0|none~1|none~2|"
    rows = [
        f"{cell.format(op)},{i},{i}"
        for i, op in enumerate(["none", "skip_connect", "nor_conv_1x1"])
    ]
    path.write_text("arch,scratch_test_BLEU,other\n" + "\n".join(rows) + "\n")
    assert rank(path, RankSettings(scorer=("other",))).to_json()["rows"][0] == {
        "task": "nb201",
        "scorer": "other",
        "n": 3,
        "kendall": 1.0,
        "spearman": 1.0,
    }
    scorers = [row.scorer for row in rank(path, RankSettings()).rows]
    assert scorers == ["params", "flops", "epsinas", "epsinas_lent_skips", "epsinas_and_params"]
    with pytest.raises(ConfigError, match="there are params, flops, epsinas, epsinas_lent_skips"):
        rank(path, RankSettings(scorer=("decoder_depth",)))


def test_a_mixture_ranks_cells_by_both_of_its_parts(rng):
    for make, part in ((random_cell, "epsinas_all_cells"), (sample_nb201, "epsinas_lent_skips")):
        cells = [make(rng) for _ in range(12)]
        known = scorers_for(cells, "cells", ModelSettings())
        columns = [known[name].score(cells) for name in (part, "params")]
        weights = NB101_MIXTURE if make is random_cell else NB201_MIXTURE
        expected = np.asarray(weights) @ centred_ranks(columns)
        assert known["epsinas_and_params"].score(cells) == pytest.approx(expected)
        assert min(weights) > 0
        assert sum(weights) == pytest.approx(1.0)


def test_a_published_table(data):
    path = data / "llmas" / "seed_arch_bleu.wmt14ende.csv"
    scorers = ("HAT_test_BLEU", "params", "decoder_depth_then_params")
    rows = rank(path, RankSettings(scorer=scorers)).to_json()["rows"]
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
