"""Every loader of the package: which functions it stands for, a good file, and how it is called."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import load_arch, load_space
from hat.benchmarks.base import TableSettings
from hat.benchmarks.csv_table import CsvSettings, CsvTable
from hat.benchmarks.images import read_cifar10
from hat.benchmarks.nb101 import NasBench101
from hat.benchmarks.nb101_convert import convert
from hat.benchmarks.nb201 import NasBench201
from hat.benchmarks.nb201_convert import convert_nb201
from hat.benchmarks.nb201_files import check_unpacked, is_published_nb201
from hat.benchmarks.nb_nlp import NasBenchNlp, NlpSettings
from hat.benchmarks.nb_nlp_logs import read_training_logs
from hat.benchmarks.reference_scores import Architectures, find_references
from hat.cli.options import read_yaml
from hat.conditions import file_digest
from hat.export.card import read_result
from hat.ground_truth.table import TruthFile
from hat.latency.predictors.load import load_predictor
from hat.latency.samples import read_samples, write_samples
from hat.latency.sidecar import Sidecar, read_sidecar
from hat.latency.workload import Workload
from hat.measuring.resuming import beginning
from hat.measuring.settings import DatasetSettings
from hat.models.checkpoint import load_checkpoint
from hat.models.super_transformer import SuperTransformer
from hat.record.index import read_index
from hat.record.run import read_steps
from hat.record.search import read_search
from hat.report.kept_scores import kept_scores
from hat.scoring.published_splits import _read as read_splits
from hat.studies.epsinas.integrate import _read_scores
from hat.studies.latency_bench import BenchStore
from hat.tasks.binary_data import read_sentences
from hat.tasks.binary_index import count_sentences
from hat.tasks.bpe import BpeEncoder
from hat.tasks.corpus import read_sides
from hat.tasks.pieces import PieceEncoder, learn_pieces
from hat.tasks.translations import ScoreSettings
from hat.tasks.translations import _read as read_translations
from hat.tasks.units import open_units
from hat.text.dictionaries import read_dictionary
from hat.text.generation_log import read_generation_logs
from hat.text.lines import Changes
from hat.versioned import read_versioned, write_versioned
from hat.yaml_reader import read_mapping
from tests.conftest import MADE_DATA
from tests.models.conftest import KINDS, randomise, tiny_config
from tests.page.made_run import make_run
from tests.search.test_evolution_and_loop import make_search
from tests.tiny_yaml import CHOICES, NETWORK, SUB

FREE_TEXT = "any text is one"
"""Says of a loader that it takes lines as they come."""


@dataclass(frozen=True)
class Loader:
    """One way into the package."""

    name: str
    covers: tuple[str, ...]
    """Functions that ``tests.faults.readers`` finds, which it goes through."""

    make: Callable[[Path], Path]
    """Makes a good file in a folder, with what belongs beside it, and returns it."""

    load: Callable[[Path], Any]
    lenient: str = ""
    """Why it may take what is no file of its kind."""

    elsewhere: bool = True
    """Whether the file may be called and lie otherwise: not where a folder says what it is."""


def made(name: str, target: str = "") -> Callable[[Path], Path]:
    """A file of ``tests/data``, under its own name."""

    def copy(folder: Path) -> Path:
        return Path(shutil.copy(MADE_DATA / name, folder / (target or Path(name).name)))

    return copy


def text(name: str, content: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_text(content, encoding="utf-8")
        return folder / name

    return write


def _table(kind: Any, settings: Any = TableSettings) -> Callable[[Path], Any]:
    return lambda path: kind.build(settings(path=path))


def _archs() -> Architectures:
    numbers = np.array([10.0, 20.0])
    return Architectures(
        ids=[["1"], ["2"]], num_params=numbers, least_loss=numbers, greatest_loss=numbers
    )


def _cifar(folder: Path) -> Path:
    (folder / "data_batch_1.bin").write_bytes(bytes(3073 * 4))
    return folder / "data_batch_1.bin"


def _sidecar(folder: Path) -> Path:
    facts = {"workload": Workload().to_dict(), "device": {"name": "x"}, "reference": {"a": 1}}
    sidecar = Sidecar.create(folder / "x.csv", facts)
    sidecar.append(event="reference", rows=[0, 1], baseline_ms=2.0, noise=0.1)
    return sidecar.path


def _dataset(folder: Path) -> Path:
    _sidecar(folder)
    write_samples(folder / "x.csv", [])
    return folder / "x.csv"


def _go_on(path: Path) -> Any:
    facts = read_facts(path)
    settings = DatasetSettings(lat_dataset_path=str(path), lat_dataset_size=1, resume=True)
    return beginning(settings, facts).opened(facts, say=lambda line: None)


def read_facts(path: Path) -> dict[str, Any]:
    return {"workload": Workload().to_dict(), "device": {"name": "x"}, "reference": {"a": 1}}


def _search(folder: Path, name: str) -> Path:
    make_search(folder).run(3)
    return folder / name


def _truth(folder: Path) -> Path:
    from tests.ground_truth.test_table import CONDITIONS, training

    path = folder / "truth.csv"
    TruthFile(path, CONDITIONS).add(_arch(), 1, training(), machine="here")
    return path


def _arch() -> SubTransformerConfig:
    from tests.ground_truth.conftest import SPACE

    return load_space(SPACE).largest()


def _open_truth(path: Path) -> Any:
    from tests.ground_truth.test_table import CONDITIONS

    return TruthFile(path.with_suffix(".csv"), CONDITIONS)


def _kept(folder: Path) -> Path:
    with kept_scores(folder / "scores.csv", {"seed": 1}) as kept:
        kept["a"] = 1.5
        kept["b"] = float("nan")
    return folder / "scores.csv.partial"


def _open_kept(path: Path) -> None:
    content = path.read_bytes() if path.is_file() and path.stat().st_size < 1 << 27 else None
    try:
        with kept_scores(path.with_suffix(""), {"seed": 1}):
            pass
    finally:
        if content is not None:
            path.write_bytes(content)


def _saved(kind: str, name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        import hat

        model = randomise(SuperTransformer(tiny_config(**KINDS["unshared"])))
        hat.save(model, folder / "m", weights=kind)
        return folder / "m" / name

    return write


def _load_saved(path: Path) -> Any:
    import hat

    return hat.load(path.parent)


def _engine(engine: str, name: str) -> Callable[[Path], Path]:
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


def _open_engine(engine: str) -> Callable[[Path], Any]:
    def load(path: Path) -> Any:
        from hat.engines import ENGINES

        part: Any = ENGINES.load(engine)
        return part.build(part.Settings()).open(path.parent)

    return load


def _binary(end: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        from tests.export.test_engine_formats import write_sentences

        write_sentences(folder / "valid.en-fr.en", [[4, 5, 2], [6, 2], [7, 8, 9, 2]])
        return folder / f"valid.en-fr.en.{end}"

    return write


def _pieces(folder: Path) -> Path:
    lines = [f"the {word} is on the {other}" for word in "abcdefg" for other in "hijklmn"]
    learn_pieces(lines, folder / "pieces.model", size=30)
    return folder / "pieces.model"


def _splits(folder: Path) -> Path:
    np.savez(folder / "splits.npz", all=np.arange(3), some=np.array([1, 2]))
    return folder / "splits.npz"


def _figures(folder: Path) -> Path:
    figures = {"mape_percent": 1.0}
    row = {"digest": "a", "hat": "0.0.0", "method": "x", "everything": figures}
    (folder / "figures.jsonl").write_text(json.dumps(row) + "\n")
    return folder / "figures.jsonl"


def _step(folder: Path) -> Path:
    state = {"seconds": 1.0, "command": ["hat"], "result": {}}
    (folder / "search.json").write_text(json.dumps(state))
    return folder / "search.json"


def _versioned(folder: Path) -> Path:
    write_versioned(folder / "x.json", "hat.test", 1, {"a": 1})
    return folder / "x.json"


SUB_YML = text("sub.yml", SUB)
SPACE_YML = text("space.yml", NETWORK + CHOICES)
CSV = text(
    "t.csv", "arch,bleu\n|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|,1.5\n"
)
SCORES = text("scores.csv", "arch,score\na,1.5\nb,2.5\n")
LOG = "S-{0}\ta b\nT-{0}\tc d\nH-{0}\t-0.5\tc d\nD-{0}\t-0.5\tc d\nP-{0}\t-0.1 -0.2\n"

LOADERS = [
    Loader("arch", ("arch.hat_yaml.load_arch",), SUB_YML, load_arch),
    Loader("space", ("arch.hat_yaml.load_space",), SPACE_YML, load_space),
    Loader("options", ("cli.options.read_yaml",), SPACE_YML, read_yaml, lenient="any keys"),
    Loader(
        "yaml",
        ("yaml_reader.read_mapping", "yaml_reader._Composer.__init__", "reading.read_text"),
        SUB_YML,
        read_mapping,
        lenient="any mapping is one",
    ),
    Loader(
        "csv-table",
        ("benchmarks.csv_table.CsvTable.build", "csv_reader.CsvRows.read", "csv_reader._rows"),
        CSV,
        _table(CsvTable, CsvSettings),
    ),
    Loader(
        "nasbench201",
        ("benchmarks.nb201.NasBench201.build", "reading.read_bytes", "reading._Unpacked.__init__"),
        made("nasbench201/nasbench201.csv.gz"),
        _table(NasBench201),
    ),
    Loader(
        "nasbench101-lines",
        ("benchmarks.nb101.NasBench101._of_jsonl", "reading.read_text_lines", "reading.opened"),
        made("nasbench101/sample_1k.jsonl.gz"),
        _table(NasBench101),
    ),
    Loader(
        "nasbench101-hdf5",
        ("benchmarks.nb101.NasBench101._of_hdf5", "reading.check_file"),
        made("nasbench101/format_sample.h5"),
        _table(NasBench101),
    ),
    Loader(
        "nasbench101-records",
        ("formats.tfrecord.read_records",),
        made("nasbench101/format_sample.tfrecord"),
        lambda path: convert(path, path.with_name("out.h5")),
    ),
    Loader(
        "nats-bench",
        ("benchmarks.nb201_files._opened", "benchmarks.nb201_files.is_published_nb201"),
        lambda folder: _nats(folder),
        lambda path: (
            is_published_nb201(path),
            convert_nb201(path.parent, path.parents[1] / "out.csv"),
        ),
        elsewhere=False,
    ),
    Loader(
        "nasbench201-pth",
        (
            "benchmarks.nb201_files._member",
            "benchmarks.nb201_files._begins",
        ),
        lambda folder: _pth(folder),
        lambda path: (check_unpacked(path), convert_nb201(path, path.with_name("out.csv"))),
    ),
    Loader(
        "nasbench-nlp",
        ("benchmarks.nb_nlp.NasBenchNlp.build", "json_reader.read_json", "json_reader.parse_json"),
        made("nasbench_nlp/recepie_loss_pairs.json"),
        _table(NasBenchNlp, NlpSettings),
    ),
    Loader(
        "nlp-logs",
        ("benchmarks.nb_nlp_logs._archive_contents",),
        made("nasbench_nlp/logs_wikitext2.zip"),
        read_training_logs,
    ),
    Loader(
        "nlp-log",
        ("benchmarks.nb_nlp_logs._folder_contents",),
        lambda folder: _unpacked_log(folder),
        lambda path: read_training_logs(path.parent),
        elsewhere=False,
    ),
    Loader(
        "reference-scores",
        (
            "benchmarks.reference_scores.read_reference_scores",
            "benchmarks.reference_scores.find_references",
        ),
        made("nasbench_nlp/epsinas_reference.json"),
        lambda path: find_references(path, _archs()),
    ),
    Loader(
        "notebook-scores",
        ("formats.plain_pickle.read_plain_pickle",),
        made("nasbench_nlp/epsinas_multi_runs.pickle"),
        lambda path: find_references(path, _archs()),
    ),
    Loader(
        "images",
        ("benchmarks.images.read_cifar10",),
        _cifar,
        lambda path: read_cifar10(path, 2, np.random.default_rng(0)),
    ),
    Loader(
        "digest",
        ("conditions.file_digest", "reading.open_file"),
        SUB_YML,
        file_digest,
        lenient="any bytes have a digest, and so have the files of a folder",
    ),
    Loader(
        "result",
        ("export.card._last_json",),
        text("score.json", '{"bleu": 1.5, "signature": "a"}\n'),
        lambda path: read_result(path, "bleu"),
    ),
    Loader(
        "latency-dataset",
        ("latency.samples.read_samples",),
        made("hat/latency/made_cpu_quiet_all.csv"),
        read_samples,
    ),
    Loader(
        "run-index",
        ("record.index.read_index",),
        text(
            "run.json", '{"format": "hat-run-1", "datasets": [], "searches": [], "trainings": []}'
        ),
        lambda path: read_index(path.parent),
        elsewhere=False,
    ),
    Loader(
        "latency-sidecar",
        ("latency.sidecar.read_sidecar", "json_reader.read_objects"),
        _sidecar,
        lambda path: read_sidecar(path.with_name("x.csv")),
        elsewhere=False,
    ),
    Loader(
        "resumed-dataset",
        ("measuring.resuming._to_go_on_with", "measuring.resuming._content"),
        _dataset,
        _go_on,
        elsewhere=False,
    ),
    Loader(
        "latency-predictor",
        ("latency.predictors.load.load_predictor", "torch_files.open_torch"),
        made("hat/predictors/made_cpu_quiet.pt"),
        lambda path: load_predictor(path, feature_norm=[1.0] * 10, lat_norm=1.0),
    ),
    Loader(
        "checkpoint",
        ("models.checkpoint.read_plain", "models.checkpoint._unpickle"),
        made("hat/parity/mini_random.pt"),
        load_checkpoint,
    ),
    Loader(
        "model-config",
        ("versioned.read_versioned",),
        _saved("torch", "config.json"),
        _load_saved,
        elsewhere=False,
    ),
    Loader("model-weights", (), _saved("torch", "model.pt"), _load_saved, elsewhere=False),
    Loader(
        "safetensors",
        ("models.weights._read_safetensors",),
        _saved("safetensors", "model.safetensors"),
        _load_saved,
        elsewhere=False,
    ),
    Loader("versioned", (), _versioned, lambda path: read_versioned(path, "hat.test", 1)),
    Loader(
        "onnx-facts",
        ("engines.onnx_files.OnnxNetwork.__init__",),
        _engine("onnxruntime", "network.json"),
        _open_engine("onnxruntime"),
        elsewhere=False,
    ),
    Loader(
        "onnx-graph",
        ("engines.onnx_files._session", "engines.onnxruntime_engine.OnnxruntimeEngine.open"),
        _engine("onnxruntime", "decoder.onnx"),
        _open_engine("onnxruntime"),
        elsewhere=False,
    ),
    Loader(
        "ctranslate2-words",
        ("engines.ctranslate2_files._words", "engines.ctranslate2_layout.check_model"),
        _engine("ctranslate2", "shared_vocabulary.json"),
        _open_engine("ctranslate2"),
        elsewhere=False,
    ),
    Loader(
        "ctranslate2-model",
        ("engines.ctranslate2_files.Ctranslate2Network.__init__",),
        _engine("ctranslate2", "model.bin"),
        _open_engine("ctranslate2"),
        elsewhere=False,
    ),
    Loader(
        "ground-truth",
        ("ground_truth.table.read_truth",),
        _truth,
        _open_truth,
        elsewhere=False,
    ),
    Loader(
        "ground-truth-facts",
        ("ground_truth.table.TruthFile.__init__", "json_reader.read_object"),
        lambda folder: _truth(folder).with_suffix(".json"),
        _open_truth,
        elsewhere=False,
    ),
    Loader("kept-scores", ("report.kept_scores._read",), _kept, _open_kept, elsewhere=False),
    Loader(
        "search-state",
        ("search.loop.Search._resume",),
        lambda folder: _search(folder, "search_state.json"),
        lambda path: make_search(path.parent),
        elsewhere=False,
    ),
    Loader(
        "trials",
        ("search.trials.TrialFormat.read",),
        lambda folder: _search(folder, "trials.jsonl"),
        lambda path: make_search(path.parent),
        elsewhere=False,
    ),
    Loader(
        "splits",
        ("scoring.published_splits._read", "scoring.published_splits._array"),
        _splits,
        read_splits,
    ),
    Loader(
        "scores-of-cells",
        ("studies.epsinas.integrate._read_scores",),
        SCORES,
        lambda path: _read_scores(path, ["a", "b"], "score"),
    ),
    Loader(
        "figures",
        ("studies.latency_bench.BenchStore.__init__",),
        _figures,
        BenchStore,
        elsewhere=False,
    ),
    Loader(
        "index",
        ("tasks.binary_index.count_sentences",),
        _binary("idx"),
        count_sentences,
    ),
    Loader(
        "sentences",
        (
            "tasks.binary_data.BinarySide.open",
            "tasks.binary_data.BinarySide._check_size",
            "tasks.binary_data.BinarySide._stored",
        ),
        _binary("bin"),
        lambda path: read_sentences(path.with_suffix(""), 3),
        lenient="bytes are numbers of words",
        elsewhere=False,
    ),
    Loader(
        "bpe-codes",
        ("tasks.bpe.read_merges", "tasks.bpe.BpeEncoder.__init__", "tasks.pieces.is_pieces_model"),
        text("codes", "#version: 0.2\na b\nab c</w>\n"),
        lambda path: (open_units(path), BpeEncoder(path, "subword-nmt").encode(["abc ab"])),
        lenient="two words on a line are a merge",
    ),
    Loader("pieces", ("tasks.pieces.PieceEncoder.__init__",), _pieces, PieceEncoder),
    Loader(
        "sides",
        ("tasks.corpus.read_sides", "text.lines._decoded_file"),
        text("train.en", "a b\nc\n"),
        lambda path: read_sides(path, ("en", "fr"), (path, path)),
        lenient=FREE_TEXT,
    ),
    Loader(
        "packed-corpus",
        (),
        made("multi30k/train.en.gz"),
        lambda path: read_sides(path, ("en", "fr"), (path, path)),
    ),
    Loader(
        "translations",
        ("tasks.translations._read",),
        text("sys.txt", "a b c d\n"),
        lambda path: read_translations(ScoreSettings(sys=path, ref=path), Changes()),
        lenient=FREE_TEXT,
    ),
    Loader(
        "generation-log",
        (),
        text("log.txt", LOG.format(0) + LOG.format(1)),
        lambda path: read_generation_logs([path]),
    ),
    Loader(
        "dictionary",
        ("text.dictionaries.read_dictionary",),
        text("dict.en.txt", "a 3\nb 2\n"),
        read_dictionary,
        lenient="a file without lines is a dictionary of none",
    ),
    Loader(
        "steps",
        ("record.run.read_steps",),
        _step,
        lambda path: read_steps(path.parent),
        elsewhere=False,
    ),
    Loader(
        "record-of-a-search",
        ("record.search.read_search", "record.search._convergence"),
        lambda folder: make_run(folder) / "best_cpu.search" / "search_state.json",
        lambda path: read_search(
            path.parent,
            name="s",
            winner=None,
            network=None,
            predictors={},
            device=None,
            workload=None,
        ),
        lenient="of the state, only what the page shows is read",
        elsewhere=False,
    ),
]

EXEMPT = {
    # No files of users.
    "cli.check.main": "what hat pipeline sends to its own process",
    "pipeline.checking.check_steps": "the answer of hat's own process",
    "measuring.memory.peak_mib": "the answer of hat's own process",
    "measuring.memory_server.main": "what hat sends to its own process",
    "measuring.devices.remote.serve": "what hat sends to a device; without hat's readers there",
    "measuring.devices.remote._in_a_child": "the answer of its own process",
    "scoring.spread._receive": "what another process of the same search sends",
    "cli.described._content": "a file of the package",
    "page.html.page_html": "a file of the package",
    "measuring.devices.bundle.scripts_for": "files of the package",
    "tasks.shipped.shipped_tasks": "files of the package",
    "commands.build_fairseq.unpack": "an archive whose SHA-256 is checked first",
    "commands.build_fairseq.apply": "a file out of that archive",
    "benchmarks.pictures._read_samples": "files of the package foolbox",
    "machine.energy._Rapl.__init__": "a file of the kernel",
    "machine.energy._Rapl.joules": "a file of the kernel",
    "machine.processor.file_text": "a file of the kernel",
    "machine.threads._quota": "a file of the kernel",
    "measuring.resident._field": "a file of the kernel",
    "cli.system_errors.give_up": "opens the null device for writing",
    "cli.system_errors.keep_descriptors": "opens the null device",
    "files._is_dead": "opens a lock, reads nothing",
    "files.check_writable": "opens for writing",
    "files.repair_lines": "of a file whose reader has taken it",
    "files.sync": "opens what was just written, to have it on the disk",
    "files.sync_folder": "opens a folder, reads nothing",
    "folders.replacing_folder": "opens a folder, reads nothing",
    "locks._open": "opens a lock",
    "files.replacing": "opens what was just written, to have it on the disk",
    # What is damaged counts as not there.
    "machine.rates._read": "measured anew where it cannot be read",
    "pipeline.digests.Digests.__init__": "digests are taken anew",
    "pipeline.steps.Runner._state": "the step is run again",
    "pipeline.showing._read": "progress is not shown",
    # Logs: read as they are, whatever bytes stand in them.
    "reading.read_log": "replaces what is no text",
    "pipeline.steps.Runner._show_end": "by read_log",
    "pipeline.steps._last_json": "by read_log",
    "record.left._report_line": "by read_log",
    "record.training.read_curves": "by read_log",
    # What hat has just written.
    "pipeline.digests.Digests._content": "bytes of a file that is there",
    "pipeline.report.write_report": "the winner that the search of this run wrote",
    "tasks.binarise.binarise": "what fairseq has just written",
    "measuring.devices.bundle.unpacked_bytes": "what hat has just packed",
    "locks._read": "a lock that says nothing is a lock of somebody",
    "pipeline.index._known": "what is damaged is written anew",
    "pipeline.steps.Runner._noted": "a note of the runner's",
    # Through loaders of the table.
    "models.checkpoint._check_sums": "models.checkpoint.read_plain",
    "tasks.binary_split._check_format": "tests/faults/test_data_folders.py",
    "record.files.read_rows": "csv_reader.CsvRows.read",
    "studies.epsinas.nlp_batch._words": "text.lines.read_text",
    # Devices of strangers: tests/measuring/devices.
    "measuring.devices.ssh_session.SshSession._hello": "a line from a device",
    "measuring.devices.ssh_session.SshSession._answer": "a line from a device",
}
"""Functions that read and are not called here -> why that is right."""


def _nats(folder: Path) -> Path:
    name = "NATS-tss-v1_0-made-simple"
    shutil.copytree(MADE_DATA / "nasbench201" / name, folder / name)
    return folder / name / "000000.pickle.pbz2"


def _pth(folder: Path) -> Path:
    import torch

    from tests.data.make import nasbench201_files

    torch.save(nasbench201_files.api_file()[0], folder / "NAS-Bench-201-v1_1.pth")
    return folder / "NAS-Bench-201-v1_1.pth"


def _unpacked_log(folder: Path) -> Path:
    import zipfile

    with zipfile.ZipFile(MADE_DATA / "nasbench_nlp/logs_wikitext2.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith(".json"))
        (folder / "log.json").write_bytes(archive.read(name))
    return folder / "log.json"
