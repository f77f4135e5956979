"""Equal signatures mean comparable numbers: files count in them by content and not by name."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hat.arch.hat_yaml import arch_to_mapping, write_arch
from hat.arch.space import SearchSpace
from hat.commands import (
    average_checkpoints,
    latency_predictor,
    nasbench,
    nasbench_search,
    prepare,
    rank,
)
from hat.commands import latency as latency_tools
from hat.commands.epsinas import main as epsinas
from hat.conditions import file_digest
from hat.latency.samples import write_samples
from hat.text.lines import write_lines
from tests.commands.conftest import last_line
from tests.commands.test_average_checkpoints import save
from tests.latency.conftest import simulated

pytestmark = pytest.mark.stage

Command = Callable[[Path, Path], str]
"""Runs a command on a file (or folder); the second path is for what it writes."""


def last_signature(capsys: pytest.CaptureFixture[str]) -> str:
    return str(last_line(capsys.readouterr().out)["signature"])


@pytest.fixture
def table(tmp_path: Path, tiny_space: SearchSpace, rng: np.random.Generator) -> Path:
    lines = ["task,arch,BLEU"]
    for index, arch in enumerate(dict.fromkeys(tiny_space.sample(rng) for _ in range(12))):
        text = json.dumps(arch_to_mapping(arch)).replace('"', '""')
        lines.append(f'a,"{text}",{20 + index}.5')
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


TABLES = {
    "rank": (rank.main, "{file} --scorer params --target BLEU --json"),
    "query": (nasbench.main, "query csv:{file}"),
    "value": (nasbench.main, "query csv:{file} 0003"),
    "search": (
        nasbench_search.main,
        "csv:{file} --out-dir {out} --algorithm random --seeds 1 --budget 5 --cost-per-model 1 "
        "--search-metric BLEU",
    ),
    "epsinas": (epsinas, "subtransformers --data {file} --target BLEU --seeds 1"),
}


@pytest.mark.parametrize("command", TABLES)
def test_tables(
    command: str, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main, words = TABLES[command]

    def signature(path: Path) -> str:
        main(words.format(file=path, out=tmp_path / "out").split())
        return last_signature(capsys)

    first = signature(table)
    assert f"|data:{file_digest(table)}|" in first
    path = Path(shutil.move(table, tmp_path / "moved.csv"))
    assert signature(path) == first
    path.write_text(path.read_text().replace("20.5", "99.5"))
    assert signature(path) != first


def test_latency(
    predictor_pt: Path,
    search_space: SearchSpace,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rng = np.random.default_rng(0)
    arch, other = search_space.sample(rng), search_space.smallest()

    def predicted(name: str, chosen: object, predictor: Path) -> str:
        write_arch(tmp_path / name, chosen)  # type: ignore[arg-type]
        latency_tools.main(["predict", str(tmp_path / name), "--ckpt-path", str(predictor)])
        return last_signature(capsys)

    first = predicted("a.yml", arch, predictor_pt)
    copy = tmp_path / "copy.pt"
    shutil.copyfile(predictor_pt, copy)
    assert predicted("b.yml", arch, copy) == first
    assert predicted("a.yml", other, predictor_pt) != first

    csv = tmp_path / "a.csv"
    write_samples(csv, simulated(search_space, 40))

    def fitted(path: Path, *flags: str) -> str:
        words = ["--lat-dataset-path", str(path), "--ckpt-path", str(tmp_path / "p.pt"), *flags]
        latency_predictor.main([*words, "--predictor", "additive"])
        return last_signature(capsys)

    first = fitted(csv)
    assert f"|data:{file_digest(csv)}|" in first
    shutil.copyfile(csv, tmp_path / "b.csv")
    assert fitted(tmp_path / "b.csv") == first
    assert fitted(csv, "--keep-shifted") != first
    # The file that is written counts as well: it says what the predictor was made from.
    assert file_digest(tmp_path / "p.pt") != file_digest(predictor_pt)


def test_corpora(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def signature(folder: str, word: str) -> str:
        for split in ("train", "valid", "test"):
            write_lines(tmp_path / folder / "tok" / f"{split}.de", [f"ein {word} , ein Boot"] * 2)
            write_lines(tmp_path / folder / "tok" / f"{split}.en", ["a house , a houseboat"] * 2)
        words = ["bpe", "--source-lang", "de", "--target-lang", "en", "--merges", "8"]
        prepare.main([*words, "--text-dir", str(tmp_path / folder)])
        return last_signature(capsys)

    assert signature("a", "Haus") == signature("b", "Haus") != signature("c", "Hut")


def test_checkpoints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def signature(folder: str, *seeds: int) -> str:
        (tmp_path / folder).mkdir()
        for place, seed in enumerate(seeds):
            save(tmp_path / folder / f"checkpoint{place}.pt", seed)
        words = ["--inputs", str(tmp_path / folder), "--num-epoch-checkpoints", "2"]
        average_checkpoints.main([*words, "--output", str(tmp_path / "mean.pt")])
        return last_signature(capsys)

    assert signature("a", 1, 2) == signature("b", 1, 2) != signature("c", 1, 3)


def test_translations(
    supernet: Path,
    space_yml: Path,
    corpus: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from hat.commands import generate

    def signature(checkpoint: Path, data: Path, subset: str = "test") -> str:
        words = [f"--configs={space_yml}", "--data", data, "--path", checkpoint, "--cpu"]
        generate.main([*map(str, words), "--gen-subset", subset, "--quiet", "--beam", "1"])
        return last_signature(capsys)

    first = signature(supernet, corpus)
    assert f"|checkpoint:{file_digest(supernet)}|" in first and ".pt" not in first
    moved, data = tmp_path / "other.pt", tmp_path / "data"
    shutil.copyfile(supernet, moved)
    shutil.copytree(corpus, data)
    assert signature(moved, data) == first
    for path in data.glob("valid.*"):
        shutil.copyfile(path, path.with_name(path.name.replace("valid.", "test.")))
    assert signature(moved, data) != first
