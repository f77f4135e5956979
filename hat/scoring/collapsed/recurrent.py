"""The width-one twin of the AWD language model of NAS-Bench-NLP under one constant weight.

With every weight, bias and initial state equal to ``w``, all units of a layer hold the same number,
so a cell's state is one number per sentence, and a linear node is ``w * (1 + sum of width *
input)``. Only the embedding is not constant; the first layer sees nothing of it but the sum over
its width.

Layer l can compute time step t as soon as layer l - 1 has done so. The loop below therefore runs
along the diagonals ``t + l``: one pass over the graph advances all L layers under both constants,
which takes T + L - 1 passes instead of 2 * L * T.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from hat.arch.recipe import INPUT, Recipe, RecipeNode, awd_layer_sizes
from hat.arrays import Floats

_Values = dict[str, Floats]
_Step = Callable[[_Values], Floats]

LEAKY_SLOPE = 0.01
"""Slope of the leaky ReLU below zero, PyTorch's default, as NAS-Bench-NLP uses it."""


def recurrent_outputs(
    recipe: Recipe,
    embedded_sums: ArrayLike,
    weights: tuple[float, float],
    *,
    layer_sizes: tuple[tuple[int, int], ...] = awd_layer_sizes(),
) -> Floats:
    """One unit of the last layer at every time step, under both constants.

    Args:
        recipe: the cell of every layer.
        embedded_sums: sum over the embedding's width for every token, (T, B), time first.
        weights: the two constants.
        layer_sizes: input and hidden width of each of the L layers.

    Returns:
        Raw outputs (2, T, B), float64; not finite where the cell overflows.
    """
    sums = np.asarray(embedded_sums, dtype=np.float64)
    num_steps, num_sentences = sums.shape
    num_layers = len(layer_sizes)
    constants = np.asarray(weights, dtype=np.float64)[None, :, None]
    # The embedding arrives already summed over its width: as one input of width 1.
    input_dims = np.array([1, *(size for size, _ in layer_sizes[1:])], np.float64)[:, None, None]
    hidden_dims = np.array([hidden for _, hidden in layer_sizes], np.float64)[:, None, None]
    steps = [
        (node.name, _compile(node, constants, input_dims, hidden_dims))
        for node in recipe.live_nodes
    ]
    shape = (num_layers, 2, num_sentences)
    states = [np.broadcast_to(constants, shape) for _ in range(recipe.num_states)]
    outputs = np.empty((num_steps, 2, num_sentences))
    layer_inputs = np.zeros(shape)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for step in range(num_steps + num_layers - 1):
            layer_inputs[1:] = states[0][:-1]
            if step < num_steps:
                layer_inputs[0] = sums[step]
            values: _Values = {INPUT: layer_inputs}
            values.update((f"h_prev_{i}", state) for i, state in enumerate(states))
            for name, compute in steps:
                values[name] = compute(values)
            new_states = [values[f"h_new_{i}"] for i in range(recipe.num_states)]
            if step < num_layers - 1:  # layers that the first time step has not reached yet
                for index, state in enumerate(new_states):
                    new_states[index] = np.where(
                        np.arange(num_layers)[:, None, None] <= step, state, constants
                    )
            states = new_states
            if step >= num_layers - 1:
                outputs[step - num_layers + 1] = states[0][-1]
    return outputs.transpose(1, 0, 2)


def _compile(node: RecipeNode, constants: Floats, input_dims: Floats, hidden_dims: Floats) -> _Step:
    """Binds one node to its widths; shapes broadcast to (L, 2, B)."""
    names, operation = node.inputs, node.operation
    first = names[0]
    if operation == "linear":
        scales = [constants * (input_dims if name == INPUT else hidden_dims) for name in names]
        terms = list(zip(names, scales, strict=True))

        def linear(values: _Values) -> Floats:
            total = terms[0][1] * values[terms[0][0]]
            for name, scale in terms[1:]:
                total += scale * values[name]
            total += constants
            return total

        return linear
    if operation == "blend":
        gate, old, new = names
        return lambda values: values[gate] * values[old] + (1.0 - values[gate]) * values[new]
    if operation == "elementwise_prod":
        return lambda values: _fold(np.multiply, values, names)
    if operation == "elementwise_sum":
        return lambda values: _fold(np.add, values, names)
    if operation == "activation_tanh":
        return lambda values: np.tanh(values[first])
    if operation == "activation_sigm":
        return lambda values: _sigmoid(values[first])
    return lambda values: np.maximum(values[first], LEAKY_SLOPE * values[first])


def _fold(function: np.ufunc, values: _Values, names: tuple[str, ...]) -> Floats:
    """Applies ``function`` to all inputs, from left to right."""
    result: Floats = function(values[names[0]], values[names[1]])
    for name in names[2:]:
        result = function(result, values[name])
    return result


def _sigmoid(values: Floats) -> Floats:
    """Logistic function. Exact to the last digits down to 1e-308, as a score may scale them up."""
    result = np.exp(-values)  # an overflow to infinity is right: its inverse is zero
    result += 1.0
    return np.divide(1.0, result, out=result)
