"""The ONNX files of a network as something to search."""

from collections.abc import Iterator

import torch
from torch import Tensor

from hat.engines.base import Passes
from hat.engines.onnx_files import Decoding, Encoded, OnnxNetwork
from hat.engines.steps import StepRunnable


class OnnxRunner:
    """See ``hat.translation.beam.Runner``."""

    def __init__(self, network: OnnxNetwork) -> None:
        self.vocab_size = network.vocab_size
        self.padding_idx = network.padding_idx
        self.max_target_positions = network.max_target_positions
        self._network = network

    def encode(self, src_tokens: Tensor) -> Encoded:
        """See ``Runner.encode``."""
        return self._network.encode(src_tokens.numpy())

    def decode(self, encoded: Encoded, max_steps: int) -> "OnnxDecoding":
        """See ``Runner.decode``."""
        return OnnxDecoding(self._network.decode(encoded))


class OnnxDecoding:
    """See ``hat.translation.beam.Decoding``."""

    def __init__(self, decoding: Decoding) -> None:
        self._decoding = decoding

    def step(self, tokens: Tensor) -> Iterator[Tensor]:
        """See ``Decoding.step``."""
        yield torch.from_numpy(self._decoding.step(tokens.numpy()))

    def move(self, beams: Tensor) -> None:
        """See ``Decoding.move``."""
        self._decoding.move(beams.numpy())

    def keep(self, order: Tensor) -> None:
        """See ``Decoding.keep``."""
        self._decoding.keep(order.numpy())


class OnnxRunnable(StepRunnable):
    """See ``hat.engines.base.Runnable``."""

    def __init__(self, network: OnnxNetwork) -> None:
        super().__init__(OnnxRunner(network))
        self._network = network

    def passes(self, src_tokens: Tensor, *, beam: int, steps: int) -> Passes:
        """See ``Runnable.passes``: the very loop that runs where there is no torch."""
        found = self._network.passes(src_tokens.tolist(), beam=beam, steps=steps)
        return Passes(found.encode, found.decode)
