from collections.abc import Callable
from pathlib import Path

import pytest

from hat.errors import DataError
from hat.latency.samples import (
    COLUMNS,
    FEATURE_COLUMNS,
    LATENCY_COLUMNS,
    LatencySample,
    read_samples,
    write_samples,
)
from tests.conftest import MADE_DATA

HAT_HEADER = ",".join((*FEATURE_COLUMNS, *LATENCY_COLUMNS))
HAT_ROW = "640,6,1962.6666666666667,6.0,512,4,1920.0,2.5,5.5,1.5,5.49,124.5,0.05,0.44"


def test_round_trip(tmp_path: Path, simulate: Callable[..., list[LatencySample]]) -> None:
    samples = simulate(20)
    write_samples(tmp_path / "x.csv", samples)
    assert read_samples(tmp_path / "x.csv") == samples


def test_hats_columns_stay_first(
    tmp_path: Path, simulate: Callable[..., list[LatencySample]]
) -> None:
    write_samples(tmp_path / "x.csv", simulate(1))
    header = (tmp_path / "x.csv").read_text().splitlines()[0]
    assert header.startswith(HAT_HEADER + ",")
    assert header.split(",") == list(COLUMNS)


def test_hats_files_load(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(f"{HAT_HEADER}\n{HAT_ROW}\n")
    (sample,) = read_samples(tmp_path / "x.csv")
    assert sample.arch is None
    assert sample.features["decoder_layer_num"] == 4
    assert sample.total_ms == pytest.approx(129.99)
    assert sample.trusted


def test_hats_published_files_load(data: Path) -> None:
    files = sorted((data / "hat" / "latency").glob("*.csv"))
    assert files
    rows = 160 if data == MADE_DATA else 2000
    assert all(len(read_samples(file)) == rows for file in files)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; expected a first line that names the columns"),
        ("  \n", "is empty"),
        (HAT_HEADER + "\n", "the table holds no measurements"),
        (
            HAT_HEADER.replace(",latency_mean_decoder", "") + "\n" + HAT_ROW,
            "x.csv:1: has no column 'latency_mean_decoder'",
        ),
        (
            f"{HAT_HEADER}\n{HAT_ROW.replace('124.5', 'fast')}",
            "x.csv:2: latency_mean_decoder must be a finite number, but found 'fast'",
        ),
        (
            f"{HAT_HEADER}\n{HAT_ROW}\n{HAT_ROW.replace('124.5', 'nan')}",
            "x.csv:3: latency_mean_decoder must be a finite number, but found 'nan'",
        ),
        (f"{HAT_HEADER}\n{HAT_ROW.replace('124.5', '0')}", "latency_mean_decoder must be positive"),
        (f"{HAT_HEADER}\n{HAT_ROW.replace('640', '-640')}", "encoder_embed_dim must be positive"),
        (
            f"{HAT_HEADER}\n640,6,1962\n",
            "x.csv:2: expected 14 fields as in the first line, but found 3",
        ),
    ],
)
def test_broken_files_get_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_samples(tmp_path / "x.csv")


def test_missing_and_binary_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_samples(tmp_path / "x.csv")
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="is not UTF-8 text but UTF-16"):
        read_samples(tmp_path / "x.csv")


def test_layers_must_agree_with_the_averages(
    tmp_path: Path, simulate: Callable[..., list[LatencySample]]
) -> None:
    path = tmp_path / "x.csv"
    write_samples(path, simulate(1))
    header, row = path.read_text().splitlines()
    values = dict(zip(header.split(","), row.split(","), strict=True))
    values["encoder_ffn_embed_dim_avg"] = "7"
    path.write_text(f"{header}\n{','.join(values.values())}\n")
    with pytest.raises(DataError, match="encoder_ffn_embed_dim_avg is 7, but the row's layers"):
        read_samples(path)
    values["encoder_ffn_embed_dim"] = "many"
    path.write_text(f"{header}\n{','.join(values.values())}\n")
    with pytest.raises(DataError, match="must hold integers joined by spaces, but found 'many'"):
        read_samples(path)
