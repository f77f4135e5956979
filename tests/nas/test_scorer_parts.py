"""One test of everything that any scorer must do, on a SuperTransformer that was never trained."""

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import hat
from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_to_mapping
from hat.nas.scorers import SCORERS
from hat.nas.scorers.base import SearchScorer
from hat.nas.supernet import Supernet
from hat.search.operators import GeneOperators
from hat.settings import Setting, own_settings

pytest.importorskip("fairseq")


@pytest.fixture(scope="module")
def loaded(space_yml: Path, supernet: Path) -> Supernet:
    return hat.load_supernet(space_yml, restore_file=supernet, cpu=True)


@pytest.fixture(scope="module")
def archs(loaded: Supernet) -> list[SubTransformerConfig]:
    rng = np.random.default_rng(0)
    return [loaded.space.largest(), loaded.space.smallest(), loaded.space.sample(rng)]


@pytest.fixture
def given(tmp_path: Path, archs: list[SubTransformerConfig]) -> dict[str, dict[str, Any]]:
    """What has no default and must be given, by scorer."""
    path = tmp_path / "table.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["arch", "BLEU", "loss"])
        for score, arch in enumerate(archs):
            writer.writerow([json.dumps(arch_to_mapping(arch)), score, -score])
    return {"table": {"scorer_table": path, "scorer_column": "BLEU"}}


def build(name: str, supernet: Supernet, values: dict[str, Any]) -> SearchScorer:
    part: Any = SCORERS.load(name)
    scorer: SearchScorer = part.build(part.Settings(**values), supernet)
    return scorer


every_scorer = pytest.mark.parametrize("name", SCORERS.names())
Given = dict[str, dict[str, Any]]


@every_scorer
def test_scores_are_numbers_and_the_same_twice(
    name: str, loaded: Supernet, archs: list[SubTransformerConfig], given: Given
) -> None:
    scorer = build(name, loaded, given.get(name, {}))
    scores = scorer.score(archs)
    assert scores.dtype == np.float64 and scores.shape == (len(archs),)
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scorer.score(archs), scores)
    again = build(name, loaded, given.get(name, {}))
    np.testing.assert_array_equal(again.score(archs[::-1]), scores[::-1])
    assert isinstance(scorer, SearchScorer) and isinstance(scorer.higher_is_better, bool)
    assert scorer.name and "\n" not in scorer.name


@every_scorer
def test_it_says_what_it_reads(
    name: str, loaded: Supernet, archs: list[SubTransformerConfig], given: Given
) -> None:
    """Who reads no data scores without any, and who is free whatever the weights are."""
    part: Any = SCORERS.load(name)
    no_data = replace(loaded, valid_subset="nowhere")
    if part.reads_data:
        with pytest.raises(hat.HatError, match="nowhere"):
            build(name, no_data, given.get(name, {}))
        return
    scores = build(name, loaded, given.get(name, {})).score(archs)
    other = replace(no_data, model=_other_weights(loaded))
    if part.is_free:
        np.testing.assert_array_equal(build(name, other, {}).score(archs), scores)
    assert not (part.is_free and part.reads_data)


def _other_weights(supernet: Supernet) -> Any:
    import copy

    model = copy.deepcopy(supernet.model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2).add_(0.1)
    return model


@every_scorer
def test_its_signature_is_stable_and_every_setting_counts(
    name: str, loaded: Supernet, given: Given
) -> None:
    values = given.get(name, {})
    signed = build(name, loaded, values).signature()
    assert build(name, loaded, values).signature() == signed
    assert json.loads(json.dumps(signed, default=str))
    part: Any = SCORERS.load(name)
    for setting in own_settings(part.Settings):
        assert setting.decides, "a scorer has no settings that change nothing"
        for other in _others(setting, getattr(part.Settings(**values), setting.field)):
            changed = build(name, loaded, {**values, setting.field: other}).signature()
            assert changed != signed, setting.key


def _others(setting: Setting, value: Any) -> Iterator[Any]:
    """Another value of a setting."""
    if setting.type is Path:
        text = value.read_text().replace("0", "0.5")
        other = value.with_name("other.csv")
        other.write_text(text)
        yield other
    elif setting.choices is not None:
        yield from (choice for choice in setting.choices if choice != value)
    elif setting.type is str:
        yield "loss"
    else:
        larger = 3 if value is None else value + 1
        yield value / 2 if setting.type is float else larger


def test_no_two_scorers_sign_alike(loaded: Supernet, given: Given) -> None:
    texts = [
        json.dumps(build(name, loaded, given.get(name, {})).signature(), default=str)
        for name in SCORERS
    ]
    assert len(set(texts)) == len(texts)


@every_scorer
def test_what_it_makes_candidates_with_stays_in_the_space(
    name: str, loaded: Supernet, given: Given
) -> None:
    scorer = build(name, loaded, given.get(name, {}))
    operators = scorer.operators(GeneOperators(loaded.space))
    for arch in operators.sample(np.random.default_rng(0), 5):
        loaded.space.check(arch)
        assert operators.from_json(operators.to_json(arch)) == arch
