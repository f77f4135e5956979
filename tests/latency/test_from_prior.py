"""Starting from the predictor of another device: fewer rows, and no harm where it misleads."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hat.arch.gene_batch import GeneBatch
from hat.arch.genes import Genes
from hat.arch.space import SearchSpace
from hat.arrays import Floats
from hat.errors import ConfigError, DataError
from hat.latency.fit import FitSettings, fit_auto, fit_predictor
from hat.latency.predictor import LatencyPredictor, Lesson
from hat.latency.predictors import regression
from hat.latency.predictors.from_prior import FromPriorPredictor
from hat.latency.predictors.load import load_predictor
from hat.latency.predictors.regression import robust_shrunk
from hat.latency.samples import write_samples
from hat.latency.table import ArchTable
from tests.latency.conftest import Simulate, arrays


def other_device(table: ArchTable, latency_ms: Floats) -> LatencyPredictor:
    """Three times as slow, and wider encoders cost more there."""
    lesson = Lesson.of(table, 3 * latency_ms + table.features[:, 1] * table.features[:, 0] / 8)
    return fit_auto(lesson, kinds=["additive"]).predictor


def error(predictor: LatencyPredictor, table: ArchTable, truth: Floats) -> float:
    return float((np.abs(predictor.predict_table(table) - truth) / truth).mean())


def test_a_prior_makes_up_for_rows(simulate: Simulate) -> None:
    table, latency_ms = arrays(simulate(300, seed=5))
    prior = other_device(table, latency_ms)
    with_prior, without = [], []
    for seed in range(5):
        rows = np.random.default_rng(seed).permutation(300)
        learn, rest = rows[:12], rows[12:]
        lesson = Lesson.of(table.take(learn), latency_ms[learn], seed=seed)
        for errors, start in ((with_prior, prior), (without, None)):
            predictor = fit_auto(replace(lesson, prior=start)).predictor
            errors.append(error(predictor, table.take(rest), latency_ms[rest]))
    assert np.mean(with_prior) < 0.8 * np.mean(without)


def test_a_prior_that_says_nothing_is_left(simulate: Simulate) -> None:
    table, latency_ms = arrays(simulate(300, seed=5, noise=0.002))
    noise = np.exp(np.random.default_rng(0).normal(size=300))
    prior = other_device(table, noise)
    lesson = Lesson.of(table.take(range(200)), latency_ms[:200], prior=prior)
    fitted = fit_auto(lesson)
    assert fitted.predictor.kind != "from-prior"
    assert fitted.cv_error_percent == fit_auto(replace(lesson, prior=None)).cv_error_percent


def test_genes_and_architectures_have_the_same_latency(
    simulate: Simulate, tiny_space: SearchSpace
) -> None:
    table, latency_ms = arrays(simulate(200))
    choices = Lesson.of(table, latency_ms).choices
    for kind in ("additive", "per-layer"):
        prior = fit_auto(Lesson.of(table, 2 * latency_ms), kinds=[kind]).predictor
        lesson = Lesson.of(table, latency_ms, choices=choices, prior=prior)
        predictor = fit_auto(lesson, kinds=["from-prior"]).predictor
        genes = Genes(tiny_space)
        high = np.array(genes.num_choices)
        matrix = np.random.default_rng(0).integers(high, size=(50, len(high)))
        batch = GeneBatch(genes, matrix.astype(np.int8))
        expected = predictor.predict_ms(list(batch))
        np.testing.assert_allclose(predictor.predict_ms(batch), expected, rtol=1e-10)


def test_the_file_stands_alone_and_signs_the_prior(tmp_path: Path, simulate: Simulate) -> None:
    csv, old, new = tmp_path / "new.csv", tmp_path / "old.pt", tmp_path / "new.pt"
    samples = simulate(40)
    write_samples(csv, samples)
    table, latency_ms = arrays(samples)
    other_device(table, latency_ms).save(old)
    settings = FitSettings(predictor="from-prior", prior=old)
    fit = fit_predictor(csv, settings, say=lambda line: None)
    assert "|prior:" in fit.signature and fit.predictor.facts["prior"] in fit.signature
    fit.predictor.save(new)
    old.unlink()
    again = load_predictor(new)
    assert isinstance(again, FromPriorPredictor) and again.facts == fit.predictor.facts
    np.testing.assert_array_equal(again.predict_table(table), fit.predictor.predict_table(table))
    assert again.signature() == fit.predictor.signature()
    another = replace(again, prior=other_device(table, latency_ms**1.1))
    assert another.signature() != again.signature()
    other_device(table, latency_ms**1.1).save(old)
    assert fit_predictor(csv, settings, say=lambda line: None).signature != fit.signature


def test_what_is_no_prior_is_said(tmp_path: Path, simulate: Simulate) -> None:
    import torch

    csv, old = tmp_path / "new.csv", tmp_path / "old.pt"
    samples = simulate(200)
    table, latency_ms = arrays(samples)
    write_samples(csv, [replace(sample, arch=None) for sample in samples])

    def fit(**settings: Any) -> None:
        fit_predictor(csv, FitSettings(**settings), say=lambda line: None)

    with pytest.raises(ConfigError, match=r"from-prior starts from .* name it with --prior"):
        fit(predictor="from-prior")
    with pytest.raises(ConfigError, match="--predictor additive starts from no --prior"):
        fit(predictor="additive", prior=old)
    torch.save({"first_layer.weight": torch.zeros(1)}, old)
    with pytest.raises(ConfigError, match=r"old\.pt: HAT's predictors do not hold their scales"):
        fit(prior=old)
    lesson = Lesson.of(table, latency_ms)
    fit_auto(lesson, kinds=["per-layer"]).predictor.save(old)
    with pytest.raises(DataError, match=r"old\.pt: needs the architecture of every row"):
        fit(prior=old)
    predictor = other_device(table, latency_ms)
    predictor.choices = {"encoder_embed_dim": [64, 128]}
    predictor.save(old)
    with pytest.raises(ConfigError, match=r"knows encoder_embed_dim in \[64, 128\], but this data"):
        fit(prior=old)


def test_shrinking_finds_what_the_rows_support() -> None:
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(30, 12))
    prices = np.zeros(12)
    prices[0] = 3.0
    alone = robust_shrunk(columns, columns @ prices + 0.1 * rng.normal(size=30), free=1)
    assert alone[0] == pytest.approx(3.0, abs=0.1) and np.abs(alone[1:]).max() < 0.05
    prices[1:] = rng.normal(size=11)
    full = robust_shrunk(columns, columns @ prices, free=1)
    np.testing.assert_allclose(full, prices, atol=1e-3)


def test_the_strength_is_the_most_probable_one() -> None:
    """The likelihood as it is written in books, with a matrix of all rows."""
    rng = np.random.default_rng(1)
    fixed, pulled = 1 + 0.3 * rng.normal(size=(40, 1)), rng.normal(size=(40, 5))
    goal = 0.9 * fixed[:, 0] + pulled @ (0.05 * rng.normal(size=5)) + 0.1 * rng.normal(size=40)
    found = []
    for strength in regression._STRENGTHS:
        covariance = np.eye(40) + pulled @ pulled.T / (strength * 40)
        inverse = np.linalg.inv(covariance)
        products = fixed.T @ inverse @ fixed
        free = np.linalg.solve(products, fixed.T @ inverse @ goal)
        rest = goal - fixed @ free
        determinants = np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(products)[1]
        unlikely = 39 * np.log(rest @ inverse @ rest) + determinants
        others = pulled.T @ inverse @ rest / (strength * 40)
        found.append((unlikely, [*free, *others]))
    prices = regression._shrunk(fixed, pulled, goal)
    np.testing.assert_allclose(prices, min(found)[1], rtol=1e-9, atol=1e-12)
