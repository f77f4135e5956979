"""The AWD language model of NAS-Bench-NLP with the cell of a recipe in every layer."""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hat.arch.recipe import INPUT, Recipe, RecipeNode, awd_layer_sizes


class MultiInputLinear(nn.Module):
    """``W_1 x_1 + ... + W_n x_n + b``, the linear node of a recipe."""

    def __init__(self, input_dims: list[int], output_dim: int) -> None:
        super().__init__()
        self.weights = nn.ParameterList(
            nn.Parameter(torch.empty(output_dim, input_dim)) for input_dim in input_dims
        )
        self.bias = nn.Parameter(torch.empty(output_dim))
        bound = output_dim**-0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Each input: (B, its width) -> (B, output_dim)."""
        total = F.linear(inputs[0], self.weights[0], self.bias)
        for x, weight in zip(inputs[1:], list(self.weights)[1:], strict=True):
            total = total + F.linear(x, weight)
        return total


class RecipeCell(nn.Module):
    """One recurrent cell: computes the nodes of its recipe in order."""

    def __init__(self, recipe: Recipe, input_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.recipe = recipe
        self.hidden_dim = hidden_dim
        self.linears = nn.ModuleDict()
        for node in recipe.nodes:
            if node.operation == "linear":
                sizes = [input_dim if name == INPUT else hidden_dim for name in node.inputs]
                self.linears[node.name] = MultiInputLinear(sizes, hidden_dim)

    def forward(self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """x: (B, input_dim), states: each (B, hidden_dim) -> the new states."""
        values = {INPUT: x}
        values.update((f"h_prev_{index}", state) for index, state in enumerate(states))
        for node in self.recipe.live_nodes:
            values[node.name] = self._compute(node, [values[name] for name in node.inputs])
        return tuple(values[f"h_new_{index}"] for index in range(self.recipe.num_states))

    def _compute(self, node: RecipeNode, inputs: list[Tensor]) -> Tensor:
        match node.operation:
            case "linear":
                return cast(Tensor, self.linears[node.name](*inputs))
            case "blend":
                return inputs[0] * inputs[1] + (1 - inputs[0]) * inputs[2]
            case "elementwise_prod" | "elementwise_sum":
                total = inputs[0]
                for value in inputs[1:]:
                    total = total * value if node.operation.endswith("prod") else total + value
                return total
            case "activation_tanh":
                return torch.tanh(inputs[0])
            case "activation_sigm":
                return torch.sigmoid(inputs[0])
            case _:
                return F.leaky_relu(inputs[0])


class RecipeLanguageModel(nn.Module):
    """Embedding, three recurrent layers and a decoder; no dropout.

    The widths are those of NAS-Bench-NLP: embedding and last layer ``embed_dim`` (400), the layers
    before it ``hidden_dim`` (600), the decoder tied to the embedding. A decoder that is not tied
    follows a last layer that is as wide as those before it.
    """

    def __init__(
        self,
        recipe: Recipe,
        vocabulary: int,
        *,
        embed_dim: int = 400,
        hidden_dim: int = 600,
        num_layers: int = 3,
        tied: bool = True,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embed_dim)
        sizes = awd_layer_sizes(embed_dim, hidden_dim, num_layers, tied=tied)
        self.layers = nn.ModuleList(RecipeCell(recipe, *widths) for widths in sizes)
        self.decoder = self.embedding if tied else nn.Embedding(vocabulary, sizes[-1][1])
        self.decoder_bias = nn.Parameter(torch.zeros(vocabulary))

    def features(self, tokens: Tensor, initial_state: float = 0.0) -> Tensor:
        """tokens: (T, B) int64 -> output of the last layer (T, B, embed_dim).

        Every layer starts from states that hold ``initial_state`` throughout.
        """
        sequence = self.embedding(tokens)
        for module in self.layers:
            cell = cast(RecipeCell, module)
            start = sequence.new_full((tokens.size(1), cell.hidden_dim), initial_state)
            states = (start,) * cell.recipe.num_states
            outputs = []
            for x in sequence.unbind(0):
                states = cell(x, states)
                outputs.append(states[0])
            sequence = torch.stack(outputs)
        return cast(Tensor, sequence)

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens: (T, B) int64 -> logits (T, B, V)."""
        return F.linear(self.features(tokens), self.decoder.weight, self.decoder_bias)
