"""The width-one twins equal the real networks in float64, on random architectures."""

import numpy as np
import pytest
import torch

from hat.arch.cell import random_cell
from hat.arch.nb201_cell import Nb201Cell, sample_nb201
from hat.arch.recipe import awd_layer_sizes, parse_recipe
from hat.benchmarks.images import photograph_crops
from hat.models.cells.constant import fill_with_constant
from hat.models.cells.nb101 import Nb101Network
from hat.models.cells.nb201 import Nb201Network
from hat.models.cells.recurrent import RecipeLanguageModel
from hat.models.constant_transformer import ConstantTransformer
from hat.scoring.cell_scores import NB101_WEIGHTS
from hat.scoring.collapsed.nb101 import CollapsedNb101
from hat.scoring.collapsed.nb201 import CollapsedNb201
from hat.scoring.collapsed.recurrent import recurrent_outputs
from hat.scoring.collapsed.transformer import CollapsedTransformer, TokenBatch, balanced_weights
from hat.scoring.epsinas import (
    AS_PUBLISHED,
    FLOAT64_RULE,
    ScoringRule,
    epsinas,
    magnitude_and_spread,
    normalised,
)

FLOAT64_EPSILON = np.finfo(np.float64).eps
COUNTS = [25, pytest.param(300, marks=pytest.mark.slow)]
OPERATIONS = {
    "linear": (1, 3),
    "blend": (3, 3),
    "elementwise_prod": (2, 3),
    "elementwise_sum": (2, 4),
    "activation_tanh": (1, 1),
    "activation_sigm": (1, 1),
    "activation_leaky_relu": (1, 1),
}


def assert_same_score(twin, direct, rule=AS_PUBLISHED):
    """twin and direct: outputs (2, M) under the two constants.

    Scaling an output of little spread to [0, 1] enlarges its rounding errors by magnitude / spread.
    """
    expected, found = float(epsinas(*direct, rule)), float(epsinas(*twin, rule))
    assert np.isnan(expected) == np.isnan(found)
    if not np.isnan(expected):
        largest, spread = magnitude_and_spread(direct)
        rounding = 100 * FLOAT64_EPSILON * (largest / spread).max()
        assert found == pytest.approx(expected, rel=1e-6, abs=rounding)


def random_recipe(rng):
    """A cell of up to ten nodes that may read anything computed before."""
    num_states = int(rng.integers(1, 4))
    known = ["x", *(f"h_prev_{index}" for index in range(num_states))]
    nodes = {}
    names = [f"node_{index}" for index in range(rng.integers(1, 8))]
    for name in [*names, *(f"h_new_{index}" for index in range(num_states))]:
        # Before a linear node has mixed it in, x has another width than the states.
        operation = str(rng.choice(list(OPERATIONS)))
        if not nodes:
            operation = "linear"
        fewest, most = OPERATIONS[operation]
        choices = known if operation == "linear" else known[1:]
        inputs = rng.choice(choices, size=rng.integers(fewest, most + 1)).tolist()
        if not nodes:
            inputs = ["x", *inputs]
        nodes[name] = {"op": operation, "input": inputs}
        known.append(name)
    return parse_recipe(nodes)


@pytest.mark.parametrize("weights", [(8e-4, 0.08), (1e-2, 0.3)], ids=["damped", "exploding"])
@pytest.mark.parametrize("count", COUNTS)
def test_recurrent(rng, count, weights):
    sizes = {"embed_dim": 5, "hidden_dim": 7}
    tokens = rng.integers(20, size=(6, 4))
    embedding = rng.uniform(size=(20, 5))
    sums = embedding.sum(axis=1)[tokens]
    undetermined = 0
    for _ in range(count):
        recipe = random_recipe(rng)
        twin, *nearby = (
            recurrent_outputs(
                recipe,
                sums * (1 + error),
                tuple(weight * (1 - error) for weight in weights),
                layer_sizes=awd_layer_sizes(5, 7),
            )
            for error in (0, 1e-14, -1e-14)
        )
        if not np.allclose(twin, nearby, rtol=1e-9, atol=0, equal_nan=True):
            # A chaotic cell: what it puts out depends on the last bits of its numbers.
            undetermined += 1
            continue
        model = RecipeLanguageModel(recipe, 20, **sizes).double()
        direct = []
        with torch.no_grad():
            model.embedding.weight.copy_(torch.from_numpy(embedding))
            for weight in weights:
                fill_with_constant(model, weight, bias=weight)
                direct.append(model.features(torch.from_numpy(tokens), weight)[:, :, 0].numpy())
        np.testing.assert_allclose(twin, direct, rtol=1e-9)
        outputs = (array.reshape(2, -1) for array in (twin, np.array(direct)))
        assert_same_score(*outputs, ScoringRule())
    assert undetermined <= 0.05 * count


def test_all_inputs_of_a_node_with_three_inputs_count():
    """The public implementation reads an undefined variable here."""
    recipe = parse_recipe(
        {
            "a": {"op": "linear", "input": ["x"]},
            "b": {"op": "activation_tanh", "input": ["a"]},
            "h_new_0": {"op": "elementwise_prod", "input": ["a", "b", "h_prev_0"]},
        }
    )
    one_layer = ((1, 1),)
    output = recurrent_outputs(recipe, [[2.0]], (0.5, 0.25), layer_sizes=one_layer)
    a = np.array([0.5 * 2 + 0.5, 0.25 * 2 + 0.25])
    np.testing.assert_allclose(output[:, 0, 0], a * np.tanh(a) * [0.5, 0.25])


@pytest.mark.parametrize("lend_skip", [False, True])
@pytest.mark.parametrize("count", COUNTS)
def test_nb201(rng, count, lend_skip):
    images = photograph_crops(4, rng, size=16)
    weights = (1e-7, 1.0)
    sizes = {"channels": 4, "cells": 2}
    twin = CollapsedNb201(images, weights, **sizes)
    special = [Nb201Cell(("none",) * 6), Nb201Cell(("nor_conv_3x3",) * 6)]
    for cell in [*special, *(sample_nb201(rng) for _ in range(count))]:
        lent = lend_skip and not cell.has_linear_path
        model = Nb201Network(cell, num_classes=2, lent_skip=lent, **sizes).double()
        direct = _images_through(model, images, weights)
        outputs = twin.outputs(cell, lend_skip=lend_skip)
        assert_same_score(outputs, direct)
        assert_same_score(outputs, direct, ScoringRule())


@pytest.mark.parametrize("weights", [(1e-2, 1.0), NB101_WEIGHTS])
@pytest.mark.parametrize("count", COUNTS)
def test_nb101(rng, count, weights):
    images = photograph_crops(4, rng, size=16)
    twin = CollapsedNb101(images, weights, stem_channels=7)
    for _ in range(count):
        cell = random_cell(rng)
        model = Nb101Network(cell, num_classes=2, stem_channels=7).double()
        direct = _images_through(model, images, weights)
        assert_same_score(twin.outputs(cell), direct, FLOAT64_RULE)


def test_nb101_without_any_weights(rng):
    """Every cell with a lent skip puts out the same if its weights are next to nothing."""
    images = photograph_crops(4, rng, size=16)
    expected = normalised(CollapsedNb101(images, NB101_WEIGHTS, stem_channels=7).unchanged())
    for _ in range(5):
        model = Nb101Network(random_cell(rng), num_classes=2, stem_channels=7, lent_skip=True)
        (direct,) = _images_through(model.double(), images, (1e-12,))
        np.testing.assert_allclose(normalised(direct), expected, rtol=1e-6)


def _images_through(model, images, weights):
    outputs = []
    with torch.no_grad():
        for weight in weights:
            fill_with_constant(model, weight)
            outputs.append(model(torch.from_numpy(images))[:, 0].numpy())
    return outputs


PRE_NORM = [
    {},
    {"encoder_normalize_before": True},
    {"decoder_normalize_before": True},
    {"encoder_normalize_before": True, "decoder_normalize_before": True},
]


@pytest.mark.parametrize(
    ("norm", "pre_norm"),
    [
        *(("tokens", sides) for sides in PRE_NORM),
        *((norm, {}) for norm in ("tokens-filled", "scale", "none")),
        *((norm, PRE_NORM[-1]) for norm in ("tokens-filled", "scale")),
    ],
)
@pytest.mark.parametrize("count", COUNTS)
def test_subtransformers(rng, tiny_space, count, norm, pre_norm):
    _, high = balanced_weights(tiny_space)
    weights = (high / 50, high)
    batch = TokenBatch.random(rng, sentences=3, length=6)
    archs = [tiny_space.largest(), tiny_space.smallest()]
    archs += [tiny_space.sample(rng) for _ in range(count)]
    encoded, decoded = CollapsedTransformer(
        batch, weights, qkv_dim=16, encoder_layers=3, norm=norm, **pre_norm
    ).outputs(archs)
    direct = ConstantTransformer(
        tiny_space,
        torch.from_numpy(batch.source),
        torch.from_numpy(batch.target),
        qkv_dim=16,
        norm=norm,
        **pre_norm,
    )
    for index, arch in enumerate(archs):
        pairs = [direct.outputs(arch, weight) for weight in weights]
        for twin, side in ((encoded[index], 0), (decoded[index], 1)):
            outputs = [pair[side][..., 0].flatten().numpy() for pair in pairs]
            np.testing.assert_allclose(twin, outputs, rtol=1e-9, atol=1e-12 * np.abs(twin).max())
            assert_same_score(twin, outputs)


def test_layer_norm_removes_what_constant_weights_add(rng, tiny_space):
    """The textbook recipe fails on Transformers: every architecture has the same output, zero."""
    batch = TokenBatch.random(rng, sentences=2, length=5)
    source, target = torch.from_numpy(batch.source), torch.from_numpy(batch.target)
    direct = ConstantTransformer(tiny_space, source, target, qkv_dim=16, norm="layer")
    # Each norm divides what rounding leaves by the root of its epsilon, 0.003: shallow ones only.
    encoded, decoded = direct.outputs(tiny_space.smallest(), 0.1)
    assert max(encoded.abs().max(), decoded.abs().max()) < 1e-6
    twin = CollapsedTransformer(batch, (0.1,), qkv_dim=16, encoder_layers=3, norm="layer")
    for output in twin.outputs([tiny_space.largest()]):
        assert not output.any()
