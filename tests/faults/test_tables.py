"""Tables, logs and texts: what spreadsheets, disks and slips of the pen make of them."""

import gzip
import os
from pathlib import Path

from tests.faults.documents import CELL, change, field, flipped, put, remake
from tests.faults.fault import Fault, Spoil, as_tests, refused

CHECK = "latency check latency.csv --json"
RANK = "rank table.csv --target score"
SCORE = "score log.txt"
BLEU = "score --sys text.en --ref text.fr"


def latency(name: str, spoil: Spoil, *says: str) -> Fault:
    return Fault(f"latency-{name}", CHECK, ("latency.csv", *says), spoil)


def table(name: str, spoil: Spoil, *says: str) -> Fault:
    return Fault(f"table-{name}", RANK, ("table.csv", *says), spoil)


def log(name: str, spoil: Spoil, *says: str) -> Fault:
    return Fault(f"log-{name}", SCORE, ("log.txt", *says), spoil)


def _pipe(name: str) -> Spoil:
    def spoil(world: Path) -> None:
        (world / name).unlink()
        os.mkfifo(world / name)

    return spoil


def _bomb(world: Path) -> None:
    (world / "bomb.en.gz").write_bytes(gzip.compress(b"a" * (80 << 20), 9))


def _long_line(world: Path) -> None:
    (world / "text.en").write_bytes(b"a " * (9 << 20))


HEADER = "encoder_embed_dim,"
MEAN = 10
"""Column of ``latency_mean_encoder``."""

FAULTS = [
    latency("empty", put("latency.csv", ""), "is empty"),
    latency("blank", put("latency.csv", " \n\n"), "is empty"),
    latency("header-only", remake("latency.csv", lambda c: c.split(b"\n")[0]), "no measurements"),
    latency("no-header", remake("latency.csv", lambda c: c.split(b"\n", 1)[1]), ":1: ", "twice"),
    latency("stray-quote", field("latency.csv", 3, '"4.0'), ":2: ", "a quote"),
    latency("quoted-line-end", field("latency.csv", MEAN, '"5\n"'), ":2: ", "one row a line"),
    latency("semicolons", remake("latency.csv", lambda c: c.replace(b",", b";")), ":1: ", "commas"),
    latency("tabs", remake("latency.csv", lambda c: c.replace(b",", b"\t")), ":1: ", "tabs"),
    latency("utf-16", remake("latency.csv", lambda c: c.decode().encode("utf-16")), "UTF-16"),
    latency("latin-1", change("latency.csv", ",640,", b",\xe9,"), "is not UTF-8", "0xe9 in line 2"),
    latency("zero-byte", field("latency.csv", MEAN, "\0"), "line 2 holds the character U+0000"),
    latency(
        "column-twice", change("latency.csv", "encoder_layer_num", "encoder_embed_dim"), "twice"
    ),
    latency(
        "column-missing", change("latency.csv", HEADER, "width,"), ":1: ", "no column 'encoder"
    ),
    latency("too-few", remake("latency.csv", lambda c: c[:-30]), ":41: ", "fields"),
    latency("too-many", field("latency.csv", 3, "4,4"), ":2: ", "expected 24 fields"),
    latency("nan", field("latency.csv", MEAN, "nan"), ":2: ", "a finite number", "'nan'"),
    latency("inf", field("latency.csv", MEAN, "-inf"), ":2: ", "a finite number", "'-inf'"),
    latency("1e999", field("latency.csv", MEAN, "1e999"), ":2: ", "a finite number", "'1e999'"),
    latency("hex", field("latency.csv", MEAN, "0x10"), ":2: ", "a finite number", "'0x10'"),
    latency("underscore", field("latency.csv", MEAN, "85_86"), ":2: ", "number", "'85_86'"),
    latency("arabic", field("latency.csv", MEAN, "\u0663"), ":2: ", "a finite number"),
    latency("true", field("latency.csv", MEAN, "True"), ":2: ", "a finite number", "'True'"),
    latency("decimal-comma", field("latency.csv", MEAN, '"5,5"'), ":2: ", "'5,5'"),
    latency("minus-zero", field("latency.csv", MEAN, "-0"), ":2: ", "must be positive"),
    latency("negative", field("latency.csv", MEAN, "-3"), ":2: ", "must be positive, but is -3"),
    latency("negative-spread", field("latency.csv", MEAN + 2, "-3"), ":2: ", "not be negative"),
    latency("fraction", field("latency.csv", 0, "640.5"), ":2: ", "whole number, but is 640.5"),
    latency("too-wide", field("latency.csv", 0, "1e18"), ":2: ", "must be at most 100,000,000"),
    latency("too-deep", field("latency.csv", 1, "1000000"), ":2: ", "at most 1,000, but is 1,000,"),
    latency(
        "ages", field("latency.csv", MEAN, "1e300"), ":2: ", "at most 1,000,000,000, but is 1e+300"
    ),
    latency("no-time", field("latency.csv", MEAN, "1e-300"), ":2: ", "at least 1e-06"),
    latency(
        "spread-of-ages", field("latency.csv", MEAN + 2, "1e300"), ":2: ", "at most 1,000,000,000"
    ),
    latency("marked-below-0", field("latency.csv", 20, "-5"), ":2: ", "shift_percent", "negative"),
    latency("memory-below-0", field("latency.csv", 22, "-3"), ":2: ", "memory_mib", "negative"),
    latency("energy-below-0", field("latency.csv", 23, "-3"), ":2: ", "energy_mj", "negative"),
    latency("nothing", field("latency.csv", MEAN, ""), ":2: ", "a finite number, but found ''"),
    latency(
        "layers", field("latency.csv", 14, "1_0 2"), ":2: ", "has no encoder_self_attention_heads"
    ),
    latency("pipe", _pipe("latency.csv"), "is a pipe"),
    table("stray-quote", field("table.csv", 1, '"a' + "x\n" * 70_000), ":2: ", "a quote"),
    table("quote-after", field("table.csv", 1, '"a"b'), ":2: ", "is no row of a CSV file"),
    table(
        "underscore",
        put("table.csv", f"arch,score\n{CELL},1\n{CELL},2\n{CELL},85_86\n"),
        ":4: ",
        "85_86",
    ),
    table(
        "word-among-numbers",
        put("table.csv", f"arch,score\n{CELL},1\n{CELL},2\n{CELL},x\n"),
        ":4: ",
        "'x'",
    ),
    table("column-twice", change("table.csv", "task", "score"), ":1: ", "'score' stands twice"),
    table("target", change("table.csv", "score", "sorce"), "score", "did you mean 'sorce'"),
    table(
        "deep-arch",
        field("table.csv", 0, '"' + '{""a"":' * 500 + '"'),
        ":2: ",
        "nested more than 50 deep",
    ),
    table("key-twice", field("table.csv", 0, '"{""a"":1,""a"":2}"'), ":2: ", "'a' stands twice"),
    table("no-arch", field("table.csv", 0, "x"), ":2: ", "JSON", "'x'"),
    table("empty", put("table.csv", b""), "is empty"),
    log(
        "far-sentence", change("log.txt", "H-2\t", "H-100000000000\t"), "are missing", "sentence 2"
    ),
    log("other-digits", change("log.txt", "H-1\t", "H-\u0661\t"), "sentence 1"),
    log("no-tab", change("log.txt", "H-1\t-0.5\t", "H-1\t-0.5 "), ":6: ", "H-id<tab>score<tab>"),
    log(
        "no-score",
        change("log.txt", "H-1\t-0.5\t", "H-1\tx\t"),
        *(":6: ", "score of a translation must be a number", "'x'"),
    ),
    log("twice", remake("log.txt", lambda c: c + c), ":11: ", "a second reference of sentence 0"),
    log("nothing", put("log.txt", "hello\n"), "no translations"),
    log("utf-16", remake("log.txt", lambda c: c.decode().encode("utf-16")), "is not UTF-8"),
    log("folder", lambda w: ((w / "log.txt").unlink(), (w / "log.txt").mkdir()), "is a folder"),
    Fault("text-empty", BLEU, ("text.en", "no translations"), put("text.en", "")),
    Fault("text-sides", BLEU, ("text.en", "4 translations, but 3"), put("text.en", "a\n" * 4)),
    Fault("text-latin-1", BLEU, ("text.fr", "0xe9 in line 2"), put("text.fr", b"a\n\xe9\na\n")),
    Fault("text-line", BLEU, ("text.en:1", "the line is too long"), _long_line),
    Fault(
        "text-bomb",
        "score --sys bomb.en.gz --ref text.fr",
        ("bomb.en.gz:1: the line is too long",),
        _bomb,
    ),
    Fault("text-device", "score --sys /dev/zero --ref text.fr", ("/dev/zero", "is a device")),
    Fault(
        "text-flipped-gzip",
        "score --sys a.gz --ref text.fr",
        ("a.gz", "is not a complete gzip file"),
        lambda w: (w / "a.gz").write_bytes(
            flipped(0.5)(gzip.compress(os.urandom(3000).hex().encode()))
        ),
    ),
    Fault(
        "text-plain-gzip",
        "score --sys a.gz --ref text.fr",
        ("a.gz", "Not a gzipped file"),
        put("a.gz", "a b\n"),
    ),
    Fault(
        "text-cut-gzip",
        "score --sys a.gz --ref text.fr",
        ("a.gz", "is not a complete gzip file"),
        put("a.gz", gzip.compress(b"a b c\n" * 100)[:-9]),
    ),
]


@as_tests(FAULTS)
def test_is_refused_in_one_sentence(fault: Fault, documents: Path, tmp_path: Path) -> None:
    refused(fault, documents, tmp_path)
