import json
import zipfile
from pathlib import Path

import pytest

from hat.arch.recipe import awd_layer_sizes, awd_num_params, parse_recipe
from hat.errors import ConfigError
from tests.conftest import MADE_DATA

GRU = {
    "r": {"op": "linear", "input": ["x", "h_prev_0"]},
    "r_act": {"op": "activation_sigm", "input": ["r"]},
    "z": {"op": "linear", "input": ["x", "h_prev_0"]},
    "z_act": {"op": "activation_sigm", "input": ["z"]},
    "rh": {"op": "elementwise_prod", "input": ["r_act", "h_prev_0"]},
    "h_tilde": {"op": "linear", "input": ["x", "rh"]},
    "h_tilde_act": {"op": "activation_tanh", "input": ["h_tilde"]},
    "h_new_0": {"op": "blend", "input": ["z_act", "h_prev_0", "h_tilde_act"]},
}


def test_nodes_come_after_their_inputs_whatever_the_order_of_the_text():
    shuffled = dict(reversed(GRU.items()))
    recipe = parse_recipe(json.dumps(shuffled))
    seen = {"x", "h_prev_0"}
    for node in recipe.nodes:
        assert seen.issuperset(node.inputs)
        seen.add(node.name)
    assert recipe.num_states == 1
    assert len(recipe.live_nodes) == len(GRU)


def test_parameters_of_the_gru():
    # Three linear nodes of two inputs each, with one bias.
    assert parse_recipe(GRU).num_params(400, 600) == 3 * (600 * (400 + 600) + 600)
    assert awd_layer_sizes() == ((400, 600), (600, 600), (600, 400))


def test_nodes_that_no_state_depends_on_are_dead_but_have_parameters():
    with_dead = {**GRU, "dead": {"op": "linear", "input": ["x", "z_act"]}}
    recipe = parse_recipe(with_dead)
    assert "dead" not in {node.name for node in recipe.live_nodes}
    assert recipe.num_params(4, 6) == parse_recipe(GRU).num_params(4, 6) + 6 * (4 + 6 + 1)


def _changed(**changes):
    return {**GRU, **changes}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{", "here: a recipe is a JSON object of nodes, but this: is not JSON"),
        ("[]", "here: a recipe is a non-empty object of nodes, found"),
        ("|nor_conv_3x3~0|+|none~0|none~1|", "here: a recipe is a JSON object of nodes"),
        (
            _changed(r={"op": "liner", "input": ["x"]}),
            "here: r has the unknown operation 'liner'; did you mean 'linear'?",
        ),
        (
            _changed(r={"op": "conv", "input": ["x"]}),
            "here: r has the unknown operation 'conv'; known are linear, blend",
        ),
        (
            _changed(h_new_0={"op": "blend", "input": ["z_act", "h_prev_0"]}),
            r"here: h_new_0 \(blend\) needs 3 inputs, has 2",
        ),
        (
            _changed(rh={"op": "elementwise_sum", "input": ["r"]}),
            r"here: rh \(elementwise_sum\) needs at least 2 inputs, has 1",
        ),
        (
            _changed(r={"op": "linear", "input": ["x", "h_tilde_act"]}),
            "here: the graph has a cycle: r <- h_tilde_act <- h_tilde <- rh <- r_act <- r",
        ),
        (
            _changed(r={"op": "linear", "input": ["x", "z_akt"]}),
            "here: r reads 'z_akt', which is no node, x or h_prev_N; did you mean 'z_act'?",
        ),
        (
            _changed(r={"op": "linear", "input": ["x", "h_prev_1"]}),
            "here: r reads h_prev_1, but no node h_new_1 updates it",
        ),
        (
            {"a": {"op": "linear", "input": ["x"]}},
            "here: the new states must be h_new_0, h_new_1, ... without gaps, found none",
        ),
        (
            _changed(h_new_2={"op": "linear", "input": ["x"]}),
            "without gaps, found h_new_0, h_new_2",
        ),
        (
            _changed(x={"op": "linear", "input": ["h_prev_0"]}),
            "here: x is an input of the cell, so no node may be called that",
        ),
        (
            _changed(rh={"op": "elementwise_sum", "input": ["x", "r"]}),
            r"here: rh \(elementwise_sum\) reads x, .* only linear nodes can bring it to",
        ),
        (_changed(r=["linear", "x"]), "here: r must look like .*, but found"),
    ],
)
def test_a_malformed_recipe_is_one_clear_sentence(source, message):
    with pytest.raises(ConfigError, match=message):
        parse_recipe(source, "here")


def test_a_long_chain_does_not_overflow_the_stack():
    chain = {"n0": {"op": "linear", "input": ["x"]}}
    chain |= {f"n{i}": {"op": "activation_tanh", "input": [f"n{i - 1}"]} for i in range(1, 5000)}
    chain["h_new_0"] = {"op": "activation_tanh", "input": ["n4999"]}
    assert len(parse_recipe(dict(reversed(chain.items()))).live_nodes) == 5001


def test_a_recipe_that_is_nested_too_deeply_is_one_clear_sentence():
    with pytest.raises(ConfigError, match=r"here: .* nested more than 50 deep"):
        parse_recipe('{"a": ' * 100_000, "here")


def test_parameters_are_those_of_the_benchmarks_logs(data: Path):
    with zipfile.ZipFile(data / "nasbench_nlp" / "logs_wikitext2.zip") as archive:
        names = sorted(archive.namelist())
        assert len(names) == (9 if data == MADE_DATA else 200)
        for name in names:
            log = json.loads(archive.read(name))
            recipe = parse_recipe(log["recepie"], name)
            assert awd_num_params(recipe, 33278) == log["num_params"]
