"""The ONNX files of a network as something to search."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from hat.engines.base import Passes, told_of
from hat.engines.onnx_files import DECODER_FILE, Decoding, Encoded, OnnxNetwork
from hat.engines.steps import StepRunnable
from hat.errors import CheckpointError, ConfigError

_ENGINE = "onnxruntime"


class OnnxRunner:
    """See ``hat.translation.beam.Runner``."""

    def __init__(self, network: OnnxNetwork, folder: Path) -> None:
        self.vocab_size = network.vocab_size
        self.padding_idx = network.padding_idx
        self.max_target_positions = network.max_target_positions
        self._network, self._folder = network, folder

    def encode(self, src_tokens: Tensor) -> Encoded:
        """See ``Runner.encode``."""
        with told_of(self._folder, _ENGINE):
            return self._network.encode(src_tokens.numpy())

    def decode(
        self, encoded: Encoded, max_steps: int, words: Tensor | None = None
    ) -> "OnnxDecoding":
        """See ``Runner.decode``.

        Raises:
            ConfigError: if there is a short-list: the output layer is whole within the graph.
        """
        if words is not None:
            raise ConfigError("shortlist: graphs of ONNX have all words in their output layer")
        with told_of(self._folder, _ENGINE):
            return OnnxDecoding(self._network.decode(encoded), self.vocab_size, self._folder)


class OnnxDecoding:
    """See ``hat.translation.beam.Decoding``."""

    def __init__(self, decoding: Decoding, vocab_size: int, folder: Path) -> None:
        self._decoding, self._vocab_size, self._folder = decoding, vocab_size, folder

    def step(self, tokens: Tensor) -> Iterator[Tensor]:
        """See ``Decoding.step``.

        Raises:
            CheckpointError: if the graph gives something else.
        """
        with told_of(self._folder, _ENGINE):
            found = torch.from_numpy(self._decoding.step(tokens.numpy()))
        expected = (tokens.numel(), self._vocab_size)
        if found.shape != expected or found.dtype != torch.float32:
            raise CheckpointError(
                f"{self._folder / DECODER_FILE}: gives {found.dtype} of shape {tuple(found.shape)}:"
                f" expected torch.float32 of shape {expected}"
            )
        yield found

    def move(self, beams: Tensor) -> None:
        """See ``Decoding.move``."""
        self._decoding.move(beams.numpy())

    def keep(self, order: Tensor) -> None:
        """See ``Decoding.keep``."""
        self._decoding.keep(order.numpy())


class OnnxRunnable(StepRunnable):
    """See ``hat.engines.base.Runnable``."""

    def __init__(self, network: OnnxNetwork, folder: Path) -> None:
        facts = network.facts
        super().__init__(
            OnnxRunner(network, folder), (facts["source-words"], facts["source-positions"])
        )
        self._network = network

    def passes(self, src_tokens: Tensor, *, beam: int, steps: int) -> Passes:
        """See ``Runnable.passes``: the very loop that runs where there is no torch."""
        found = self._network.passes(src_tokens.tolist(), beam=beam, steps=steps)
        return Passes(found.encode, found.decode)
