"""Graph convolutional networks that predict a number from a graph, several trained at once.

The layers follow "Neural Predictor for Neural Architecture Search" (Wen et al., arXiv 1912.00848,
section 3.2). All M members of an ensemble are one module whose weights have a leading dimension
M: on graphs this small, one large matrix product is much faster than M small ones.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class GraphTensors:
    """Graphs of up to V vertices as tensors; P is any leading shape such as (N,) or (M, B)."""

    nodes: Tensor
    """Features of the vertices, (*P, V, D); zero beyond a graph's last vertex."""

    adjacency: Tensor
    """1 where an edge leads from row to column, (*P, V, V)."""

    mask: Tensor
    """1 for the vertices that exist, (*P, V)."""

    whole: Tensor
    """Features of the graph as a whole, (*P, W); W may be 0."""

    def __getitem__(self, index: Tensor) -> "GraphTensors":
        return GraphTensors(
            self.nodes[index], self.adjacency[index], self.mask[index], self.whole[index]
        )

    def __len__(self) -> int:
        return len(self.nodes)


class MemberLinear(nn.Module):
    """M linear layers side by side, Xavier-initialised."""

    def __init__(self, members: int, in_dim: int, out_dim: int, *, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, in_dim, out_dim))
        self.bias = nn.Parameter(torch.zeros(members, 1, out_dim)) if bias else None
        for weight in self.weight.data:
            nn.init.xavier_uniform_(weight)

    def forward(self, x: Tensor) -> Tensor:
        """x: (M, R, in_dim) -> (M, R, out_dim)."""
        if self.bias is None:
            return torch.bmm(x, self.weight)
        return torch.baddbmm(self.bias, x, self.weight)


class DirectedGraphConvolution(nn.Module):
    """Averages messages along the edges and against them, each with weights of its own."""

    def __init__(self, members: int, in_dim: int, out_dim: int) -> None:
        super().__init__()
        self.both = MemberLinear(members, in_dim, 2 * out_dim, bias=False)

    def forward(self, x: Tensor, onward: Tensor, backward: Tensor) -> Tensor:
        """Sends messages between the vertices of each graph.

        Args:
            x: (M, B, V, in_dim).
            onward: row-normalised adjacency with self-loops, (M, B, V, V).
            backward: the same of the reversed graph.

        Returns:
            (M, B, V, out_dim), not negative.
        """
        members, batch, vertices, width = x.shape
        messages = self.both(x.reshape(members, batch * vertices, width))
        along, against = messages.view(members, batch, vertices, -1).chunk(2, dim=-1)
        return (F.relu(onward @ along) + F.relu(backward @ against)) / 2


class GcnEnsemble(nn.Module):
    """M independent predictors: graph convolutions, average pooling, one hidden layer."""

    def __init__(
        self,
        *,
        members: int,
        node_dim: int,
        whole_dim: int = 0,
        gcn_dim: int = 144,
        gcn_layers: int = 3,
        hidden_dim: int = 128,
        hidden_relu: bool = True,
        dropout_p: float = 0.1,
    ) -> None:
        """Builds M networks with different weights.

        Args:
            members: M.
            node_dim: features per vertex.
            whole_dim: features of the graph as a whole, which join after pooling.
            gcn_dim: width of each convolution; 144 in the paper.
            gcn_layers: number of convolutions; 3 in the paper.
            hidden_dim: width of the hidden layer; 128 in the paper.
            hidden_relu: whether the hidden layer has a rectifier and biases; the PyTorch
                reproduction of the paper has neither.
            dropout_p: after every layer in training.
        """
        super().__init__()
        self.members = members
        dims = [node_dim] + [gcn_dim] * gcn_layers
        self.convolutions = nn.ModuleList(
            DirectedGraphConvolution(members, narrow, wide) for narrow, wide in pairwise(dims)
        )
        self.hidden = MemberLinear(members, gcn_dim + whole_dim, hidden_dim, bias=hidden_relu)
        self.out = MemberLinear(members, hidden_dim, 1, bias=hidden_relu)
        self.hidden_relu = hidden_relu
        self.dropout = nn.Dropout(dropout_p) if dropout_p else nn.Identity()

    def forward(self, graphs: GraphTensors) -> Tensor:
        """graphs: of shape (M, B), or (B,) for the same graphs to every member -> (M, B)."""
        nodes, adjacency = graphs.nodes, graphs.adjacency
        mask, whole = graphs.mask, graphs.whole
        onward = _with_loops(adjacency)
        backward = _with_loops(adjacency.transpose(-1, -2))
        x = nodes if nodes.dim() == 4 else nodes.expand(self.members, *nodes.shape)
        for convolution in self.convolutions:
            x = self.dropout(convolution(x, onward, backward))
        weights = mask / mask.sum(-1, keepdim=True)
        pooled = (x * weights.unsqueeze(-1)).sum(-2)  # (M, B, gcn_dim)
        if whole.dim() == 2:
            whole = whole.expand(self.members, *whole.shape)
        hidden = self.hidden(torch.cat([pooled, whole], dim=-1))
        if self.hidden_relu:
            hidden = F.relu(hidden)
        scores: Tensor = self.out(self.dropout(hidden)).squeeze(-1)
        return scores


def _with_loops(adjacency: Tensor) -> Tensor:
    """Adds self-loops and divides each row by its sum."""
    looped = adjacency + torch.eye(adjacency.size(-1), device=adjacency.device)
    return looped / looped.sum(-1, keepdim=True)
