"""The YAML reader: words as written, numbers that everybody reads alike, and no bombs."""

from pathlib import Path

import pytest

from hat.errors import ConfigError
from hat.yaml_reader import Entry, read_mapping


def read(folder: Path, text: str) -> dict[str, Entry]:
    path = folder / "x.yml"
    path.write_text(text, encoding="utf-8")
    return read_mapping(path)


PLAIN = [
    ("1", 1),
    ("+5", 5),
    ("-0.5", -0.5),
    (".5", 0.5),
    ("1e-7", 1e-7),
    ("1e5", 1e5),
    ("True", True),
    ("false", False),
    ("no", "no"),
    ("on", "on"),
    ("Yes", "Yes"),
    ("tRUE", "tRUE"),
    ("'True'", "True"),
    ("'010'", "010"),
    ('"1"', "1"),
    ("(0.9, 0.98)", "(0.9, 0.98)"),
    ("2024-01-01", "2024-01-01"),
    ("2001-12-14t21:59:43", "2001-12-14t21:59:43"),
    ("1.2.3", "1.2.3"),
    ("0x_", "0x_"),
    ("inf", "inf"),
    ("=", "="),
    ("60%", "60%"),
    ("a-1:30", "a-1:30"),
    ("~", None),
    ("", None),
    ("'null'", "null"),
    ("[1, a, [no]]", [1, "a", ["no"]]),
    ("{a_b: no, c: [1]}", {"a_b": "no", "c": [1]}),
    ("|\n  no\n", "no\n"),
]


@pytest.mark.parametrize(("text", "value"), PLAIN)
def test_values_by_yaml_1_2(tmp_path: Path, text: str, value: object) -> None:
    found = read(tmp_path, f"a: {text}")["a"].value
    assert found == value and type(found) is type(value)


AMBIGUOUS = [
    ("010", "8", "8 or 10"),
    ("-010", "-8", "-8 or -10"),
    ("0777", "511", "511 or 777"),
    ("08", "'08'", "8"),
    ("0o10", "'0o10'", "8"),
    ("0x1F", "31", "31"),
    ("0b11", "3", "3"),
    ("1_000", "1000", "1000"),
    ("1_0.5", "10.5", "10.5"),
    ("1:30", "90", "90"),
    ("1:30:15", "5415", "5415"),
    ("1:30.5", "90.5", "90.5"),
    ("00.5", "0.5", "0.5"),
    ("\u0661\u0662", "'\u0661\u0662'", "12"),
]


@pytest.mark.parametrize(("text", "as_yaml", "advice"), AMBIGUOUS)
def test_numbers_that_readers_disagree_on_are_refused(
    tmp_path: Path, text: str, as_yaml: str, advice: str
) -> None:
    for written, line in ((f"a: {text}", 1), (f"a: [1,\n  {text}]", 2), (f"a: {{b: {text}}}", 1)):
        entry = read(tmp_path, written)["a"]
        with pytest.raises(ConfigError) as refusal:
            _ = entry.value
        name = "b" if "{" in written else "a"
        assert str(refusal.value) == (
            f"{tmp_path}/x.yml:{line}: {name}: {text} is an ambiguous number "
            f"(YAML reads {as_yaml}): write {advice}"
        )
    assert read(tmp_path, f"a: {text}")["a"].text() == text


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan", "-Infinity", "+nan"])
def test_numbers_that_are_not_finite_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        _ = read(tmp_path, f"a: {text}")["a"].value
    assert str(refusal.value) == f"{tmp_path}/x.yml:1: a: {text} is not a finite number"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("b: 1\na: 1\nb: 2", "x.yml:3: 'b' stands here again; first at .*x.yml:1"),
        ("a-b: 1\na_b: 1", "x.yml:2: 'a-b' stands here again"),
        ("a:\n  b: 1\n  b: 1", "x.yml:3: 'b' stands here again; first at .*x.yml:2"),
        ("a: [{b: 1, b: 1}]", "x.yml:1: 'b' stands here again"),
        ("a: &x [1]\nb: *x", r"x.yml:1: not valid YAML: anchors \(&\) and aliases"),
        ("b: *x", r"x.yml:1: not valid YAML: anchors \(&\) and aliases \(\*\) are not read"),
        ("a: !!str 010", "x.yml:1: not valid YAML: the tag !!str is not read"),
        ("a: !!python/object/apply:os.getcwd []", "not valid YAML: the tag !!python/object"),
        ("a: !evil x", "not valid YAML: the tag !evil is not read"),
        ("!!map {a: 1}", "not valid YAML: the tag !!map is not read"),
        ("? [1]\n: 3", "x.yml:1: not valid YAML: a key is one word, but here it is a list"),
        ("a: 1\n---\nb: 1", "x.yml:2: not valid YAML: it holds more than one document"),
        ("a: " + "[" * 100_000, "x.yml:1: not valid YAML: it is nested more than 12 deep"),
        ("a: " + "{a: " * 100_000, "x.yml:1: not valid YAML: it is nested more than 12 deep"),
        ("a: x\n" * 300_000, "x.yml: is too large: expected at most 1,000,000 bytes"),
        ("a: x\u2028y", r"x.yml: not valid YAML: it holds the character '\\u2028'"),
        ('a: "x\\0y"', r"x.yml:1: not valid YAML: it holds the character '\\x00'"),
        ("a: 'x", "x.yml:1: not valid YAML: "),
        ("a b", "x.yml: expected 'key: value' lines, but found a b"),
        ("- 1", "x.yml: expected 'key: value' lines, but found a list"),
    ],
    ids=range(20),
)
def test_what_is_no_plain_mapping_is_refused_in_one_sentence(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as refusal:
        read(tmp_path, text)
    assert len(str(refusal.value)) < len(str(tmp_path)) * 2 + 120


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "~"])
def test_an_empty_file_holds_nothing(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == {}


def test_who_asks_decides_the_type(tmp_path: Path) -> None:
    entries = read(
        tmp_path, "text: 010\non: true\nwords: [no, 007]\nnumber: 1e-7\nblock: {a: 1}\nnone:\n"
    )
    assert entries["text"].text() == "010"
    assert entries["on"].switch() is True
    assert entries["words"].texts() == ("no", "007")
    assert entries["number"].number() == 1e-7
    assert entries["block"].block()["a"].number() == 1
    assert entries["none"].block() == {}


@pytest.mark.parametrize(
    ("text", "ask", "message"),
    [
        ("a: yes", "switch", "x.yml:1: a is a switch: expected True or False, but found yes"),
        ("a: 'no'", "switch", "a is a switch: expected True or False, but found 'no'"),
        ("a:", "switch", "a is a switch: expected True or False, but found nothing"),
        ("a: [true]", "switch", "a is a switch: expected True or False, but found a list"),
        ("a: /x", "texts", r"x.yml:1: a is a list, written \[a, b\], but found /x"),
        ("a: [x, [y]]", "texts", "x.yml:1: a needs a value, but found a list"),
        ("a: [x, null]", "texts", "x.yml:1: a needs a value, but found nothing"),
        ("a: x", "number", "x.yml:1: a must be a number, but found x"),
        ("a: 010", "number", "a: 010 is an ambiguous number"),
        ("a: '010'", "number", r"a: 010 is an ambiguous number \(YAML reads '010'\): write 10"),
        ("a: 1e999", "number", "a must be a number, but found 1e999"),
        ("a: x", "block", "x.yml:1: a holds 'name: value' lines, but found x"),
        ("a: {b: 1}", "text", "x.yml:1: a needs a value, but found a mapping"),
    ],
)
def test_another_type_is_refused(tmp_path: Path, text: str, ask: str, message: str) -> None:
    entry = read(tmp_path, text)["a"]
    with pytest.raises(ConfigError, match=message):
        getattr(entry, ask)()
