"""Recurrent cells as recipes: the graphs of NAS-Bench-NLP (Klyuchnikov et al., arXiv 2006.07116).

A recipe names nodes; each applies one operation to the outputs of others. ``x`` is the input of a
time step, ``h_prev_0``, ``h_prev_1``, ... are the states of the step before, and the nodes
``h_new_0``, ``h_new_1``, ... are the new states. ``h_new_0`` is also the output of the cell.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hat.errors import ConfigError, suggestion
from hat.json_reader import parse_json

OPERATIONS = {
    "linear": (1, None),
    "blend": (3, 3),
    "elementwise_prod": (2, None),
    "elementwise_sum": (2, None),
    "activation_tanh": (1, 1),
    "activation_sigm": (1, 1),
    "activation_leaky_relu": (1, 1),
}
"""The fewest and the most inputs of every operation; ``None`` is any number."""

INPUT = "x"
_PREVIOUS_STATE = re.compile(r"h_prev_([0-9]+)")
_NEW_STATE = re.compile(r"h_new_([0-9]+)")


@dataclass(frozen=True)
class RecipeNode:
    """One node: ``name = operation(*inputs)``."""

    name: str
    operation: str
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Recipe:
    """A recurrent cell, its nodes in an order in which they can be computed.

    Made by ``parse_recipe``, which checks everything that the methods here rely on.
    """

    nodes: tuple[RecipeNode, ...]
    num_states: int

    @cached_property
    def live_nodes(self) -> tuple[RecipeNode, ...]:
        """The nodes that some new state depends on; the others hold weights and do nothing."""
        needed = {f"h_new_{index}" for index in range(self.num_states)}
        live = []
        for node in reversed(self.nodes):
            if node.name in needed:
                needed.update(node.inputs)
                live.append(node)
        return tuple(reversed(live))

    def num_params(self, input_dim: int, hidden_dim: int) -> int:
        """Number of weights and biases of one layer of this cell."""
        return sum(
            hidden_dim * (1 + sum(input_dim if i == INPUT else hidden_dim for i in node.inputs))
            for node in self.nodes
            if node.operation == "linear"
        )

    def macs(self, input_dim: int, hidden_dim: int) -> int:
        """Multiply-accumulates of the linear nodes of one layer for one token."""
        return sum(
            hidden_dim * sum(input_dim if i == INPUT else hidden_dim for i in node.inputs)
            for node in self.nodes
            if node.operation == "linear"
        )


def awd_layer_sizes(
    embed_dim: int = 400, hidden_dim: int = 600, num_layers: int = 3, *, tied: bool = True
) -> tuple[tuple[int, int], ...]:
    """Input and hidden width of each layer of the AWD language model of NAS-Bench-NLP.

    The last layer is as wide as the embedding where decoder and embedding share their weights, as
    they do in the benchmark.
    """
    hidden = [hidden_dim] * (num_layers - 1) + [embed_dim if tied else hidden_dim]
    return tuple(zip([embed_dim, *hidden[:-1]], hidden, strict=True))


def awd_num_params(
    recipe: Recipe, vocabulary: int, embed_dim: int = 400, hidden_dim: int = 600
) -> int:
    """Parameters of the three-layer tied AWD model, as ``num_params`` in the benchmark's logs."""
    layers = awd_layer_sizes(embed_dim, hidden_dim)
    return vocabulary * (embed_dim + 1) + sum(recipe.num_params(*sizes) for sizes in layers)


def parse_recipe(source: str | Mapping[str, Any], where: str = "recipe") -> Recipe:
    """Reads one recipe, as text or as decoded JSON, and checks it.

    Args:
        source: ``{"node_0": {"op": "linear", "input": ["x", "h_prev_0"]}, ...}`` or its JSON text.
        where: names the source in error messages.

    Raises:
        ConfigError: if the text is no such object, an operation or an input is unknown, an
            operation has too few or too many inputs, states are missing, the graph has a cycle or
            ``x`` goes into anything but a linear node, which alone can change its width.
    """
    if isinstance(source, str):
        source = parse_json(
            source, f"{where}: a recipe is a JSON object of nodes, but this", ConfigError
        )
    if not isinstance(source, Mapping) or not source:
        raise ConfigError(f"{where}: a recipe is a non-empty object of nodes, found {source!r:.60}")
    nodes = {name: _node(name, spec, where) for name, spec in source.items()}
    num_states = _num_states(nodes, where)
    known = [INPUT, *(f"h_prev_{i}" for i in range(num_states)), *nodes]
    for node in nodes.values():
        for name in node.inputs:
            if name in known:
                continue
            state = _PREVIOUS_STATE.fullmatch(name)
            if state:
                raise ConfigError(
                    f"{where}: {node.name} reads {name}, but no node h_new_{state[1]} updates it"
                )
            raise ConfigError(
                f"{where}: {node.name} reads {name!r}, which is no node, x or h_prev_N"
                + suggestion(name, known)
            )
    recipe = Recipe(nodes=_in_order(nodes, where), num_states=num_states)
    for node in recipe.live_nodes:
        if INPUT in node.inputs and node.operation != "linear":
            raise ConfigError(
                f"{where}: {node.name} ({node.operation}) reads x, which is as wide as the "
                "embedding; only linear nodes can bring it to the width of the states"
            )
    return recipe


def _node(name: str, spec: Any, where: str) -> RecipeNode:
    if name == INPUT or _PREVIOUS_STATE.fullmatch(name):
        raise ConfigError(f"{where}: {name} is an input of the cell, so no node may be called that")
    if (
        not isinstance(spec, Mapping)
        or not isinstance(spec.get("op"), str)
        or not isinstance(spec.get("input"), list)
        or not all(isinstance(item, str) for item in spec["input"])
    ):
        raise ConfigError(
            f'{where}: {name} must look like {{"op": "linear", "input": ["x", "h_prev_0"]}}, '
            f"but found {spec!r:.80}"
        )
    operation, inputs = spec["op"], tuple(spec["input"])
    if operation not in OPERATIONS:
        raise ConfigError(
            f"{where}: {name} has the unknown operation {operation!r}"
            + (suggestion(operation, OPERATIONS) or f"; known are {', '.join(OPERATIONS)}")
        )
    fewest, most = OPERATIONS[operation]
    if len(inputs) < fewest or (most is not None and len(inputs) > most):
        wanted = f"{fewest}" if fewest == most else f"at least {fewest}"
        raise ConfigError(f"{where}: {name} ({operation}) needs {wanted} inputs, has {len(inputs)}")
    return RecipeNode(name=name, operation=operation, inputs=inputs)


def _num_states(nodes: Mapping[str, RecipeNode], where: str) -> int:
    states = sorted(int(match[1]) for name in nodes if (match := _NEW_STATE.fullmatch(name)))
    if states != list(range(len(states))) or not states:
        found = ", ".join(f"h_new_{index}" for index in states) or "none"
        raise ConfigError(
            f"{where}: the new states must be h_new_0, h_new_1, ... without gaps, found {found}"
        )
    return len(states)


def _in_order(nodes: Mapping[str, RecipeNode], where: str) -> tuple[RecipeNode, ...]:
    """Sorts ``nodes`` so that every node follows its inputs; walks without recursion."""
    ordered: dict[str, RecipeNode] = {}
    for root in nodes:
        path = [] if root in ordered else [root]
        while path:
            waiting = [
                name for name in nodes[path[-1]].inputs if name in nodes and name not in ordered
            ]
            if not waiting:
                name = path.pop()
                ordered[name] = nodes[name]
            elif waiting[0] in path:
                cycle = [*path[path.index(waiting[0]) :], waiting[0]]
                raise ConfigError(f"{where}: the graph has a cycle: {' <- '.join(cycle)}")
            else:
                path.append(waiting[0])
    return tuple(ordered.values())
