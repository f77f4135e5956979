"""The networks of NAS-Bench-201 (Dong and Yang, ICLR 2020, section 2)."""

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from hat.arch.nb201_cell import NB201_EDGES, Nb201Cell


class ReluConvNorm(nn.Sequential):
    """ReLU, convolution without bias, batch normalisation by the statistics of the batch."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(
                in_channels, out_channels, kernel, stride=stride, padding=kernel // 2, bias=False
            ),
            nn.BatchNorm2d(out_channels, track_running_stats=False),
        )


class Nb201CellModule(nn.Module):
    """One cell: every node is the sum of its edges.

    Args:
        cell: its operations.
        channels: its width.
        lent_skip: adds the input to the output; not part of the benchmark.
    """

    def __init__(self, cell: Nb201Cell, channels: int, *, lent_skip: bool = False) -> None:
        super().__init__()
        self.cell = cell
        self.lent_skip = lent_skip
        self.convolutions = nn.ModuleDict()
        for (source, target), operation in zip(NB201_EDGES, cell.operations, strict=True):
            if operation.startswith("nor_conv"):
                kernel = 3 if operation == "nor_conv_3x3" else 1
                self.convolutions[f"{source}-{target}"] = ReluConvNorm(channels, channels, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W) -> the same shape."""
        nodes = [x]
        for target in (1, 2, 3):
            total = x.new_zeros(())
            for source, operation in self.cell.incoming(target):
                if operation == "skip_connect":
                    total = total + nodes[source]
                elif operation == "avg_pool_3x3":
                    total = total + F.avg_pool2d(
                        nodes[source], 3, stride=1, padding=1, count_include_pad=False
                    )
                elif operation != "none":
                    total = total + self.convolutions[f"{source}-{target}"](nodes[source])
            nodes.append(total.expand_as(x))
        return nodes[3] + x if self.lent_skip else nodes[3]


class ResidualReduction(nn.Module):
    """The residual block between stages: half the resolution, twice the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            ReluConvNorm(channels, 2 * channels, 3, stride=2),
            ReluConvNorm(2 * channels, 2 * channels, 3),
        )
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2), nn.Conv2d(channels, 2 * channels, 1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W) -> (B, 2C, H/2, W/2)."""
        return cast(Tensor, self.shortcut(x) + self.body(x))


class Nb201Network(nn.Module):
    """Stem, three stages of equal cells with a reduction between, pooling, classifier."""

    def __init__(
        self,
        cell: Nb201Cell,
        *,
        num_classes: int = 10,
        channels: int = 16,
        cells: int = 5,
        lent_skip: bool = False,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels, track_running_stats=False),
        )
        layers: list[nn.Module] = []
        for stage in range(3):
            if stage:
                layers.append(ResidualReduction(channels))
                channels *= 2
            layers += [Nb201CellModule(cell, channels, lent_skip=lent_skip) for _ in range(cells)]
        self.layers = nn.Sequential(*layers)
        self.last_norm = nn.BatchNorm2d(channels, track_running_stats=False)
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """images: (B, 3, 32, 32) -> logits (B, num_classes)."""
        features = F.relu(self.last_norm(self.layers(self.stem(images))))
        return cast(Tensor, self.classifier(features.mean(dim=(2, 3))))
