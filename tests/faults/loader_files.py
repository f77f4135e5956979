"""Good files that are made for loaders, and calls of those that need more than a path."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import load_space
from hat.benchmarks.base import TableSettings
from hat.benchmarks.reference_scores import Architectures
from hat.ground_truth.table import TruthFile
from hat.latency.samples import write_samples
from hat.latency.sidecar import Sidecar
from hat.latency.workload import Workload
from hat.measuring.resuming import beginning
from hat.measuring.settings import DatasetSettings
from hat.models.super_transformer import SuperTransformer
from hat.report.kept_scores import kept_scores
from hat.tasks.pieces import learn_pieces
from hat.translation.shortlist import Shortlist, read_shortlist
from hat.versioned import write_versioned
from tests.conftest import MADE_DATA
from tests.faults.loader import text
from tests.models.conftest import KINDS, randomise, tiny_config
from tests.search.test_evolution_and_loop import make_search
from tests.tiny_yaml import CHOICES, NETWORK, SUB

SUB_YML = text("sub.yml", SUB)
SPACE_YML = text("space.yml", NETWORK + CHOICES)
CSV = text(
    "t.csv", "arch,bleu\n|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|,1.5\n"
)
SCORES = text("scores.csv", "arch,score\na,1.5\nb,2.5\n")
LOG = "S-{0}\ta b\nT-{0}\tc d\nH-{0}\t-0.5\tc d\nD-{0}\t-0.5\tc d\nP-{0}\t-0.1 -0.2\n"


def table(kind: Any, settings: Any = TableSettings) -> Callable[[Path], Any]:
    return lambda path: kind.build(settings(path=path))


def archs() -> Architectures:
    numbers = np.array([10.0, 20.0])
    return Architectures(
        ids=[["1"], ["2"]], num_params=numbers, least_loss=numbers, greatest_loss=numbers
    )


def cifar(folder: Path) -> Path:
    (folder / "data_batch_1.bin").write_bytes(bytes(3073 * 4))
    return folder / "data_batch_1.bin"


def sidecar(folder: Path) -> Path:
    facts = {"workload": Workload().to_dict(), "device": {"name": "x"}, "reference": {"a": 1}}
    sidecar = Sidecar.create(folder / "x.csv", facts)
    sidecar.append(event="reference", rows=[0, 1], baseline_ms=2.0, noise=0.1)
    return sidecar.path


def dataset(folder: Path) -> Path:
    told = sidecar(folder)
    # No events of rows that are not there.
    told.write_text(told.read_text().partition("\n")[0] + "\n")
    write_samples(folder / "x.csv", [])
    return folder / "x.csv"


def go_on(path: Path) -> Any:
    facts = read_facts(path)
    settings = DatasetSettings(lat_dataset_path=str(path), lat_dataset_size=1, resume=True)
    return beginning(settings, facts).opened(facts, say=lambda line: None)


def read_facts(path: Path) -> dict[str, Any]:
    return {"workload": Workload().to_dict(), "device": {"name": "x"}, "reference": {"a": 1}}


def search(folder: Path, name: str) -> Path:
    make_search(folder).run(3)
    return folder / name


def truth(folder: Path) -> Path:
    from tests.ground_truth.test_table import CONDITIONS, training

    path = folder / "truth.csv"
    TruthFile(path, CONDITIONS).add(arch(), 1, training(), machine="here")
    return path


WORDS = tuple(tuple(f"{side}{number}" for number in range(9)) for side in "st")


def shortlist(folder: Path) -> Path:
    path = folder / "vmap.txt"
    Shortlist([5], [np.array([number]) for number in range(9)]).write(path, (WORDS[0], WORDS[1]))
    return path


def open_shortlist(path: Path) -> Any:
    return read_shortlist(path, (WORDS[0], WORDS[1]))


def arch() -> SubTransformerConfig:
    from tests.ground_truth.conftest import SPACE

    return load_space(SPACE).largest()


def open_truth(path: Path) -> Any:
    from tests.ground_truth.test_table import CONDITIONS

    return TruthFile(path.with_suffix(".csv"), CONDITIONS)


def kept(folder: Path) -> Path:
    with kept_scores(folder / "scores.csv", {"seed": 1}) as kept:
        kept["a"] = 1.5
        kept["b"] = float("nan")
    return folder / "scores.csv.partial"


def open_kept(path: Path) -> None:
    content = path.read_bytes() if path.is_file() and path.stat().st_size < 1 << 27 else None
    try:
        with kept_scores(path.with_suffix(""), {"seed": 1}):
            pass
    finally:
        if content is not None:
            path.write_bytes(content)


def saved(kind: str, name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        import hat

        model = randomise(SuperTransformer(tiny_config(**KINDS["unshared"])))
        hat.save(model, folder / "m", weights=kind)
        return folder / "m" / name

    return write


def load_saved(path: Path) -> Any:
    import hat

    return hat.load(path.parent)


def engine(engine: str, name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        from hat.engines import ENGINES

        part: Any = ENGINES.load(engine)
        model = randomise(SuperTransformer(tiny_config(**KINDS["unshared"])))
        from hat.models.extract import extract

        decoder = model.arch.decoder
        spans = (1,) * decoder.num_layers  # which every engine can represent
        arch = replace(model.arch, decoder=replace(decoder, ende_spans=spans))
        (folder / engine).mkdir()
        part.build(part.Settings()).write(extract(model, arch), folder / engine)
        return folder / engine / name

    return write


def open_engine(engine: str) -> Callable[[Path], Any]:
    def load(path: Path) -> Any:
        from hat.engines import ENGINES

        part: Any = ENGINES.load(engine)
        return part.build(part.Settings()).open(path.parent)

    return load


def binary(end: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        from tests.export.test_engine_formats import write_sentences

        write_sentences(folder / "valid.en-fr.en", [[4, 5, 2], [6, 2], [7, 8, 9, 2]])
        return folder / f"valid.en-fr.en.{end}"

    return write


def pieces(folder: Path) -> Path:
    lines = [f"the {word} is on the {other}" for word in "abcdefg" for other in "hijklmn"]
    learn_pieces(lines, folder / "pieces.model", size=30)
    return folder / "pieces.model"


def splits(folder: Path) -> Path:
    np.savez(folder / "splits.npz", all=np.arange(3), some=np.array([1, 2]))
    return folder / "splits.npz"


def figures(folder: Path) -> Path:
    figures = {"mape_percent": 1.0}
    row = {"digest": "a", "hat": "0.0.0", "method": "x", "everything": figures}
    (folder / "figures.jsonl").write_text(json.dumps(row) + "\n")
    return folder / "figures.jsonl"


def step(folder: Path) -> Path:
    state = {"seconds": 1.0, "command": ["hat"], "result": {}}
    (folder / "search.json").write_text(json.dumps(state))
    return folder / "search.json"


def versioned(folder: Path) -> Path:
    write_versioned(folder / "x.json", "hat.test", 1, {"a": 1})
    return folder / "x.json"


def nats(folder: Path) -> Path:
    name = "NATS-tss-v1_0-made-simple"
    shutil.copytree(MADE_DATA / "nasbench201" / name, folder / name)
    return folder / name / "000000.pickle.pbz2"


def pth(folder: Path) -> Path:
    import torch

    from tests.data.make import nasbench201_files

    torch.save(nasbench201_files.api_file()[0], folder / "NAS-Bench-201-v1_1.pth")
    return folder / "NAS-Bench-201-v1_1.pth"


def unpacked_log(folder: Path) -> Path:
    import zipfile

    with zipfile.ZipFile(MADE_DATA / "nasbench_nlp/logs_wikitext2.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith(".json"))
        (folder / "log.json").write_bytes(archive.read(name))
    return folder / "log.json"
