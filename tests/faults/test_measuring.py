"""Measuring and predicting latencies, datasets of them, and what a network costs."""

from pathlib import Path

import pytest

from tests.faults.fault import Fault, as_tests, refused, run_here

SHORT = "--latiter 2 --lat-src-len 3 --lat-decode-steps 2 --lat-warmup 0"
MEASURE = f"latency measure --configs=space.yml --configs=sub.yml --latcpu {SHORT}"
COMPARE = (
    "latency compare sub.yml --configs=space.yml --ckpt-path predictor.pt --compare-rounds 2 "
    f"--latcpu --beam 1 {SHORT}"
)
CHECK = "latency check latency.csv --json"
PREDICT = "latency predict sub.yml --ckpt-path predictor.pt"
DATASET = (
    "latency-dataset --configs=space.yml --configs=latency.yml --lat-dataset-path new.csv "
    "--lat-patience 0"
)
FIT = "latency-predictor --configs=predictor.yml --lat-dataset-path latency.csv --ckpt-path new.pt"
PROFILE = "profile sub.yml --configs=space.yml"


def on(base: str, flags: str, *says: str, name: str | None = None) -> Fault:
    """A command with more flags."""
    command = "-".join(word for word in base.split()[:2] if word[0].isalpha() and "." not in word)
    return Fault(name or f"{command}:{flags.removeprefix('--')}", f"{base} {flags}", says)


FAULTS = [
    on(MEASURE, "--latiter=0", "latiter must be at least 1, but found 0"),
    on(MEASURE, "--lat-src-len=-3", "lat-src-len must be at least 1, but found -3"),
    on(MEASURE, "--lat-src-len=100000", "lat-src-len must be at most", "the network takes"),
    on(MEASURE, "--lat-decode-steps=5000", "lat-decode-steps must be at most", "found 5000"),
    on(MEASURE, "--lat-decode-steps=1000000000000", "lat-decode-steps must be at most 100000"),
    on(MEASURE, "--lat-batch-size=0", "lat-batch-size must be at least 1, but found 0"),
    on(MEASURE, "--beam=0", "beam must be at least 1, but found 0"),
    on(MEASURE, "--lat-trim=0.5", "lat-trim must be below 0.5, but found 0.5"),
    on(MEASURE, "--lat-trim=nan", "lat-trim must be a number, but found 'nan'"),
    on(MEASURE, "--lat-ci=100", "lat-ci must be below 100, but found 100"),
    on(MEASURE, "--lat-threads=0", "lat-threads must be at least 1, but found 0"),
    on(MEASURE, "--lat-engine=eagre", "'eagre'", "did you mean 'eager'"),
    on(MEASURE, "--lat-precision=fp8", "--lat-precision cannot be 'fp8'"),
    on(MEASURE, "--vocab-size=1", "vocab-size must be at least 8, but found 1"),
    on(MEASURE, "--vocab-size 9 9 9", "--vocab-size takes one or two sizes"),
    on(MEASURE, "--data=predictor.pt", "predictor.pt: is a file", "folder"),
    on(MEASURE, "--ssh-config=sys.txt", "--ssh-config is not for --device local, but for ssh"),
    on(
        MEASURE,
        "--device=ssh://a/b --lat-threads=1",
        "the engine eager needs hat and torch on the device",
        "--lat-engine",
        name="latency-measure:eager-over-ssh",
    ),
    on(MEASURE, "--lat-itre=3", "unknown option --lat-itre"),
    on(MEASURE, "--source-lang=", "source-lang needs a value"),
    on(MEASURE, "--configs=pipeline.yml", "pipeline.yml:2", "unknown key 'run-dir'"),
    Fault(
        "latency-measure:nowhere",
        MEASURE.replace(" --latcpu", ""),
        ("say where to measure: --latcpu or --latgpu",),
    ),
    Fault(
        "latency-measure:no-subtransformer",
        MEASURE.replace(" --configs=sub.yml", ""),
        ("space.yml: no SubTransformer is described", "encoder-layer-num-subtransformer"),
    ),
    on(COMPARE, "--compare-rounds=1", "compare-rounds must be at least 2, but found 1"),
    on(COMPARE, "--compare-patience=-1", "compare-patience must be at least 0, but found -1"),
    on(COMPARE, "--latency-confidence=0", "latency-confidence must be above 0, but found 0"),
    on(COMPARE, "--ckpt-path=latency.csv", "latency.csv"),
    Fault(
        "latency-compare:one-file-twice",
        COMPARE.replace("sub.yml", "sub.yml sub.yml"),
        ("sub.yml: is named twice",),
    ),
    on(CHECK, "--min-shift=0", "min-shift must be above 0, but found 0"),
    on(CHECK, "--min-shift=1000", "min-shift must be below 1000, but found 1000"),
    on(CHECK, "--plot=", "plot needs a value, but found ''"),
    on(CHECK, "--write-clean=", "write-clean needs a value, but found ''"),
    on(CHECK, "--write-clean=latency.csv.meta.jsonl", "write-clean would write over latency.csv."),
    Fault(
        "latency-bench:one-file-twice",
        "latency bench latency.csv latency.csv --seeds 1",
        ("latency.csv: is named twice",),
    ),
    on(
        CHECK,
        "--write-clean=latency.csv",
        "write-clean would write over latency.csv, which is read (csv)",
    ),
    on(
        FIT,
        "--ckpt-path=latency.csv",
        "ckpt-path would write over latency.csv",
        "(lat-dataset-path): name another file",
    ),
    on(
        FIT,
        "--ckpt-path=predictor.yml",
        "ckpt-path would write over predictor.yml, which is read (configs)",
    ),
    on(
        FIT,
        "--predictor=from-prior --prior=predictor.pt --ckpt-path=predictor.pt",
        "ckpt-path would write over predictor.pt, which is read (prior)",
    ),
    on(DATASET, "--lat-dataset-path=space.yml", "space.yml"),
    Fault("latency-check:predictor", "latency check predictor.pt", ("predictor.pt",)),
    Fault("latency-check:folder", "latency check bin", ("bin: is a folder: expected a file",)),
    Fault("latency-check:no-name", "latency check --json", ("required: csv",)),
    Fault("latency-measure:yaml", "latency measure --latcpu arch.yml", ("behind --configs",)),
    Fault("latency-measure:short", "latency measure -x 5", ("unknown option -x",)),
    Fault("latency:tool", "latency chekc latency.csv", ("'chekc'", "did you mean 'check'")),
    on(PREDICT, "--coverage=0", "coverage must be above 0, but found 0"),
    on(PREDICT, "--coverage=95", "coverage must be below 1, but found 95"),
    on(PREDICT, "--lat-norm=0", "lat-norm must be above 0, but found 0"),
    on(PREDICT, "--feature-norm=-1", "feature-norm must be above 0, but found -1"),
    on(PREDICT, "--lat-engine=onnxruntime", "predictor.pt", "onnxruntime"),
    Fault("latency-predict:space", PREDICT.replace("sub.yml", "space.yml"), ("space.yml",)),
    Fault(
        "latency-predict:other-space", PREDICT.replace("sub.yml", "numbers.yml"), ("numbers.yml",)
    ),
    Fault("latency-predict:checkpoint", PREDICT.replace("predictor.pt", "net.pt"), ("net.pt",)),
    on(DATASET, "--lat-dataset-size=0", "lat-dataset-size must be at least 1, but found 0"),
    on(DATASET, "--lat-patience=nan", "lat-patience must be a number, but found 'nan'"),
    on(DATASET, "--lat-reference-every=0", "lat-reference-every must be at least 1"),
    on(DATASET, "--until-error=0", "until-error must be above 0, but found 0"),
    on(DATASET, "--until-error=200", "until-error must be below 100, but found 200"),
    on(DATASET, "--prior=predictor.pt", "--prior has no effect without --until-error"),
    on(DATASET, "--until-error=9 --prior=net.pt", "net.pt"),
    on(DATASET, "--until-error=9 --prior=nowhere.pt", "nowhere.pt", "cannot be read"),
    on(DATASET, "--until-error=9 --prior=latency.csv", "latency.csv"),
    on(DATASET, "--seed=-1", "seed must be at least 0, but found -1"),
    on(DATASET, "--seed=1000000000000", "seed must be at most 4294967295"),
    on(DATASET, "--encoder-embed-choice 32 64", "64", "32"),
    on(DATASET, "--encoder-embed-choice 32 0", "0"),
    on(DATASET, "--decoder-layer-num-choice 9", "decoder", "9"),
    on(DATASET, "--lat-dataset-path=", "lat-dataset-path needs a value, but found ''"),
    Fault(
        "latency-dataset:no-space",
        DATASET.replace("--configs=space.yml ", ""),
        ("latency.yml: encoder-embed-choice is missing",),
    ),
    on(FIT, "--lat-norm=0", "lat-norm must be above 0, but found 0"),
    on(FIT, "--lat-norm=nan", "lat-norm must be a number, but found 'nan'"),
    on(FIT, "--hidden-dim=3", "--hidden-dim is not for --predictor additive, but for mlp"),
    on(FIT, "--predictor=mlp --hidden-dim=0", "hidden-dim must be at least 1, but found 0"),
    on(FIT, "--predictor=mlp --lr=0", "lr must be above 0, but found 0"),
    on(FIT, "--predictor=mlp --bsz=1000", "bsz is 1000, but there are only", "rows"),
    on(FIT, "--predictor=mpl", "--predictor cannot be 'mpl'", "'mlp'"),
    on(FIT, "--prior=predictor.pt", "--predictor additive starts from no --prior"),
    on(FIT, "--predictor=from-prior", "--prior"),
    on(FIT, "--target=memory", "latency.csv", "memory"),
    on(FIT, "--lat-engine=onnxruntime", "latency.csv", "onnxruntime"),
    on(FIT, "--lat-dataset-path latency.csv latency.csv", "the same dataset", "give each once"),
    on(FIT, "--lat-dataset-path=predictor.pt", "predictor.pt"),
    on(FIT, "--lat-dataset-path=nowhere.csv", "nowhere.csv", "No such file"),
    on(FIT, "--ckpt-path=", "ckpt-path needs a value, but found ''"),
    on(PROFILE, "--vocab-size=0", "vocab-size must be at least 1, but found 0"),
    on(PROFILE, "--src-len=-1", "src-len must be at least 1, but found -1"),
    on(PROFILE, "--arch=transformersupper", "'transformersupper'", "'transformersuper'"),
    on(PROFILE, "--data=predictor.pt", "predictor.pt: is a file", "folder"),
    Fault("profile:dataset", PROFILE.replace("sub.yml", "latency.csv"), ("latency.csv",)),
    Fault(
        "profile:space",
        PROFILE.replace("sub.yml --configs=", ""),
        ("space.yml: no SubTransformer is described", "encoder-layer-num-subtransformer"),
    ),
    Fault("profile:real", f"{PROFILE} --src-len=x", ("--src-len", "'x'"), real=True),
]


@as_tests(FAULTS)
def test_is_refused_in_one_sentence(fault: Fault, good: Path, tmp_path: Path) -> None:
    refused(fault, good, tmp_path)


@pytest.mark.parametrize("words", [MEASURE, COMPARE, CHECK, PREDICT, DATASET, FIT, PROFILE])
def test_without_its_fault_it_works(words: str, good_copy: Path) -> None:
    ended = run_here(words.split(), good_copy)
    assert ended.code == 0, ended.err
