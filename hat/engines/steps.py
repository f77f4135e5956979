"""A runnable of anything that encodes and decodes step by step, with our own beam search."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from hat.engines.base import DUMMY_WORD, END_IDX, UNKNOWN_IDX, Passes
from hat.translation.beam import BeamSearch, BeamSettings, Hypothesis, Runner
from hat.translation.shortlist import Shortlist


class StepRunnable:
    """See ``hat.engines.base.Runnable``.

    Args:
        runner: the model in its engine.
        takes: see ``hat.engines.base.Runnable``.
    """

    def __init__(self, runner: Runner, takes: tuple[int, int] | None = None) -> None:
        self.runner, self.takes = runner, takes
        self.vocab_size = runner.vocab_size

    def search(
        self,
        settings: BeamSettings,
        *,
        shortlist: Shortlist | None = None,
        eos_idx: int = END_IDX,
        unk_idx: int = UNKNOWN_IDX,
    ) -> Callable[[Tensor], list[list[Hypothesis]]]:
        """See ``Runnable.search``."""
        return BeamSearch(
            self.runner, settings, shortlist=shortlist, eos_idx=eos_idx, unk_idx=unk_idx
        )

    @torch.inference_mode()
    def forced(self, src_tokens: Tensor, prev_output_tokens: Tensor) -> Tensor:
        """See ``Runnable.forced``."""
        steps = prev_output_tokens.size(1)
        decoding = self.runner.decode(self.runner.encode(src_tokens), steps)
        same = torch.zeros(len(src_tokens), 1, dtype=torch.int64, device=src_tokens.device)
        found = []
        for step in range(steps):
            parts = decoding.step(prev_output_tokens[:, [step]])
            found.append(torch.cat([part.clone() for part in parts]))
            decoding.move(same)
        return torch.stack(found, dim=1)

    def passes(self, src_tokens: Tensor, *, beam: int, steps: int) -> Passes:
        """See ``Runnable.passes``. Log-probabilities are computed, what is best is not chosen."""
        sentences, runner = len(src_tokens), self.runner
        first = src_tokens.new_full((sentences, 1), END_IDX)
        tokens = src_tokens.new_full((sentences, beam), DUMMY_WORD)
        branch = torch.zeros_like(tokens)
        moved = torch.arange(beam, device=tokens.device).flip(0).expand(sentences, -1)

        @torch.inference_mode()
        def encode() -> Any:
            return runner.encode(src_tokens)

        encoded = encode()

        @torch.inference_mode()
        def decode() -> None:
            decoding = runner.decode(encoded, steps)
            for step in range(steps):
                for _ in decoding.step(tokens if step else first):
                    pass
                decoding.move(moved if step else branch)

        return Passes(encode, decode)
