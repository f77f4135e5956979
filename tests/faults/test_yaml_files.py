"""YAML files: whatever YAML can say besides words, and whatever is no YAML."""

import os
from pathlib import Path

import pytest

from tests.faults.documents import change, put
from tests.faults.fault import Fault, Spoil, as_tests, refused
from tests.tiny_yaml import CHOICES, NETWORK, SUB

WORDS = (
    "latency predict sub.yml --ckpt-path hats.pt --feature-norm 1 1 1 1 1 1 1 1 1 1 --lat-norm 1"
)


def sub(name: str, content: str | bytes | Spoil, *says: str) -> Fault:
    spoil = content if callable(content) else put("sub.yml", content)
    return Fault(name, WORDS, ("sub.yml", *says), spoil)


def line(old: str, new: str) -> Spoil:
    return change("sub.yml", old, new)


DEPTH = "encoder-layer-num-subtransformer: 2"
BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
)


def _pipe(world: Path) -> None:
    (world / "sub.yml").unlink()
    os.mkfifo(world / "sub.yml")


def _folder(world: Path) -> None:
    (world / "sub.yml").unlink()
    (world / "sub.yml").mkdir()


def _link(target: str) -> Spoil:
    def spoil(world: Path) -> None:
        (world / "sub.yml").unlink()
        (world / "sub.yml").symlink_to(target)

    return spoil


FAULTS = [
    *(
        Fault(
            f"validate-{name}",
            "validate sub.yml",
            ("sub.yml: holds nothing: expected 'key: value' lines",),
            put("sub.yml", text),
        )
        for name, text in (("empty", ""), ("comments", "# nothing\n\n"), ("null", "~\n"))
    ),
    sub("date", line(DEPTH, DEPTH[:-1] + "2024-01-01"), ":5: ", "must hold integers", "2024-01-01"),
    sub("tag-of-a-number", line(DEPTH, DEPTH[:-1] + "!!int abc"), ":5: ", "!!int", "without it"),
    sub("tag-of-python", "a: !!python/object/apply:os.system [id]\n", ":1: ", "the tag"),
    sub("tag-of-binary", line(DEPTH, DEPTH[:-1] + "!!binary aGVsbG8="), ":5: ", "!!binary"),
    sub("aliases-that-grow", BOMB, ":1: ", "anchors"),
    sub("itself", "a: &a [*a]\n", ":1: ", "anchors"),
    sub("merge-key", "a: &a {b: 1}\nc: {<<: *a}\n", ":1: ", "anchors"),
    sub("deep-lists", "a: " + "[" * 5000, ":1: ", "nested more than 12 deep"),
    sub("deep-mappings", "a: " + "{b: " * 5000, ":1: ", "nested more than 12 deep"),
    sub("deep-by-indents", "".join(f"{' ' * i}a:\n" for i in range(40)), "nested more than 12"),
    sub("two-documents", SUB + "---\na: 1\n", "more than one document"),
    sub("key-twice", SUB + DEPTH + "\n", ":11: ", "stands here again; first at sub.yml:5"),
    sub(
        "key-spelled-otherwise", SUB + DEPTH.replace("-", "_") + "\n", ":11: ", "stands here again"
    ),
    sub("octal", line(DEPTH, DEPTH[:-1] + "010"), ":5: ", "010 is an ambiguous number"),
    sub("underscore", line(DEPTH, DEPTH[:-1] + "1_0"), ":5: ", "1_0 is an ambiguous number"),
    sub("sixties", line(DEPTH, DEPTH[:-1] + "1:30"), ":5: ", "1:30 is an ambiguous number"),
    sub("other-digits", line(DEPTH, DEPTH[:-1] + "\u0663"), ":5: ", "ambiguous number", "write 3"),
    sub("infinite", line(DEPTH, DEPTH[:-1] + ".inf"), ":5: ", ".inf is not a finite number"),
    sub("yes", line(DEPTH, DEPTH[:-1] + "yes"), ":5: ", "'yes'"),
    sub("half", line(DEPTH, DEPTH[:-1] + "2.5"), ":5: ", "2.5"),
    sub("nothing", line(DEPTH, DEPTH[:-1]), "encoder-layer-num of the SubTransformer is missing"),
    sub("a-space", NETWORK + CHOICES, "no SubTransformer is described", "encoder-layer-num-sub"),
    sub("million-layers", line(DEPTH, DEPTH[:-1] + "1000000"), "the depth is 1000000"),
    sub("list-for-a-number", line(DEPTH, DEPTH[:-1] + "[[2]]"), ":5: ", "a list in it"),
    sub(
        "mapping-for-a-number",
        line(DEPTH, DEPTH[:-1] + "{a: 2}"),
        ":5: ",
        "must hold integers",
        "{'a': 2}",
    ),
    sub("tab", SUB + "\ta: 1\n", ":11: ", "not valid YAML"),
    sub("open-quote", SUB + 'a: "b\n', "not valid YAML"),
    sub("character-0", SUB + "a: \0\n", "U+0000"),
    sub("line-end-of-unicode", SUB + "a: b\u2028c: d\n", "\\u2028"),
    sub("utf-16", SUB.encode("utf-16"), "is not UTF-8 text but UTF-16"),
    sub("latin-1", SUB.encode() + b"# caf\xe9\n", "is not UTF-8", "0xe9 in line 11"),
    sub("packed", b"\x1f\x8b\x08" + bytes(30), "packed by gzip"),
    sub("large", "a: b\n" * 300_000, "is too large: expected at most 1,000,000 bytes"),
    sub("empty", "", "no SubTransformer is described", "encoder-layer-num-sub"),
    sub("a-list", "- a\n- b\n", "expected 'key: value' lines, but found a list"),
    sub("a-word", "hello\n", "expected 'key: value' lines, but found hello"),
    sub("json", "[1, 2]", "expected 'key: value' lines"),
    sub("pipe", _pipe, "is a pipe, which can be read only once: expected a file"),
    sub("folder", _folder, "is a folder: expected a file"),
    sub("device", _link("/dev/zero"), "is a device: expected a file"),
    sub("loop", _link("sub.yml"), "Too many levels of symbolic links"),
    sub("nowhere", _link("nothing.yml"), "No such file"),
]


@as_tests(FAULTS)
def test_is_refused_in_one_sentence(fault: Fault, documents: Path, tmp_path: Path) -> None:
    refused(fault, documents, tmp_path)


PIPELINE = [
    Fault(
        f"pipeline-{name}",
        "pipeline pipeline.yml --dry-run",
        ("pipeline.yml:5: ", *says),
        put(
            "pipeline.yml",
            "task: numbers.en-fr\nrun-dir: r\nhardware: cpu\npreprocess: p.sh\n" + text,
        ),
    )
    for name, text, says in [
        ("minutes-list", "minutes: [1]\n", ("minutes holds 'name: value' lines", "a list")),
        ("minutes-number", "minutes: 3\n", ("minutes holds 'name: value' lines", "found 3")),
        (
            "switch-in-quotes",
            'retrain-largest: "no"\n',
            ("retrain-largest", "True or False", "'no'"),
        ),
        ("switch-yes", "retrain-largest: yes\n", ("retrain-largest", "True or False", "yes")),
        ("unknown", "retrain-largst: True\n", ("retrain-largst", "did you mean")),
        ("lenpen", "lenpen: [1, 2]\n", ("lenpen", "a list")),
        ("seeds", "processes: two\n", ("processes must be a whole number", "'two'")),
        ("underscore", "processes: 1_0\n", ("processes", "ambiguous number")),
        ("path-list", "data: [a, b]\n", ("data", "a list")),
    ]
]


@as_tests(PIPELINE)
def test_a_pipeline_is_refused_in_one_sentence(
    fault: Fault, documents: Path, tmp_path: Path
) -> None:
    refused(fault, documents, tmp_path)


@pytest.mark.parametrize("text", ["a: 2024-01-01\n", "a: !!int abc\n", BOMB, "a: &a [*a]\n"])
def test_validate_says_it_too(text: str, documents: Path, tmp_path: Path) -> None:
    from tests.faults.fault import run_here

    (tmp_path / "x.yml").write_text(text)
    ended = run_here(["validate", "x.yml"], tmp_path)
    assert ended.code == 2 and "x.yml" in ended.err + ended.out
    assert "Traceback" not in ended.err + ended.out
