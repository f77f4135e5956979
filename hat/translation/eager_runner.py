"""The modules of ``hat.models`` as something to search: slow, and nothing but them."""

from collections.abc import Iterator

import torch
from torch import Tensor

from hat.models.decoder import DecoderCache
from hat.models.encoder import EncoderOutput
from hat.models.super_transformer import SuperTransformer


class EagerRunner:
    """Runs the SubTransformer that a model is set to; see ``hat.translation.beam.Runner``."""

    def __init__(self, model: SuperTransformer) -> None:
        self.model = model
        self.vocab_size = model.config.tgt_vocab_size
        self.padding_idx = model.config.padding_idx
        self.max_target_positions = model.config.max_target_positions

    def encode(self, src_tokens: Tensor) -> EncoderOutput:
        """See ``Runner.encode``."""
        found: EncoderOutput = self.model.encoder(src_tokens)
        return found

    def decode(
        self, encoded: EncoderOutput, max_steps: int, words: Tensor | None = None
    ) -> "EagerDecoding":
        """See ``Runner.decode``."""
        return EagerDecoding(self.model, encoded, words)


class EagerDecoding:
    """A batch in the making; see ``hat.translation.beam.Decoding``."""

    def __init__(
        self, model: SuperTransformer, encoded: EncoderOutput, words: Tensor | None
    ) -> None:
        self._model, self._words = model, words
        self._encoded = encoded
        self._cache = DecoderCache()
        state = encoded.states[0]
        self._beams = 1
        self._tokens = torch.empty(state.size(0), 0, dtype=torch.int64, device=state.device)

    def step(self, tokens: Tensor) -> Iterator[Tensor]:
        """See ``Decoding.step``."""
        self._tokens = torch.cat((self._tokens, tokens.reshape(-1, 1)), dim=1)
        logits = self._model.decoder(self._tokens, self._encoded, self._cache)[:, -1]
        if self._words is not None:
            logits = logits.index_select(1, self._words)
        yield torch.log_softmax(logits.float(), dim=-1)

    def move(self, beams: Tensor) -> None:
        """See ``Decoding.move``."""
        rows = beams + torch.arange(len(beams), device=beams.device)[:, None] * self._beams
        self._take(rows.flatten(), same_sources=beams.size(1) == self._beams)
        self._beams = beams.size(1)

    def keep(self, order: Tensor) -> None:
        """See ``Decoding.keep``."""
        beams = torch.arange(self._beams, device=order.device)
        self._take((order[:, None] * self._beams + beams).flatten(), same_sources=False)

    def _take(self, rows: Tensor, *, same_sources: bool) -> None:
        self._tokens = self._tokens[rows]
        self._cache.reorder(rows, same_sources=same_sources)
