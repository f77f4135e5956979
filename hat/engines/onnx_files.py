"""Runs the ONNX files of a network with numpy and onnxruntime alone.

hat sends this file as it is to devices that have neither hat nor torch, so it imports nothing else.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

# As soon as it is imported, onnxruntime reports to its maker and leaves an identifier in the home
# folder, unless one of these is set; which one depends on its version.
for _name in ("ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED"):
    os.environ.setdefault(_name, "1")

import onnxruntime as ort  # noqa: E402

if hasattr(ort, "disable_telemetry_events"):  # of versions that look at neither
    ort.disable_telemetry_events()

ENCODER_FILE, DECODER_FILE, WEIGHTS_FILE = "encoder.onnx", "decoder.onnx", "weights.bin"
NETWORK_FILE = "network.json"
"""Names and shapes: what the graphs take and give."""

FORMAT, VERSION = "hat.network", 1

END_IDX, DUMMY_WORD = 2, 7


@dataclass(frozen=True)
class Encoded:
    """B sentences, ready to be decoded: what the encoder gave, by name."""

    sentences: int
    values: dict[str, Any]


class OnnxNetwork:
    """Encodes and decodes step by step.

    Args:
        folder: of the files.
        threads: of the CPU; None: onnxruntime's own choice.

    Raises:
        OSError: if a file is missing.
        ValueError: if a file is of a newer format or damaged.
    """

    def __init__(self, folder: str | Path, threads: int | None = None) -> None:
        folder = Path(folder)
        facts = json.loads((folder / NETWORK_FILE).read_bytes())
        if facts.get("format") != FORMAT or facts.get("version") != VERSION:
            raise ValueError(
                f"{folder / NETWORK_FILE}: expected version {VERSION} of {FORMAT}, but found "
                f"version {facts.get('version')} of {facts.get('format')}"
            )
        self.facts = facts
        self.vocab_size: int = facts["target-words"]
        self.padding_idx: int = facts["padding"]
        self.max_target_positions: int = facts["target-positions"]
        self._encoder = _session(folder / ENCODER_FILE, threads)
        self._decoder = _session(folder / DECODER_FILE, threads)
        self._encoder_outputs = [each.name for each in self._encoder.get_outputs()]
        self._decoder_outputs = [each.name for each in self._decoder.get_outputs()]

    def encode(self, src_tokens: Any) -> Encoded:
        """Encodes (B, S) int64 source tokens, padded on either side."""
        tokens = np.ascontiguousarray(src_tokens, dtype=np.int64)
        longest = self.facts["source-positions"]
        if tokens.shape[1] > longest:
            raise ValueError(f"a sentence has {tokens.shape[1]} tokens, the model takes {longest}")
        inputs = {"tokens": ort.OrtValue.ortvalue_from_numpy(tokens)}
        found = self._encoder.run_with_ort_values(self._encoder_outputs, inputs)
        return Encoded(len(tokens), dict(zip(self._encoder_outputs, found, strict=True)))

    def decode(self, encoded: Encoded) -> "Decoding":
        """Begins to decode."""
        return Decoding(self._decoder, self._decoder_outputs, self.facts, encoded)

    def passes(self, src_tokens: Sequence[Sequence[int]], *, beam: int, steps: int) -> "OnnxPasses":
        """Prepares what is timed.

        Args:
            src_tokens: B equally long rows of token numbers.
            beam: hypotheses of each sentence.
            steps: target tokens of each.
        """
        source = np.array(src_tokens, dtype=np.int64)
        sentences = len(source)
        first = np.full((sentences, 1), END_IDX)
        tokens = np.full((sentences, beam), DUMMY_WORD)
        branch = np.zeros((sentences, beam), dtype=np.int64)
        moved = np.tile(np.arange(beam)[::-1], (sentences, 1))
        encoded = self.encode(source)

        def decode() -> None:
            decoding = self.decode(encoded)
            for step in range(steps):
                decoding.step(tokens if step else first)
                decoding.move(moved if step else branch)

        return OnnxPasses(lambda: self.encode(source), decode)


@dataclass(frozen=True)
class OnnxPasses:
    """The two halves of a translation."""

    encode: Callable[[], object]
    decode: Callable[[], object]
    is_whole: bool = False
    """Whether ``decode`` encodes first."""


class Decoding:
    """A batch in the making; see ``OnnxNetwork.decode``."""

    def __init__(
        self, session: Any, outputs: list[str], facts: dict[str, Any], encoded: Encoded
    ) -> None:
        self._session, self._outputs = session, outputs
        self._sentences = encoded.sentences
        self._memory = list(encoded.values)
        self._inputs = dict(encoded.values)
        self._past = [f"past_{name}" for name in outputs[1:]]
        for index, heads in enumerate(facts["decoder-heads"]):
            shape = (encoded.sentences, heads, 0, facts["qkv"] // heads)
            for name in ("key", "value"):
                self._take(f"past_{name}_{index}", np.empty(shape, dtype=np.float32))
        self._rows = np.arange(encoded.sentences, dtype=np.int64)[:, None]
        self._steps = 0

    def step(self, tokens: Any) -> Any:
        """tokens: (B, n) int64 -> log-probabilities (B * n, V) float32 of what may come next."""
        # A step of few sentences is short and finds all of this driven out of the caches by the
        # weights, so every call shows: what stays the same is not looked up again.
        self._take("tokens", np.ascontiguousarray(tokens, dtype=np.int64).reshape(-1))
        self._take("rows", self._rows.reshape(-1))
        self._take("position", np.array([self._steps], dtype=np.int64))
        found = self._session.run_with_ort_values(self._outputs, self._inputs)
        self._inputs.update(zip(self._past, found[1:], strict=True))
        self._steps += 1
        width = tokens.shape[1]
        self._rows = np.arange(self._sentences * width, dtype=np.int64).reshape(-1, width)
        return found[0].numpy()

    def move(self, beams: Any) -> None:
        """beams: (B, m): hypothesis i continues what was hypothesis ``beams[:, i]``."""
        sentences = np.arange(self._sentences)[:, None]
        self._rows = self._rows[sentences, np.asarray(beams, dtype=np.int64)]

    def keep(self, order: Any) -> None:
        """order: (B_new,): sentence i is now what was sentence ``order[i]``."""
        order = np.asarray(order, dtype=np.int64)
        self._rows = self._rows[order]
        self._sentences = len(order)
        for name in self._memory:
            self._take(name, np.ascontiguousarray(self._inputs[name].numpy()[order]))

    def _take(self, name: str, values: Any) -> None:
        self._inputs[name] = ort.OrtValue.ortvalue_from_numpy(values)


def load(folder: str | Path, threads: int | None = None) -> OnnxNetwork:
    """Opens the files of a network; see ``OnnxNetwork``."""
    return OnnxNetwork(folder, threads)


def _session(path: Path, threads: int | None) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.inter_op_num_threads = 1
    if threads is not None:
        options.intra_op_num_threads = threads
    # Without a second try, of which it would tell the user between the translations.
    return ort.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"], enable_fallback=0
    )
