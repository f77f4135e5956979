"""The networks of NAS-Bench-101 (Ying et al., arXiv 1902.09635)."""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hat.arch.cell import CellGraph
from hat.arch.cell_widths import MODULES_PER_STACK, STEM_CHANNELS, module_channels, vertex_widths


class ConvNormRelu(nn.Sequential):
    """Convolution without bias, batch normalisation by the statistics of the batch, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(out_channels, track_running_stats=False),
            nn.ReLU(),
        )


class Nb101Module(nn.Module):
    """One module: the cell with its projections from the input.

    Vertices add what flows into them; only the output concatenates. Whatever comes from the input
    is projected by a 1x1 convolution; between inner vertices surplus channels are dropped.

    Args:
        cell: a pruned cell.
        in_channels: channels of the input.
        out_channels: channels of the output.
        lent_skip: adds the mean of the input's channels to the output; not part of the benchmark.
    """

    def __init__(
        self, cell: CellGraph, in_channels: int, out_channels: int, *, lent_skip: bool = False
    ) -> None:
        super().__init__()
        self.cell = cell
        self.lent_skip = lent_skip
        self.widths = vertex_widths(cell, in_channels, out_channels)
        self.projections = nn.ModuleDict()
        self.convolutions = nn.ModuleDict()
        for vertex in range(1, cell.num_vertices):
            width = self.widths[vertex]
            if cell.adjacency[0][vertex]:
                self.projections[str(vertex)] = ConvNormRelu(in_channels, width, 1)
            if cell.operations[vertex].startswith("conv"):
                kernel = 3 if cell.operations[vertex].startswith("conv3x3") else 1
                self.convolutions[str(vertex)] = ConvNormRelu(width, width, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, in_channels, H, W) -> (B, out_channels, H, W)."""
        output = self._graph(x)
        return output + x.mean(dim=1, keepdim=True) if self.lent_skip else output

    def _graph(self, x: Tensor) -> Tensor:
        adjacency, last = self.cell.adjacency, self.cell.num_vertices - 1
        values: dict[int, Tensor] = {}
        for vertex in range(1, last):
            inputs = [
                values[source][:, : self.widths[vertex]]
                for source in range(1, vertex)
                if adjacency[source][vertex]
            ]
            if adjacency[0][vertex]:
                inputs.append(self.projections[str(vertex)](x))
            total = torch.stack(inputs).sum(dim=0)
            if str(vertex) in self.convolutions:
                values[vertex] = self.convolutions[str(vertex)](total)
            else:
                values[vertex] = F.max_pool2d(total, 3, stride=1, padding=1)
        leading = [values[vertex] for vertex in range(1, last) if adjacency[vertex][last]]
        if not leading:
            return cast(Tensor, self.projections[str(last)](x))
        output = torch.cat(leading, dim=1)
        if adjacency[0][last]:
            output = output + self.projections[str(last)](x)
        return output


class Nb101Network(nn.Module):
    """Stem, three stacks of three modules with max pooling between, pooling, classifier."""

    def __init__(
        self,
        cell: CellGraph,
        *,
        num_classes: int = 10,
        stem_channels: int = STEM_CHANNELS,
        lent_skip: bool = False,
    ) -> None:
        super().__init__()
        pruned = cell.pruned()
        sizes = module_channels(stem_channels)
        self.stem = ConvNormRelu(3, stem_channels, 3)
        self.cells = nn.ModuleList(
            Nb101Module(pruned, *channels, lent_skip=lent_skip) for channels in sizes
        )
        self.classifier = nn.Linear(sizes[-1][1], num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """images: (B, 3, 32, 32) -> logits (B, num_classes)."""
        features = self.stem(images)
        for index, module in enumerate(self.cells):
            if index and index % MODULES_PER_STACK == 0:
                features = F.max_pool2d(features, 2)
            features = module(features)
        return cast(Tensor, self.classifier(features.mean(dim=(2, 3))))
