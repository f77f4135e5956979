"""``bench/engine_searches.py`` on engines whose latency is a formula; no clock is read."""

import argparse
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hat.arch.config import SubTransformerConfig

ROOT = Path(__file__).parents[2]
SPACE = ROOT / "configs/numbers.en-fr/supertransformer/space0.yml"


def prices(arch: SubTransformerConfig) -> dict[str, float]:
    """Milliseconds: the second engine takes twice as long, the third pays for width alone."""
    encoder, decoder = arch.encoder, arch.decoder
    depth = 1.0 + 2.0 * decoder.num_layers + 0.01 * sum(decoder.ffn_dims)
    width = 0.002 * encoder.embed_dim + 0.02 * sum(encoder.ffn_dims) + 0.001 * decoder.embed_dim
    found = {"eager fp32": depth, "torch fp32": 2 * depth}
    if max(decoder.ende_spans) == 1:
        found["ctranslate2 fp32"] = width
    return found


def timed(
    arch: SubTransformerConfig, fixed: float, rounds: int
) -> dict[str, tuple[list[float], list[float]]]:
    """A machine that is at another speed for every architecture."""
    speed = 1 + 0.5 * (zlib.crc32(str(arch).encode()) % 97) / 97
    every = {**prices(arch), "reference": fixed}
    return {
        name: ([0.25 * speed * ms] * rounds, [0.75 * speed * ms] * rounds)
        for name, ms in every.items()
    }


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    import engine_searches
    import engines

    monkeypatch.setattr(engines, "SPACES", {"numbers": (SPACE, 64, 10)})
    monkeypatch.setattr(engines, "loaded", lambda small, length, beam: small.arch)
    monkeypatch.setattr(engines, "timed", timed)
    monkeypatch.setattr(engines, "reference", lambda *_: 100.0)
    rows = tmp_path / "rows.csv"
    of_rows = {"count": 20, "restricted": 14, "rounds": 3, "beam": 5, "seed": 1}
    engines.measure(argparse.Namespace(rows=rows, spaces=["numbers"], **of_rows))

    def run(*flags: str) -> str:
        report = tmp_path / "report.md"
        small = ("--budgets=3", "--seeds=2", "--search-rounds=4", "--population=30")
        words = ["engine_searches.py", str(rows), "--report", str(report), *small, *flags]
        monkeypatch.setattr(sys, "argv", words)
        engine_searches.main()
        return report.read_text()

    yield run
    for name in ("engine_searches", "engine_searches_ground", "engine_searches_report", "engines"):
        sys.modules.pop(name)


def table(text: str, case: str, before: str) -> dict[str, dict[str, str]]:
    """The cells of a case's table that follows a line, by row and column."""
    (part,) = (each for each in text.split("\n### ") if case in each.split("\n")[0])
    lines = part.partition(f"\n{before}")[2].split("\n\n")[1].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    heads = [head.partition(" (")[0] for head in cells[0]]
    return {row[0]: dict(zip(heads[1:], row[1:], strict=True)) for row in cells[2:]}


def test_what_the_wrong_engine_costs(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = bench("--shares", "0.5")
    times = table(text, "50% of the largest", "Milliseconds measured in")
    costs = table(text, "50% of the largest", "Cost when run in")
    assert set(costs) == {
        *("eager fp32", "torch fp32", "ctranslate2 fp32"),
        *("eager fp32, spans of one", "torch fp32, spans of one"),
    }
    # Who knows the factor between two engines that differ by one loses nothing.
    assert costs["eager fp32"]["eager fp32"] == costs["torch fp32"]["torch fp32"] == "fits"
    assert costs["eager fp32"]["torch fp32"] == costs["torch fp32"]["eager fp32"] == "+0.0%"
    fast, slow = (
        float(times["eager fp32"][name].split()[0]) for name in ("eager fp32", "torch fp32")
    )
    assert slow == pytest.approx(2 * fast, rel=1e-3)
    # Where other things are dear, it is of no use.
    wrong = costs["ctranslate2 fp32"]["torch fp32"]
    assert wrong.startswith("**+") and wrong.endswith("% ms**")
    engines = sys.modules["engines"]
    speed = engines.reference_ms(engines.read(tmp_path / "rows.csv"), "numbers") / 100.0
    limit = 0.5 * speed * prices(largest())["torch fp32"]
    measured = float(times["ctranslate2 fp32"]["torch fp32"].split()[0])
    assert float(wrong.strip("*+% ms")) == pytest.approx(100 * (measured / limit - 1), abs=0.2)

    # Who takes one engine's milliseconds for the other's misses the limit or gives a lot away.
    cases = [line.partition("limit ")[2] for line in text.splitlines() if line.startswith("### ")]
    found = [table(text, case, "Cost when run in") for case in cases if case.endswith(" ms")]
    (same,) = (each for each in found if {"eager fp32", "torch fp32"} <= each.keys())
    assert float(same["eager fp32"]["torch fp32"].strip("*+% ms")) > 20
    assert float(same["torch fp32"]["eager fp32"].strip("%")) < -10

    def none(*_: Any, **__: Any) -> None:
        raise AssertionError("everything is there already")

    monkeypatch.setattr("engine_searches_ground.Ground.search", none)
    monkeypatch.setattr("engines.timed", none)
    assert bench("--shares", "0.5") == text
    with pytest.raises(SystemExit, match="population was 30, is now 40; choose another --folder"):
        bench("--population=40")


def largest() -> SubTransformerConfig:
    from hat.arch.hat_yaml import load_space

    return load_space(SPACE).largest()
