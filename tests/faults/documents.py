"""A folder of good documents of every text format, and ways to spoil one."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hat.latency.samples import read_samples, write_samples
from hat.latency.sidecar import Sidecar
from hat.latency.workload import Workload
from tests.conftest import MADE_DATA
from tests.faults.fault import Spoil
from tests.page.made_run import make_run
from tests.search.test_evolution_and_loop import make_search
from tests.tiny_yaml import SUB

CELL = "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"
OTHER = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
LOG = "S-{0}\ta b\nT-{0}\tc d e f g\nH-{0}\t-0.5\tc d e f g\n"


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``sub.yml``, ``pipeline.yml``, ``latency.csv`` with its sidecar, ``table.csv``, NAS
    benchmarks in every form, ``log.txt``, ``text.en`` and ``text.fr``, and a run's folder ``run``.
    """
    folder = tmp_path_factory.mktemp("documents")
    (folder / "sub.yml").write_text(SUB)
    (folder / "pipeline.yml").write_text(
        "task: numbers.en-fr\nrun-dir: r\nhardware: cpu\nsupertransformer: space.yml\n"
    )
    samples = read_samples(MADE_DATA / "hat/latency/made_cpu_quiet_all.csv")
    write_samples(folder / "latency.csv", samples[:40])
    sidecar = Sidecar.create(folder / "latency.csv", {"workload": Workload().to_dict()})
    sidecar.append(event="reference", rows=[0], baseline_ms=2.0, noise=0.1)
    (folder / "table.csv").write_text(f"arch,task,score\n{CELL},a,1.5\n{OTHER},a,2.5\n")
    for name in ("sample_1k.jsonl.gz", "format_sample.h5", "format_sample.tfrecord"):
        shutil.copy(MADE_DATA / "nasbench101" / name, folder)
    shutil.copy(MADE_DATA / "nasbench201" / "nasbench201.csv.gz", folder)
    shutil.copy(MADE_DATA / "nasbench_nlp" / "recepie_loss_pairs.json", folder)
    shutil.copy(MADE_DATA / "nasbench_nlp" / "logs_wikitext2.zip", folder)
    shutil.copy(MADE_DATA / "hat/predictors/made_cpu_quiet.pt", folder / "hats.pt")
    (folder / "log.txt").write_text("".join(LOG.format(number) for number in range(3)))
    (folder / "text.en").write_text("a b c d e\n" * 3)
    (folder / "text.fr").write_text("a b c d e\n" * 3)
    (folder / "run").mkdir()
    make_run(folder / "run")
    (folder / "search").mkdir()
    make_search(folder / "search").run(2)
    return folder


def put(name: str, content: str | bytes) -> Spoil:
    """Replaces a document."""
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    return lambda world: (world / name).write_bytes(data)


def change(name: str, old: str | bytes, new: str | bytes, count: int = 1) -> Spoil:
    """Replaces some of a document, unpacked where its name says that it is packed."""
    before, after = (text.encode() if isinstance(text, str) else text for text in (old, new))

    def spoil(world: Path) -> None:
        path = world / name
        is_packed = name.endswith(".gz")
        content = gzip.decompress(path.read_bytes()) if is_packed else path.read_bytes()
        assert before in content, f"{name} does not hold {before!r}"
        content = content.replace(before, after, count)
        path.write_bytes(gzip.compress(content, mtime=0) if is_packed else content)

    return spoil


def remake(name: str, make: Callable[[bytes], bytes]) -> Spoil:
    """Makes another content of a document's."""

    def spoil(world: Path) -> None:
        (world / name).write_bytes(make((world / name).read_bytes()))

    return spoil


def flipped(place: float) -> Callable[[bytes], bytes]:
    """Flips all bits of the byte that stands at a share of the whole."""

    def flip(content: bytes) -> bytes:
        at = int(place * len(content))
        return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]

    return flip


def field(name: str, column: int, text: str, row: int = 1) -> Spoil:
    """Changes one field of a table without quotes."""

    def spoil(world: Path) -> None:
        lines = (world / name).read_text().split("\n")
        fields = lines[row].split(",")
        fields[column] = text
        lines[row] = ",".join(fields)
        (world / name).write_text("\n".join(lines))

    return spoil
