"""Commands beside HAT's loop: a new task, text, tables of architectures, pages, installations."""

import bz2
import gzip
import lzma
import shutil
from pathlib import Path

import pytest

from tests.faults.documents import remake
from tests.faults.fault import Fault, as_tests, refused, run_here

NEW = "new mine --train pairs.en pairs.fr --source en --target fr --device cpu"
NUMBERS = (
    "prepare numbers --source-lang en --target-lang fr --text-dir text --train 50 --valid 5 "
    "--test 5 --merges 10"
)
CONLANG = "prepare conlang --text-dir text --train 50 --valid 5 --test 5 --merges 10"
BINARISE = "prepare binarise --source-lang xx --target-lang yy --text-dir text --binary-dir out"
CORPUS = "prepare corpus --source-lang en --target-lang fr --text-dir text --data out"
REPORT = "report run"
RANK = "rank tables/seed_arch_bleu.wmt14ende.csv --scorer params --json"
QUERY = "nasbench query nasbench101:tables/sample_1k.jsonl.gz"
CONVERT = "nasbench convert tables/format_sample.tfrecord out.h5 --quiet"
SEARCH = (
    "nasbench-search nasbench101:tables/sample_1k.jsonl.gz --algorithm random --budget 1e4 "
    "--seeds 1 --out-dir out"
)
PREDICT = "neural-predictor rank nasbench101:tables/sample_1k.jsonl.gz --train-split 10"
SELECT = "neural-predictor select nasbench101:tables/sample_1k.jsonl.gz"
FOLDS = "neural-predictor cross-validate nasbench101:tables/sample_1k.jsonl.gz"
NB201 = "epsinas nasbench201 --data tables/nasbench201.csv.gz --limit 2"
NLP = "epsinas nasbench-nlp --data tables/recepie_loss_pairs.json --limit 2"
SUBS = (
    "epsinas subtransformers --data tables/seed_arch_bleu.wmt14ende.csv --seeds 1 --sentences 2 "
    "--length 4"
)
ABLATE = "epsinas ablate nasbench201 --data tables/nasbench201.csv.gz --limit 2"
WEIGHTS = "epsinas search-weights nasbench201 --samples 2"


def on(base: str, flags: str, *says: str) -> Fault:
    """A command with more flags."""
    command = " ".join(word for word in base.split()[:2])
    return Fault(f"{command}:{flags.removeprefix('--')}", f"{base} {flags}", says)


def instead(base: str, old: str, new: str, *says: str) -> Fault:
    """A command with another word in place of one of its own."""
    assert old in base.split()
    words = " ".join(new if word == old else word for word in base.split())
    return Fault(f"{base.split()[0]}:{new}-for-{old}", words, says)


def lines(name: str, change: "dict[int, bytes]", base: str, *says: str) -> Fault:
    """A corpus with other lines, by their numbers from 0."""

    def spoil(world: Path) -> None:
        path = world / name
        content = path.read_bytes().splitlines(keepends=True)
        for number, line in change.items():
            content[number] = line
        path.write_bytes(b"".join(content))

    return Fault(f"{base.split()[0]}:{name}:{says[-1]}", base, says, spoil)


def holds(name: str, content: bytes, base: str, *says: str) -> Fault:
    """A file with another content."""

    def spoil(world: Path) -> None:
        (world / name).write_bytes(content)

    return Fault(f"{base.split()[0]}:{name} is {content[:12]!r}", base, says, spoil)


FAULTS = [
    on(NEW, "--limit=abc", "--limit is a number of milliseconds or a percentage, not 'abc'"),
    on(NEW, "--limit=-5", "--limit must be positive, but found '-5'"),
    on(NEW, "--limit=1e-9ms", "--limit: '1e-9ms' is less than anything takes"),
    on(NEW, "--limit=25furlongs", "--limit: unknown unit 'furlongs'"),
    on(NEW, "--pairs=0", "pairs must be at least 1, but found 0"),
    on(NEW, "--pairs=100", "100", "500"),
    on(NEW, "--max-words=0", "max-words must be at least 1, but found 0"),
    on(NEW, "--max-words=2", "too few"),
    on(NEW, "--max-length-deviation=nan", "max-length-deviation must be a number, but found 'nan'"),
    on(NEW, "--size=hueg", "--size cannot be 'hueg'", "base, big, small, tiny"),
    on(NEW, "--tokeniser=mosse", "--tokeniser cannot be 'mosse'", "'moses'"),
    on(NEW, "--source=", "source needs a value, but found ''"),
    on(NEW, "--source=fr", "--source and --target are both 'fr'"),
    on(NEW, "--source=a/b", "--source is a short name", "'a/b'"),
    on(NEW, "--test=nowhere.tsv", "nowhere.tsv", "No such file"),
    on(NEW, "--valid pairs.en bin", "bin: is a folder"),
    instead(NEW, "pairs.en", "nowhere", "nowhere", "No such file"),
    instead(NEW, "pairs.en", "predictor.pt", "predictor.pt", "UTF-8"),
    instead(NEW, "pairs.en", "hello.en", "hello.en", "2", "600"),
    instead(
        NEW,
        "pairs.en",
        "pairs.fr",
        "--train names pairs.fr for both sides: expected two different files",
    ),
    instead(NEW, "mine", "bin", "bin: is there already and not empty"),
    instead(NEW, "mine", "sys.txt", "sys.txt: is there already"),
    holds("pairs.en", b"", NEW, "pairs.en"),
    holds("pairs.en", b"a\n" * 599, NEW, "599", "600"),
    holds("pairs.en", b"\x00\xff" * 500, NEW, "pairs.en", "UTF-8"),
    holds(
        "pairs.fr", b"Un mot.\n" * 600, NEW, "pairs.fr: all 600 sentences of a side are 'Un mot.'"
    ),
    lines("pairs.en", {7: b"caf\xe9\n"}, NEW, "pairs.en", "line 8"),
    on(NUMBERS, "--max-digits=0", "max-digits must be", "but found 0"),
    on(NUMBERS, "--max-digits=13", "max-digits must be between 1 and 12, but found 13"),
    on(NUMBERS, "--max-digits=1", "different numbers of up to 1 digits"),
    on(NUMBERS, "--train=1000000000000", "train must be at most 10000000"),
    on(NUMBERS, "--merges=0", "merges must be at least 1, but found 0"),
    on(NUMBERS, "--target-lang=es", "de, en, fr", "'es'"),
    on(NUMBERS, "--text-dir=", "text-dir needs a value, but found ''"),
    on(NUMBERS, "--seed=-1", "seed must be at least 0, but found -1"),
    on(CONLANG, "--max-number=3", "max-number must be at least 9, but found 3"),
    on(CONLANG, "--train=0", "train must be at least 1, but found 0"),
    on(CONLANG, "--nouns=1000000000000", "nouns must be at most"),
    on(BINARISE, "--workers=0", "workers must be at least 1, but found 0"),
    on(BINARISE, "--workers=1000000000000", "workers must be at most 4096"),
    on(BINARISE, "--nwordssrc=-5", "nwordssrc must be at least -1, but found -5"),
    on(BINARISE, "--thresholdsrc=-1", "thresholdsrc must be at least 0, but found -1"),
    on(BINARISE, "--source-lang=yy", "source and target language are both 'yy'"),
    on(
        BINARISE,
        "--joined-dictionary --srcdict bin/dict.xx.txt --tgtdict bin/dict.yy.txt",
        "--joined-dictionary is one for both languages: give --srcdict or --tgtdict, not both",
    ),
    on(BINARISE, "--source-lang=../x", "source-lang must be a language", "'../x'"),
    on(BINARISE, "--srcdict=nowhere", "nowhere", "No such file"),
    on(CORPUS, "--target-lang=en", "source and target language are both 'en'"),
    on(CORPUS, "--vocabulary=9", "vocabulary must be at least 10, but found 9"),
    on(CORPUS, "--configs=pipeline.yml", "pipeline.yml", "unknown key"),
    Fault("prepare:task", "prepare nubmers", ("'nubmers'", "'numbers'")),
    Fault("prepare:nothing", "prepare", ("required: TOOL",)),
    Fault("prepare:lines", "prepare lines predictor.pt", ("predictor.pt", "UTF-8")),
    Fault(
        "new:limit-below-0",
        f"{NEW} --limit -3ms",
        ("--limit: expected one argument; one that begins with a dash is written --limit=-...",),
    ),
    Fault(
        "new:behind-dashes",
        "new -- mine --train pairs.en pairs.fr",
        ("--train stands behind --, where options are words like others",),
    ),
    Fault(
        "nasbench:convert-over-itself",
        CONVERT.replace("out.h5", "tables/format_sample.tfrecord"),
        ("target would write over tables/format_sample.tfrecord, which is read (source)",),
    ),
    on(
        NB201,
        "--out=tables/nasbench201.csv.gz",
        "out would write over tables/nasbench201.csv.gz, which is read (data)",
    ),
    Fault("report:nowhere", "report nowhere", ("nowhere",)),
    Fault("report:a-file", "report latency.csv", ("latency.csv",)),
    Fault("report:another-folder", "report bin", ("bin",)),
    Fault("report:nothing", "report", ("required: RUN",)),
    on(REPORT, "--out=", "out needs a value, but found ''"),
    on(REPORT, "run", "run", "twice"),
    holds("run/best_cpu.search/facts.json", b"{", REPORT, "facts.json"),
    holds("run/best_cpu.search/trials.jsonl", b"\xff\xfe", REPORT, "trials.jsonl"),
    holds("run/steps/evo-search_cpu.json", b"[1]", REPORT, "evo-search_cpu.json"),
    on(RANK, "--top=0", "top must be at least 1, but found 0"),
    on(RANK, "--scorer=parmas", "'parmas'", "'params'"),
    on(RANK, "--target=BLEU", "'BLEU' (--target)"),
    on(RANK, "--task-column=tasc", "has no column 'tasc' (--task-column)"),
    on(RANK, "--arch-column=bleu", "'bleu'"),
    Fault("rank:latencies", "rank latency.csv", ("latency.csv", "'arch'")),
    Fault("rank:checkpoint", "rank net.pt", ("net.pt",)),
    on(QUERY, "--epochs=3", "--epochs is of one architecture: give its identifier, too"),
    on(QUERY, "nowhere", "'nowhere'"),
    on(QUERY, "0 --epochs=0", "epochs must be at least 1, but found 0"),
    on(QUERY, "0 --seed=-1", "seed must be at least 0, but found -1"),
    Fault("nasbench:kind", "nasbench query nb:tables/x", ("'nb:tables/x'", "nasbench101")),
    Fault("nasbench:no-kind", "nasbench query tables/sample_1k.jsonl.gz", ("sample_1k",)),
    Fault(
        "nasbench:another-table",
        "nasbench query nasbench101:tables/nasbench201.csv.gz",
        ("nasbench201.csv.gz",),
    ),
    instead(CONVERT, "tables/format_sample.tfrecord", "latency.csv", "latency.csv"),
    instead(CONVERT, "tables/format_sample.tfrecord", "bin", "out.h5", ".csv"),
    instead(CONVERT, "out.h5", "bin", "bin", "it is a folder"),
    on(
        SEARCH,
        "--time-metric=validation_accuracy",
        "time_metric must be in seconds, but 'validation_accuracy' of nasbench101 is in fraction",
    ),
    on(SEARCH, "--algorithm=random", "algorithm names 'random' twice"),
    on(
        SEARCH,
        "--time-metric=test_accuracy --cost-per-model=5",
        "give --time-metric or --cost-per-model, not both",
    ),
    on(RANK, "--scorer=params", "scorer names 'params' twice"),
    on(SEARCH, "--budget=0", "budget must be above 0, but found 0"),
    on(SEARCH, "--budget=1", "a budget of 1 s ends before the first training, which takes"),
    on(SEARCH, "--budget=inf", "budget must be a number, but found 'inf'"),
    on(SEARCH, "--seeds=0", "seeds must be at least 1, but found 0"),
    on(SEARCH, "--population-size=1", "population-size must be at least 2, but found 1"),
    on(SEARCH, "--cost-per-model=-1", "cost-per-model must be above 0, but found -1"),
    on(SEARCH, "--algorithm=aegis", "unknown search algorithm 'aegis'"),
    on(SEARCH, "--report-metric=accuracy", "--report-metric", "'accuracy'"),
    on(SEARCH, "--epochs=7", "7"),
    on(SEARCH, "--out-dir=", "--out-dir", "needs a name, but found ''"),
    on(PREDICT, "--classifier=1", "classifier must be below 1, but found 1"),
    on(PREDICT, "--metric=accuracy", "'accuracy'"),
    on(PREDICT, "--eval-split=some", "'some'"),
    on(PREDICT, "--train-split=0", "'0'"),
    on(PREDICT, "--split-file=predictor.pt", "predictor.pt", "it is no archive of arrays"),
    on(PREDICT, "--plot=x.txt", "plot must be the name of a picture", "'x.txt'"),
    on(SELECT, "--num-train=0", "num-train must be at least 1, but found 0"),
    on(SELECT, "--num-train=1000", "1000", "250"),
    on(FOLDS, "--folds=1", "folds must be at least 2, but found 1"),
    on(NB201, "--weights=1", "weights must be LOW,HIGH", "but found 1"),
    on(NB201, "--weights=2,1", "weights must be LOW,HIGH", "but found 2,1"),
    on(NB201, "--weights=a,b", "numbers with commas", "'a,b'"),
    on(
        NB201,
        "--weights=nan,1",
        "weights must be numbers with commas between them, but found 'nan,1'",
    ),
    on(NB201, "--plot=x.txt", "plot must be the name of a picture", "'x.txt'"),
    on(NB201, "--limit=0", "limit must be at least 1, but found 0"),
    on(NB201, "--batch=0", "batch must be at least 1, but found 0"),
    on(NB201, "--data=latency.csv", "latency.csv"),
    on(NLP, "--steps=0", "steps must be at least 1, but found 0"),
    on(NLP, "--data=sys.txt", "sys.txt"),
    on(SUBS, "--seeds=0", "seeds must be at least 1, but found 0"),
    on(SUBS, "--length=1 --sentences=1", "at least 3 tokens"),
    on(SUBS, "--data=latency.csv", "latency.csv"),
    on(ABLATE, "--choice=weigths", "unknown choice 'weigths'", "'weights'"),
    on(ABLATE, "--cifar10=sys.txt", "sys.txt"),
    on(WEIGHTS, "--data=bin", "--data is for nasbench-nlp alone"),
    Fault("epsinas:space", "epsinas ablate nb201 --data x", ("'nb201'", "nasbench201")),
    Fault("completion:shell", "completion fish", ("'fish'", "bash, tcsh, zsh")),
    Fault("validate:nowhere", "validate nowhere.yml", ("nowhere.yml", "No such file")),
    Fault("validate:a-table", "validate latency.csv", ("latency.csv",)),
    Fault("configs:task", "configs copy here --task numbres.en-fr", ("numbers.en-fr",)),
    Fault("configs:no-name", "configs copy --task numbers.en-fr", ("required: dest",)),
    Fault("configs:nothing", "configs", ("required",)),
    Fault("doctor:word", "doctor now", ("unexpected word 'now'",)),
    Fault("build-fairseq:nowhere", "build-fairseq", ("required: FOLDER",)),
    Fault("build-fairseq:no-name", "build-fairseq --wheels", ("wheel",)),
    Fault(
        "new:utf-16",
        NEW,
        ("pairs.fr: is not UTF-8 text but UTF-16: save it as UTF-8",),
        remake("pairs.fr", lambda content: content.decode().encode("utf-16")),
    ),
    Fault(
        "new:gzip",
        NEW,
        ("pairs.en: is no text but packed by gzip: expected a name that ends in .gz",),
        remake("pairs.en", gzip.compress),
    ),
    Fault(
        "new:bzip2",
        NEW,
        ("pairs.en: is not UTF-8 text but packed by bzip2: unpack it first",),
        remake("pairs.en", bz2.compress),
    ),
    Fault(
        "new:xz",
        NEW,
        ("pairs.en: is not UTF-8 text but packed by xz: unpack it first",),
        remake("pairs.en", lzma.compress),
    ),
    Fault(
        "new:copies",
        NEW,
        ("0 usable pairs are too few", "600 were left out because: the target is a copy"),
        lambda world: shutil.copy(world / "pairs.en", world / "pairs.fr"),
    ),
    Fault("new:real", "new mine --train pairs.en", ("--source is missing",), real=True),
]


@as_tests(FAULTS)
def test_is_refused_in_one_sentence(fault: Fault, good: Path, tmp_path: Path) -> None:
    refused(fault, good, tmp_path)


@pytest.mark.parametrize(
    "words",
    [
        *(
            NEW,
            NUMBERS,
            CONLANG,
            REPORT,
            RANK,
            QUERY,
            "nasbench query nasbench201:tables/nasbench201.csv.gz",
            CONVERT,
            SEARCH,
        ),
        *(NB201, NLP, SUBS, WEIGHTS, "completion bash", "validate space.yml", "configs list"),
    ],
)
def test_without_its_fault_it_works(words: str, good_copy: Path) -> None:
    ended = run_here(words.split(), good_copy)
    assert ended.code == 0, ended.err
