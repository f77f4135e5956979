"""Every loader of the package: which functions it stands for, a good file, and how it is called."""

import numpy as np

from hat.arch.hat_yaml import load_arch, load_space
from hat.benchmarks.csv_table import CsvSettings, CsvTable
from hat.benchmarks.images import read_cifar10
from hat.benchmarks.nb101 import NasBench101
from hat.benchmarks.nb101_convert import convert
from hat.benchmarks.nb201 import NasBench201
from hat.benchmarks.nb201_convert import convert_nb201
from hat.benchmarks.nb201_files import check_unpacked, is_published_nb201
from hat.benchmarks.nb_nlp import NasBenchNlp, NlpSettings
from hat.benchmarks.nb_nlp_logs import read_training_logs
from hat.benchmarks.reference_scores import find_references
from hat.cli.options import read_yaml
from hat.conditions import file_digest
from hat.export.card import read_result
from hat.latency.predictors.load import load_predictor
from hat.latency.samples import read_samples
from hat.latency.sidecar import read_sidecar
from hat.models.checkpoint import load_checkpoint
from hat.own_corpus.reading import read_pairs
from hat.record.index import read_index
from hat.record.left import search_facts
from hat.record.run import read_steps
from hat.record.search import read_search
from hat.scoring.published_splits import _read as read_splits
from hat.studies.epsinas.integrate import _read_scores
from hat.studies.latency_bench import BenchStore
from hat.tasks.binary_data import read_sentences
from hat.tasks.binary_index import count_sentences
from hat.tasks.bpe import BpeEncoder
from hat.tasks.corpus import read_sides
from hat.tasks.pieces import PieceEncoder
from hat.tasks.translations import ScoreSettings
from hat.tasks.translations import _read as read_translations
from hat.tasks.units import open_units
from hat.text.dictionaries import read_dictionary
from hat.text.generation_log import read_generation_logs
from hat.text.lines import Changes
from hat.versioned import read_versioned
from hat.yaml_reader import read_mapping
from tests.faults import loader_files as made_for
from tests.faults.loader import FREE_TEXT, Loader, made, text
from tests.faults.loader_files import CSV, LOG, SCORES, SPACE_YML, SUB_YML
from tests.page.made_run import make_run
from tests.search.test_evolution_and_loop import make_search

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
        made_for.table(CsvTable, CsvSettings),
    ),
    Loader(
        "nasbench201",
        ("benchmarks.nb201.NasBench201.build", "reading.read_bytes", "reading._Unpacked.__init__"),
        made("nasbench201/nasbench201.csv.gz"),
        made_for.table(NasBench201),
    ),
    Loader(
        "nasbench101-lines",
        ("benchmarks.nb101.NasBench101._of_jsonl", "reading.read_text_lines", "reading.opened"),
        made("nasbench101/sample_1k.jsonl.gz"),
        made_for.table(NasBench101),
    ),
    Loader(
        "nasbench101-hdf5",
        ("benchmarks.nb101.NasBench101._of_hdf5", "reading.check_file"),
        made("nasbench101/format_sample.h5"),
        made_for.table(NasBench101),
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
        lambda folder: made_for.nats(folder),
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
        lambda folder: made_for.pth(folder),
        lambda path: (check_unpacked(path), convert_nb201(path, path.with_name("out.csv"))),
    ),
    Loader(
        "nasbench-nlp",
        ("benchmarks.nb_nlp.NasBenchNlp.build", "json_reader.read_json", "json_reader.parse_json"),
        made("nasbench_nlp/recepie_loss_pairs.json"),
        made_for.table(NasBenchNlp, NlpSettings),
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
        lambda folder: made_for.unpacked_log(folder),
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
        lambda path: find_references(path, made_for.archs()),
    ),
    Loader(
        "notebook-scores",
        ("formats.plain_pickle.read_plain_pickle",),
        made("nasbench_nlp/epsinas_multi_runs.pickle"),
        lambda path: find_references(path, made_for.archs()),
    ),
    Loader(
        "images",
        ("benchmarks.images.read_cifar10",),
        made_for.cifar,
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
        made_for.sidecar,
        lambda path: read_sidecar(path.with_name("x.csv")),
        elsewhere=False,
    ),
    Loader(
        "resumed-dataset",
        ("measuring.resuming._to_go_on_with", "measuring.resuming._content"),
        made_for.dataset,
        made_for.go_on,
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
        made_for.saved("torch", "config.json"),
        made_for.load_saved,
        elsewhere=False,
    ),
    Loader(
        "model-weights",
        (),
        made_for.saved("torch", "model.pt"),
        made_for.load_saved,
        elsewhere=False,
    ),
    Loader(
        "safetensors",
        ("models.weights._read_safetensors",),
        made_for.saved("safetensors", "model.safetensors"),
        made_for.load_saved,
        elsewhere=False,
    ),
    Loader("versioned", (), made_for.versioned, lambda path: read_versioned(path, "hat.test", 1)),
    Loader(
        "onnx-facts",
        (
            "engines.onnx_files.OnnxNetwork.__init__",
            "engines.onnxruntime_engine.OnnxruntimeEngine.open",
        ),
        made_for.engine("onnxruntime", "network.json"),
        made_for.open_engine("onnxruntime"),
        elsewhere=False,
    ),
    Loader(
        "onnx-graph",
        ("engines.onnx_files._session", "engines.onnx_operators.check_operators"),
        made_for.engine("onnxruntime", "decoder.onnx"),
        made_for.open_engine("onnxruntime"),
        elsewhere=False,
    ),
    Loader(
        "ctranslate2-words",
        ("engines.ctranslate2_files._words", "engines.ctranslate2_layout.check_model"),
        made_for.engine("ctranslate2", "shared_vocabulary.json"),
        made_for.open_engine("ctranslate2"),
        elsewhere=False,
    ),
    Loader(
        "ctranslate2-model",
        ("engines.ctranslate2_files.Ctranslate2Network.__init__",),
        made_for.engine("ctranslate2", "model.bin"),
        made_for.open_engine("ctranslate2"),
        elsewhere=False,
    ),
    Loader(
        "short-list",
        ("translation.shortlist.read_shortlist",),
        made_for.shortlist,
        made_for.open_shortlist,
    ),
    Loader(
        "ground-truth",
        ("ground_truth.arch_table.read",),
        made_for.truth,
        made_for.open_truth,
        elsewhere=False,
    ),
    Loader(
        "ground-truth-facts",
        ("ground_truth.table.TruthFile.__init__", "json_reader.read_object"),
        lambda folder: made_for.truth(folder).with_suffix(".json"),
        made_for.open_truth,
        elsewhere=False,
    ),
    Loader(
        "kept-scores",
        ("report.kept_scores._read",),
        made_for.kept,
        made_for.open_kept,
        elsewhere=False,
    ),
    Loader(
        "search-state",
        ("search.loop.Search._resume",),
        lambda folder: made_for.search(folder, "search_state.json"),
        lambda path: make_search(path.parent),
        elsewhere=False,
    ),
    Loader(
        "trials",
        ("search.trials.TrialFormat.read",),
        lambda folder: made_for.search(folder, "trials.jsonl"),
        lambda path: make_search(path.parent),
        elsewhere=False,
    ),
    Loader(
        "splits",
        ("scoring.published_splits._read", "scoring.published_splits._array"),
        made_for.splits,
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
        made_for.figures,
        BenchStore,
        elsewhere=False,
    ),
    Loader(
        "index",
        ("tasks.binary_index.count_sentences",),
        made_for.binary("idx"),
        count_sentences,
    ),
    Loader(
        "sentences",
        (
            "tasks.binary_data.BinarySide.open",
            "tasks.binary_data.BinarySide._check_size",
            "tasks.binary_data.BinarySide._stored",
        ),
        made_for.binary("bin"),
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
    Loader("pieces", ("tasks.pieces.PieceEncoder.__init__",), made_for.pieces, PieceEncoder),
    Loader(
        "sides",
        ("tasks.corpus.read_sides", "text.lines._decoded_file"),
        text("train.en", "a b\nc\n"),
        lambda path: read_sides(path, ("en", "fr"), (path, path)),
        lenient=FREE_TEXT,
    ),
    Loader(
        "own-pairs",
        ("own_corpus.reading.read_pairs",),
        text("pairs.tsv", "a b\tc\nd\te f\n"),
        lambda path: read_pairs((path,), "--train", Changes()),
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
        made_for.step,
        lambda path: read_steps(path.parent),
        elsewhere=False,
    ),
    Loader(
        "facts-of-a-search",
        ("record.left.search_facts",),
        lambda folder: make_run(folder) / "best_cpu.search" / "facts.json",
        search_facts,
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
