"""What was found in use: ``hat export``, ``translate``, ``score``, ``average-checkpoints``."""

import gzip
import json
from pathlib import Path

import pytest
import torch

from hat.models.checkpoint import read_plain
from tests.faults.fault import Fault, as_tests, refused, run_here

EXPORT = "export numbers.pt numbers.yml out --data numbers_en_fr --bpe-codes codes"
TRANSLATE = "translate model hello.en --max-len-b 5"
DIRECT = "translate numbers.pt numbers.yml hello.en --data numbers_en_fr --bpe-codes codes"
LOG = "score gen.out"
FILES = "score --sys sys.txt --ref ref.txt"
AVERAGE = "average-checkpoints --inputs checkpoints --num-epoch-checkpoints 2 --output mean.pt"


def instead(base: str, old: str, new: str, *says: str) -> Fault:
    """A command with another word in place of one of its own."""
    assert old in base.split()
    words = [new if word == old else word for word in base.split()]
    return Fault(f"{words[0]}:{new or 'nothing'}-for-{old}", " ".join(words), says)


def on(base: str, flags: str, *says: str) -> Fault:
    """A command with more flags."""
    return Fault(f"{base.split()[0]}:{flags.removeprefix('--')}", f"{base} {flags}", says)


def without(name: str) -> Fault:
    """An exported folder that lacks a file."""
    return Fault(
        f"translate:without-{name}",
        TRANSLATE,
        ("model", name),
        lambda world: (world / "model" / name).unlink(),
    )


def newer(world: Path) -> None:
    path = world / "model" / "export.json"
    found = json.loads(path.read_text())
    path.write_text(json.dumps({**found, "version": 999}))


def rewritten(world: Path, longest: int) -> None:
    path = world / "model" / "export.json"
    found = json.loads(path.read_text())
    path.write_text(json.dumps({**found, "longest-source": longest}))


def option(world: Path, name: str, value: object) -> None:
    """Another option in a checkpoint."""
    content = read_plain(world / "numbers.pt")
    setattr(content["cfg"]["model"], name, value)
    torch.save(content, world / "numbers.pt")


def cut(name: str, count: int) -> "object":
    def spoil(world: Path) -> None:
        path = world / name
        path.write_bytes(path.read_bytes()[:count])

    return spoil


def put(name: str, content: bytes) -> "object":
    return lambda world: (world / name).write_bytes(content)


FAULTS = [
    instead(EXPORT, "numbers.pt", "nowhere.pt", "nowhere.pt", "No such file"),
    instead(EXPORT, "numbers.pt", "predictor.pt", "predictor.pt", "not a checkpoint"),
    instead(EXPORT, "numbers.pt", "latency.csv", "latency.csv", "not a checkpoint"),
    instead(EXPORT, "numbers.pt", "bin", "bin: is a folder: expected a file"),
    instead(EXPORT, "numbers.yml", "space.yml", "space.yml: no SubTransformer is described"),
    instead(EXPORT, "numbers.yml", "numbers.pt", "numbers.pt", "UTF-8"),
    instead(EXPORT, "numbers.yml", "nowhere.yml", "nowhere.yml", "No such file"),
    instead(EXPORT, "numbers_en_fr", "bin", "bin", "dict.en.txt"),
    instead(EXPORT, "numbers_en_fr", "sys.txt", "sys.txt", "is no folder"),
    instead(EXPORT, "codes", "sys.txt", "sys.txt", "another task's codes"),
    instead(EXPORT, "codes", "nowhere", "nowhere", "No such file"),
    instead(EXPORT, "out", "bin", "bin", "is not replaced", "dict.xx.txt"),
    instead(EXPORT, "out", "sys.txt", "sys.txt", "is a file"),
    on(EXPORT, "more", "expected a checkpoint, a SubTransformer's YAML file and a folder"),
    on(EXPORT, "--format=onxn", "--format cannot be 'onxn'", "'onnx'"),
    on(EXPORT, "--int8", "--int8 is not for --format safetensors, but for onnx"),
    on(EXPORT, "--format=onnx --int8-range=full", "--int8-range has no effect without --int8"),
    on(
        EXPORT, "--bleu-sentences=5", "--bleu-sentences has no effect without --int8 or --shortlist"
    ),
    on(
        EXPORT,
        "--format=onnx --bleu-sentences=5",
        "--bleu-sentences has no effect without --int8 or --shortlist",
    ),
    on(EXPORT, "--format=ctranslate2", "ende_spans", "decoder-arbitrary-ende-attn-choice: [-1]"),
    on(EXPORT, "--parity-sentences=0", "parity-sentences must be at least 1, but found 0"),
    on(EXPORT, "--parity-sentences=1000000000000", "parity-sentences must be at most 100000"),
    on(EXPORT, "--bleu-sentences=-1", "bleu-sentences must be at least 0, but found -1"),
    on(EXPORT, "--source-lang=", "source-lang needs a value, but found ''"),
    on(EXPORT, "--target-lang=../x", "target-lang must be a language", "'../x'"),
    on(EXPORT, "--source-lang=fr --target-lang=en", "numbers.pt: was trained", "from en to fr"),
    Fault(
        "export:score-below-0",
        f"{EXPORT} --score s.json",
        ("s.json: its JSON: 'bleu' must be 0 or more, but found -5",),
        put("s.json", b'{"bleu": -5, "signature": "x"}\n'),  # type: ignore[arg-type]
    ),
    Fault(
        "export:score-above-100",
        f"{EXPORT} --score s.json",
        ("s.json: its JSON: 'bleu' must be 100 or less, but found 250",),
        put("s.json", b'{"bleu": 250, "signature": "x"}\n'),  # type: ignore[arg-type]
    ),
    on(EXPORT, "--score=sys.txt", "sys.txt", "whose last line is JSON"),
    on(EXPORT, "--latency=nowhere", "nowhere", "No such file"),
    on(EXPORT, "--task=iwslt", "--task cannot be 'iwslt'", "'iwslt14'"),
    Fault("export:no-folder", "export numbers.pt", ("required", "OUT_DIR")),
    Fault("export:truncated", EXPORT, ("numbers.pt", "damaged"), cut("numbers.pt", 2000)),  # type: ignore[arg-type]
    *(
        Fault(
            f"export:{name}-{value!s:.9}",
            EXPORT,
            says,
            lambda world, name=name, value=value: option(world, name, value),  # type: ignore[misc]
        )
        for name, value, says in (
            ("source_lang", "../x", ("numbers_en_fr: expected a language", "'../x'")),
            ("target_lang", "f\nr", ("numbers_en_fr: expected a language", r"'f\nr'")),
            (
                "encoder_embed_dim",
                10**7,
                ("numbers.pt: encoder_embed_dim must be at most 100,000",),
            ),
            ("encoder_ffn_embed_dim", 10**8, ("numbers.pt: its options call for", "but its wei")),
        )
    ),
    Fault(
        "export:other-words",
        EXPORT,
        ("numbers.pt", "43 source words", "42"),
        lambda world: (world / "numbers_en_fr" / "dict.en.txt").write_text(
            "".join((world / "numbers_en_fr" / "dict.en.txt").read_text().splitlines(True)[1:])
        ),
    ),
    on(TRANSLATE, "--beam=0", "beam must be at least 1, but found 0"),
    on(TRANSLATE, "--beam=1000000000000", "beam must be at most 10000"),
    on(TRANSLATE, "--beam=x", "--beam must be a whole number, but found 'x'"),
    on(TRANSLATE, "--beam", "--beam: expected one argument"),
    on(TRANSLATE, "--nbest=6", "nbest must be at most beam (5), but found 6"),
    on(TRANSLATE, "--lenpen=nan", "lenpen must be a number, but found 'nan'"),
    on(TRANSLATE, "--lenpen=1e9", "lenpen must be between -100 and 100, but found 1e+09"),
    on(TRANSLATE, "--max-len-a=-1", "max-len-a must be", "0", "but found -1"),
    on(TRANSLATE, "--max-len-b=-1", "max-len-b must be at least 0, but found -1"),
    on(TRANSLATE, "--min-len=9", "min-len (9)", "5 tokens"),
    on(TRANSLATE, "--batch-tokens=0", "batch-tokens must be at least 1, but found 0"),
    on(TRANSLATE, "--buffer-size=0", "buffer-size must be at least 1, but found 0"),
    on(TRANSLATE, "--device=tpu", "--device cannot be 'tpu'", "'cpu'"),
    on(TRANSLATE, "--baem=3", "unknown option --baem; did you mean '--beam'?"),
    on(TRANSLATE, "--data=numbers_en_fr", "model: an exported folder has all that it needs"),
    on(TRANSLATE, "hello.en", "expected one file of text, but found hello.en hello.en"),
    instead(TRANSLATE, "hello.en", "nowhere.en", "nowhere.en", "No such file"),
    instead(TRANSLATE, "hello.en", "bin", "bin: is a folder: expected a file"),
    instead(TRANSLATE, "hello.en", "predictor.pt", "predictor.pt", "UTF-8"),
    instead(TRANSLATE, "model", "bin", "bin: is no exported model: it has no export.json"),
    instead(TRANSLATE, "model", "nowhere", "nowhere", "No such file"),
    instead(TRANSLATE, "model", "predictor.pt", "predictor.pt", "not a checkpoint"),
    *map(without, ("export.json", "config.json", "model.safetensors", "dict.fr.txt", "bpe.codes")),
    Fault("translate:newer", TRANSLATE, ("model", "999"), newer),
    *(
        Fault(
            f"translate:longest-{longest}",
            TRANSLATE,
            ("model/export.json: longest-source must be a positive number", f"found {longest}"),
            lambda world, longest=longest: rewritten(world, longest),  # type: ignore[misc]
        )
        for longest in (0, -5)
    ),
    Fault(
        "translate:truncated",
        TRANSLATE,
        ("model.safetensors",),
        cut("model/model.safetensors", 5000),  # type: ignore[arg-type]
    ),
    Fault(
        "translate:half-a-gzip",
        "translate model half.gz",
        ("half.gz", "gzip"),
        put("half.gz", gzip.compress(b"one\n" * 50)[:-9]),  # type: ignore[arg-type]
    ),
    Fault(
        "translate:long",
        "translate model long.en",
        ("long.en: line 2", "the model takes 60"),
        put("long.en", b"one\n" + b"one " * 20_000 + b"\n"),  # type: ignore[arg-type]
    ),
    instead(DIRECT, "numbers.yml", "hello.en", "expected one file of text"),
    instead(DIRECT, "codes", "predictor.pt", "predictor.pt", "UTF-8"),
    instead(DIRECT, "numbers_en_fr", "nowhere", "nowhere", "is no folder"),
    on(DIRECT, "--source-lang=de", "numbers_en_fr", "dict.de.txt"),
    Fault("translate:which", "translate net.pt hello.en", ("net.pt", "which SubTransformer")),
    Fault("score:nothing", "score", ("nothing to score",)),
    on(LOG, "--sys=sys.txt", "give logs of generate.py or --sys, not both"),
    on(LOG, "--metric=blue", "--metric cannot be 'blue'", "normal, sacre"),
    on(LOG, "--target-lang=", "target-lang needs a value, but found ''"),
    on(LOG, "--target-lang=a/b", "target-lang must be a language", "'a/b'"),
    on(LOG, "gen.out", "gen.out: sentence 0 stands in another log too"),
    on(FILES, "--detokenised", "detokenised", "log"),
    instead(LOG, "gen.out", "sys.txt", "sys.txt"),
    instead(LOG, "gen.out", "bin", "bin: is a folder: expected a file"),
    instead(LOG, "gen.out", "predictor.pt", "predictor.pt"),
    instead(FILES, "ref.txt", "pairs.en", "600", "2"),
    Fault("score:itself", "score --sys sys.txt --ref sys.txt", ("--sys and --ref", "sys.txt")),
    Fault("score:one-side", "score --sys sys.txt", ("--sys needs --ref",)),
    on(AVERAGE, "--num-epoch-checkpoints=0", "num-epoch-checkpoints must be at least 1"),
    on(AVERAGE, "--num-epoch-checkpoints=9", "checkpoints", "9"),
    on(AVERAGE, "--num-update-checkpoints=2", "not both"),
    on(AVERAGE, "--checkpoint-upper-bound=0", "checkpoint-upper-bound must be at least 1"),
    on(AVERAGE, "--output=", "output needs a value, but found ''"),
    instead(AVERAGE, "checkpoints", "bin", "bin", "checkpoint"),
    instead(AVERAGE, "checkpoints", "net.pt", "--inputs is their folder"),
    Fault("average:a-folder", "average-checkpoints --inputs bin --output x.pt", ("folder",)),
    Fault(
        "average:other-network",
        "average-checkpoints --inputs net.pt numbers.pt --output x.pt",
        ("numbers.pt",),
    ),
    Fault("average:none", "average-checkpoints --inputs --output x.pt", ("--inputs: expected",)),
    Fault(
        "average:real",
        "average-checkpoints --inputs predictor.pt --output x.pt",
        ("predictor.pt", "not a checkpoint"),
        real=True,
    ),
]


@as_tests(FAULTS)
def test_is_refused_in_one_sentence(fault: Fault, good: Path, tmp_path: Path) -> None:
    refused(fault, good, tmp_path)


@pytest.mark.parametrize("words", [EXPORT, TRANSLATE, DIRECT, LOG, FILES, AVERAGE])
def test_without_its_fault_it_works(words: str, good_copy: Path) -> None:
    ended = run_here(words.split(), good_copy)
    assert ended.code == 0, ended.err
