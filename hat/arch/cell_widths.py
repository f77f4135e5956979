"""How many channels each vertex of a NAS-Bench-101 cell has, and what the network costs.

The output concatenates the vertices that lead to it, so its channels are divided among them
(Ying et al., arXiv 1902.09635, section 2.3, and the benchmark's ``model_builder``).
"""

from hat.arch.cell import CellGraph

STEM_CHANNELS = 128
NUM_STACKS = 3
MODULES_PER_STACK = 3


def vertex_widths(cell: CellGraph, in_channels: int, out_channels: int) -> tuple[int, ...]:
    """Channels of each vertex of a pruned cell.

    Vertices that lead to the output share ``out_channels``, the first ones getting one more where
    the division leaves a remainder. The others are as wide as the widest vertex they lead to.
    """
    adjacency, last = cell.adjacency, cell.num_vertices - 1
    widths = [0] * cell.num_vertices
    widths[0], widths[last] = in_channels, out_channels
    leading = [v for v in range(1, last) if adjacency[v][last]]
    for position, vertex in enumerate(leading):
        widths[vertex] = out_channels // len(leading) + (position < out_channels % len(leading))
    for vertex in range(last - 1, 0, -1):
        if vertex not in leading:
            widths[vertex] = max(widths[w] for w in range(vertex + 1, last) if adjacency[vertex][w])
    return tuple(widths)


def module_channels(stem_channels: int = STEM_CHANNELS) -> tuple[tuple[int, int], ...]:
    """Input and output channels of the nine modules: each stack but the first doubles them."""
    channels = []
    width = stem_channels
    for stack in range(NUM_STACKS):
        for module in range(MODULES_PER_STACK):
            wider = 2 * width if stack and not module else width
            channels.append((width, wider))
            width = wider
    return tuple(channels)


def _convolutions(
    cell: CellGraph, in_channels: int, out_channels: int
) -> list[tuple[int, int, int]]:
    """Kernel area, input and output channels of every convolution of one module."""
    widths = vertex_widths(cell, in_channels, out_channels)
    found = []
    for vertex in range(1, cell.num_vertices):
        if cell.adjacency[0][vertex]:
            found.append((1, in_channels, widths[vertex]))
        operation = cell.operations[vertex]
        if operation.startswith("conv"):
            found.append(
                (9 if operation.startswith("conv3x3") else 1, widths[vertex], widths[vertex])
            )
    return found


def nb101_num_params(cell: CellGraph, *, num_classes: int = 10) -> int:
    """Trainable parameters of the network of a cell, as in the published table."""
    pruned = cell.pruned()
    total = 9 * 3 * STEM_CHANNELS + 2 * STEM_CHANNELS
    for in_channels, out_channels in module_channels():
        for area, inputs, outputs in _convolutions(pruned, in_channels, out_channels):
            total += area * inputs * outputs + 2 * outputs
    return total + (module_channels()[-1][1] + 1) * num_classes


def nb101_macs(cell: CellGraph, *, num_classes: int = 10) -> int:
    """Multiply-accumulates of the convolutions and the classifier for one 32x32 image."""
    pruned = cell.pruned()
    total = 9 * 3 * STEM_CHANNELS * 32 * 32
    for index, (in_channels, out_channels) in enumerate(module_channels()):
        pixels = (32 >> (index // MODULES_PER_STACK)) ** 2
        for area, inputs, outputs in _convolutions(pruned, in_channels, out_channels):
            total += pixels * area * inputs * outputs
    return total + module_channels()[-1][1] * num_classes
