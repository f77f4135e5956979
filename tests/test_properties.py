"""What holds for every input: what was written is read, and what is no input is one sentence.

Each property runs on a few inputs that are the same every time, and in ``make test-slow`` on many
that are drawn anew.
"""

import contextlib
import csv
import io
import json
import math
import pickle
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hat.arch.genes import Genes
from hat.arch.hat_yaml import ARCH_KEYS, arch_from_mapping, arch_to_mapping, load_arch, write_arch
from hat.arch.nb201_cell import parse_nb201, sample_nb201
from hat.arch.recipe import parse_recipe
from hat.arch.space import SearchSpace
from hat.csv_reader import CsvRows
from hat.errors import HatError
from hat.formats.pickle_stream import PickleStream
from hat.formats.plain_pickle import read_plain_pickle
from hat.json_reader import is_deeper, parse_json
from hat.latency.samples import LatencySample, read_samples, write_samples
from hat.numerals import real, whole
from hat.text.dictionaries import read_dictionary
from hat.text.generation_log import read_generation_logs
from hat.text.lines import plain
from hat.yaml_reader import read_mapping

FEW, MANY = 25, 400


@dataclass(frozen=True)
class Property:
    """What holds for every input that a strategy draws."""

    inputs: st.SearchStrategy[Any]
    holds: Callable[[Any], object]


def read(content: str | bytes, reader: Callable[[Path], Any], name: str = "file") -> Any:
    """What a reader makes of a file with this content."""
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        return reader(path)


def or_refused(reader: Callable[[Any], Any]) -> Callable[[Any], object]:
    """Whatever comes in: a value, or one sentence."""

    def holds(content: Any) -> None:
        try:
            reader(content)
        except HatError as error:
            assert "\n" not in str(error)
            str(error).encode()

    return holds


letters = st.characters(blacklist_categories=["Cs", "Cc", "Cn", "Co", "Zl", "Zp"])


def is_number_to_some(text: str) -> bool:
    """Whether PyYAML writes a text without quotes that Python reads as a number.

    Such are YAML 1.2's numbers without a point, as ``1e-7``, which hat reads as numbers, and
    ``-Infinity`` and ``0o7``, which it refuses.
    """
    if yaml.safe_dump(text, allow_unicode=True).startswith(("'", '"')):
        return False
    for number in (float, lambda digits: int(digits, 0)):
        with contextlib.suppress(ValueError):
            number(text)
            return True
    return False


words = st.text(letters, max_size=12).filter(lambda text: not is_number_to_some(text))
plain_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**17), 10**17),
    st.floats(allow_nan=False, allow_infinity=False),
    words,
)


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
        max_leaves=12,
    )


def _yaml_is_read(value: dict[str, Any]) -> None:
    text = yaml.safe_dump(value, allow_unicode=True, width=10**6)
    found = read(text, lambda path: {k: e.value for k, e in read_mapping(path).items()})
    assert found == value


def distinct_keys(value: Any) -> bool:
    """Whether keys differ when dashes and underscores are the same, at any depth."""
    if isinstance(value, list):
        return all(map(distinct_keys, value))
    if not isinstance(value, dict):
        return True
    spelled = {key.replace("_", "-") for key in value}
    return len(spelled) == len(value) and all(map(distinct_keys, value.values()))


@st.composite
def spaces(draw: st.DrawFn) -> SearchSpace:
    def choices(low: int, high: int, step: int = 1) -> tuple[int, ...]:
        values = draw(st.sets(st.integers(low, high), min_size=1, max_size=3))
        return tuple(sorted((step * value for value in values), reverse=True))

    return SearchSpace(
        encoder_embed_dims=choices(1, 9, 8),
        decoder_embed_dims=choices(1, 9, 8),
        encoder_layer_nums=choices(1, 5),
        decoder_layer_nums=choices(1, 5),
        encoder_ffn_dims=choices(1, 9, 8),
        decoder_ffn_dims=choices(1, 9, 8),
        encoder_self_heads=choices(1, 4),
        decoder_self_heads=choices(1, 4),
        decoder_ende_heads=choices(1, 4),
        decoder_ende_spans=choices(1, 3),
    )


spaces_and_seeds = st.tuples(spaces(), st.integers(0, 2**32))


def _archs_come_back(drawn: tuple[SearchSpace, int]) -> None:
    space, seed = drawn
    arch = space.sample(np.random.default_rng(seed))
    assert arch_from_mapping(arch_to_mapping(arch), "here") == arch
    with tempfile.TemporaryDirectory() as folder:
        write_arch(Path(folder) / "a.yml", arch, "A comment: with a colon")
        assert load_arch(Path(folder) / "a.yml") == arch


def _genes_come_back(drawn: tuple[SearchSpace, int]) -> None:
    space, seed = drawn
    genes = Genes(space)
    drawn_genes = genes.sample(np.random.default_rng(seed))
    arch = genes.decode(drawn_genes)
    space.check(arch)
    assert genes.decode(genes.encode(arch)) == arch


def _cells_come_back(seed: int) -> None:
    cell = sample_nb201(np.random.default_rng(seed))
    assert parse_nb201(str(cell)) == cell


def _samples_come_back(drawn: tuple[tuple[SearchSpace, int], list[float]]) -> None:
    (space, seed), times = drawn
    rng = np.random.default_rng(seed)
    samples = [
        LatencySample.of(space.sample(rng), encoder_ms=ms, decoder_ms=2 * ms, encoder_std_ms=ms / 9)
        for ms in times
    ]
    with tempfile.TemporaryDirectory() as folder:
        write_samples(Path(folder) / "x.csv", samples)
        assert read_samples(Path(folder) / "x.csv") == samples


@st.composite
def recipes(draw: st.DrawFn) -> dict[str, Any]:
    """A chain of nodes, each of which reads any of those before it, or a state."""
    nodes: dict[str, Any] = {"first": {"op": "linear", "input": ["x", "h_prev_0"]}}
    unary = ("activation_tanh", "activation_sigm", "activation_leaky_relu")
    for number in range(draw(st.integers(0, 5))):
        known = [*nodes, "h_prev_0"]
        if draw(st.booleans()):
            spec = {"op": draw(st.sampled_from(unary)), "input": [draw(st.sampled_from(known))]}
        else:
            inputs = draw(st.lists(st.sampled_from(known), min_size=2, max_size=3))
            spec = {"op": "elementwise_sum", "input": inputs}
        nodes[f"node_{number}"] = spec
    nodes["h_new_0"] = {"op": "activation_tanh", "input": [draw(st.sampled_from(list(nodes)))]}
    return dict(draw(st.permutations(list(nodes.items()))))


def _recipes_are_read(nodes: dict[str, Any]) -> None:
    recipe = parse_recipe(json.dumps(nodes))
    found = {n.name: {"op": n.operation, "input": list(n.inputs)} for n in recipe.nodes}
    assert found == nodes
    assert parse_recipe(nodes) == recipe
    places = {node.name: place for place, node in enumerate(recipe.nodes)}
    for node in recipe.nodes:
        assert all(places.get(name, -1) < places[node.name] for name in node.inputs)


sentences = st.lists(st.lists(st.text(letters, min_size=1, max_size=6), max_size=5), min_size=1)


@st.composite
def logs(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Translations in their order, and the lines of a log in any."""
    texts = [plain(" ".join(sentence)) for sentence in draw(sentences)]
    blocks = [
        [f"S-{n}\tsource", f"T-{n}\t{text[::-1]}", f"H-{n}\t-0.5\t{text}", f"H-{n}\t-1\tworse"]
        for n, text in enumerate(texts)
    ]
    order = draw(st.permutations(blocks))
    return texts, ["noise | H-1", *(line for block in order for line in block)]


def _logs_are_read(drawn: tuple[list[str], list[str]]) -> None:
    texts, lines = drawn
    end = "\r\n" if len(lines) % 2 else "\n"
    found = read(end.join(lines), lambda path: read_generation_logs([path]))
    assert list(found.hypotheses) == texts
    assert list(found.references) == [plain(text[::-1]) for text in texts]


names = st.text(letters, min_size=1, max_size=6).filter(lambda n: n.strip() == n and n != "\ufeff")
tables = st.lists(names, min_size=2, max_size=4, unique=True).flatmap(
    lambda header: st.tuples(
        st.just(header),
        st.lists(
            st.lists(
                st.text(letters | st.sampled_from('\n",;'), max_size=8),
                min_size=len(header),
                max_size=len(header),
            ),
            max_size=4,
        ),
    )
)


def _tables_are_read(drawn: tuple[list[str], list[list[str]]]) -> None:
    header, rows = drawn
    for end in ("\n", "\r\n"):
        stream = io.StringIO()
        csv.writer(stream, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([header, *rows])
        for mark in ("", "\ufeff"):
            found = read(mark + stream.getvalue(), CsvRows.read)
            assert list(found.header) == header
            assert [list(row.values()) for row in found.fields] == rows


def _json_is_read(value: Any) -> None:
    assert parse_json(json.dumps(value), "here") == value
    assert parse_json(json.dumps(value, ensure_ascii=False, indent=1), "here") == value


def _numbers_are_read(number: int | float) -> None:
    if isinstance(number, int):
        assert whole(str(number)) == number == whole(f" {number:+} ")
    assert real(repr(number)) == float(number) == real(f"\t{number!r}\n")


def _only_digits_are_numbers(text: str) -> None:
    for reader in (whole, real):
        try:
            value = reader(text)
        except ValueError:
            continue
        assert text.isascii() and "_" not in text and math.isfinite(value)


def _pickles_are_read(value: Any) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        data = pickle.dumps(value, protocol=protocol)
        assert read(data, read_plain_pickle) == value
        if protocol >= 2:
            assert PickleStream(io.BytesIO(data), "here").load() == value


any_text = st.text(max_size=60)
almost_json = st.text('[]{}",:\\u0123456789abcdeEnulltrs+-. \n', max_size=60)
almost_yaml = st.text("ab-:[]{}&*!|>?%@#'\", \n\t0123.", max_size=60)
almost_csv = st.text('ab,;"\n\r\t1. ', max_size=60)
almost_log = st.text("STHD-0123\t\nab.\u0661", max_size=60)

PROPERTIES = {
    "yaml-is-read": Property(
        st.dictionaries(words, nested(plain_values), max_size=5).filter(
            lambda value: distinct_keys(value) and not is_deeper(value, 10)
        ),
        _yaml_is_read,
    ),
    "yaml-or-refused": Property(
        any_text | almost_yaml, or_refused(lambda text: read(text, read_mapping))
    ),
    "archs-come-back": Property(spaces_and_seeds, _archs_come_back),
    "genes-come-back": Property(spaces_and_seeds, _genes_come_back),
    "archs-or-refused": Property(
        st.dictionaries(st.sampled_from(ARCH_KEYS), nested(plain_values), min_size=8),
        or_refused(lambda value: arch_from_mapping(value, "here")),
    ),
    "samples-come-back": Property(
        st.tuples(spaces_and_seeds, st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=4)),
        _samples_come_back,
    ),
    "recipes-are-read": Property(recipes(), _recipes_are_read),
    "recipes-or-refused": Property(
        almost_json | any_text | nested(plain_values).map(json.dumps), or_refused(parse_recipe)
    ),
    "cells-come-back": Property(st.integers(0, 2**32), _cells_come_back),
    "cells-or-refused": Property(
        any_text | st.text("|nor_conv_3x3~0+1", max_size=60), or_refused(parse_nb201)
    ),
    "logs-are-read": Property(logs(), _logs_are_read),
    "logs-or-refused": Property(
        any_text | almost_log,
        or_refused(lambda text: read(text, lambda path: read_generation_logs([path]))),
    ),
    "tables-are-read": Property(tables, _tables_are_read),
    "tables-or-refused": Property(
        any_text | almost_csv, or_refused(lambda text: read(text, CsvRows.read))
    ),
    "json-is-read": Property(nested(plain_values), _json_is_read),
    "json-or-refused": Property(
        any_text | almost_json, or_refused(lambda text: parse_json(text, "here"))
    ),
    "numbers-are-read": Property(
        st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False),
        _numbers_are_read,
    ),
    "only-digits-are-numbers": Property(
        any_text | st.text("0123456789_.eE+-xobinf \u0663", max_size=8), _only_digits_are_numbers
    ),
    "pickles-are-read": Property(nested(plain_values), _pickles_are_read),
    "pickles-or-refused": Property(
        st.binary(max_size=60), or_refused(lambda data: read(data, read_plain_pickle))
    ),
    "pickle-streams-or-refused": Property(
        st.binary(max_size=60),
        or_refused(lambda data: PickleStream(io.BytesIO(data), "here").load()),
    ),
    "dictionaries-or-refused": Property(
        any_text | st.text("ab \n#fairseq:ovwt12", max_size=40),
        or_refused(lambda text: read(text, read_dictionary)),
    ),
}


@pytest.mark.parametrize("name", PROPERTIES)
def test_holds_for_some_inputs(name: str) -> None:
    _try(name, max_examples=FEW, derandomize=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROPERTIES)
def test_holds_for_many_inputs(name: str) -> None:
    _try(name, max_examples=MANY, print_blob=True)


def _try(name: str, **profile: Any) -> None:
    found = PROPERTIES[name]
    checks = list(HealthCheck)
    run = settings(deadline=None, database=None, suppress_health_check=checks, **profile)
    run(given(found.inputs)(lambda value: found.holds(value) and None))()
