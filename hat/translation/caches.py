"""Keys and values of the decoder's attention that stay where they were written.

When hypotheses branch or end, fairseq copies the keys and values of all their tokens. Here a
sentence keeps one list of tokens for all its hypotheses, and a mask says which of them each
hypothesis descends from. The hypotheses of a sentence are the queries of one product with all its
keys. Tokens that no hypothesis descends from any more are dropped when the list is full.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

_ROOM, _ROOM_OF_ONE = 8, 32
"""Steps for which there is room behind what is kept when the lists are made anew; more for few
sentences, where that costs more than the products with dead tokens."""

_GROWTH = 1.5
"""New memory is so much larger than needed: it is used again, since every 4 KB of new memory costs
a page fault."""


def fill_gaps(cache: Tensor, order: Tensor, *, dim: int) -> None:
    """Moves sentences as ``Decoding.keep`` says, in place; what is behind ``order`` is garbage.

    Args:
        cache: its dimension ``dim`` counts sentences.
        order: (B_new,) int64.
        dim: 0 or 1.
    """
    gaps = (order != torch.arange(len(order), device=order.device)).nonzero()[:, 0]
    if len(gaps):
        cache.index_copy_(dim, gaps, cache.index_select(dim, order[gaps]))


class MovingCache:
    """Keys and values of the tokens of B sentences in all layers, and who descends from whom.

    Args:
        sentences: B.
        heads: heads of each layer.
        qkv_dim: joint width of the heads.
        like: has the type and device.
    """

    def __init__(self, sentences: int, heads: Sequence[int], qkv_dim: int, like: Tensor) -> None:
        self._heads = heads
        self._qkv_dim = qkv_dim
        self._sentences = sentences
        self._capacity = 0
        self._length = 0
        self._layers = [like.new_empty(2, sentences, count, 0, qkv_dim // count) for count in heads]
        # (B, n, capacity): 0 where hypothesis n descends from a token, -inf elsewhere.
        self._memory = [like.new_empty(0) for _ in heads]
        self._spare = like.new_empty(0)
        self._mask = like.new_empty(sentences, 1, 0)
        self._views: list[tuple[Tensor, Tensor, Tensor]] = []

    def append(self, beams: int) -> Tensor | None:
        """Makes place for a token of each of n hypotheses, which descend from what they did.

        Returns:
            What is added to the scores of an attention, (B, 1, n, length), or None if every
            hypothesis descends from every token.
        """
        if self._length + beams > self._capacity:
            self._make_room(beams)
        end = self._length + beams
        new = self._mask[:, :, self._length : end]
        new.fill_(-torch.inf)
        new.diagonal(dim1=1, dim2=2).zero_()
        self._length, self._new = end, beams
        return None if end == 1 else self._mask[:, None, :, :end]

    def store(self, layer: int, keys_and_values: Tensor) -> tuple[Tensor, Tensor]:
        """Writes a layer's part of the tokens for which ``append`` made place.

        Args:
            layer: which.
            keys_and_values: (2, B, H, n, K).

        Returns:
            Keys and values of all tokens, each (B * H, length, K).
        """
        end = self._length
        tokens, key, value = self._views[layer]
        tokens.narrow(3, end - self._new, self._new).copy_(keys_and_values)
        return key.narrow(1, 0, end), value.narrow(1, 0, end)

    def move(self, beams: Tensor) -> None:
        """See ``Decoding.move``."""
        sentences, width = beams.shape
        rows = beams + torch.arange(sentences, device=beams.device)[:, None] * self._mask.size(1)
        mask = self._mask.flatten(0, 1).index_select(0, rows.flatten())
        self._mask = mask.view(sentences, width, -1)

    def keep(self, order: Tensor) -> None:
        """See ``Decoding.keep``."""
        for cache in self._layers:
            fill_gaps(cache, order, dim=1)
        self._mask = self._mask.index_select(0, order)
        self._sentences = len(order)
        self._look()

    def _make_room(self, beams: int) -> None:
        """Drops dead tokens and sentences that have left, and makes the lists longer."""
        mask = self._mask[:, :, : self._length]
        alive = mask.eq(0).any(dim=1)
        kept = int(alive.sum(dim=1).max()) if self._length else 0
        # The living ones first, in their order; what follows is masked for all hypotheses.
        slots = alive.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :kept]
        capacity = kept + beams * max(_ROOM, _ROOM_OF_ONE // self._sentences)
        numel = 2 * self._sentences * capacity * self._qkv_dim
        for layer, (cache, heads) in enumerate(zip(self._layers, self._heads, strict=True)):
            if self._spare.numel() < numel:
                self._spare = cache.new_empty(int(_GROWTH * numel))
            old, width = cache.size(3), cache.size(4)
            larger = self._spare[:numel].view(2, self._sentences, heads, capacity, width)
            if kept:
                head = torch.arange(heads, device=slots.device)[None, :, None] * old
                sentence = torch.arange(self._sentences, device=slots.device)[:, None, None]
                rows = (slots[:, None, :] + head + sentence * (heads * old)).flatten()
                for source, target in zip(cache, larger, strict=True):
                    found = source.reshape(-1, width).index_select(0, rows)
                    target[:, :, :kept] = found.view(self._sentences, heads, kept, width)
            self._layers[layer] = larger
            self._spare, self._memory[layer] = self._memory[layer], self._spare
        wider = mask.new_full((self._sentences, mask.size(1), capacity), -torch.inf)
        if kept:
            wider[:, :, :kept] = mask.gather(2, slots[:, None, :].expand(-1, mask.size(1), -1))
        self._mask, self._length, self._capacity = wider, kept, capacity
        self._look()

    def _look(self) -> None:
        """Notes of each layer the part of the sentences: all, its keys and its values by head."""
        self._views = []
        for cache in self._layers:
            tokens = cache[:, : self._sentences]
            key, value = cache.flatten(1, 2)[:, : self._sentences * cache.size(2)].unbind(0)
            self._views.append((tokens, key, value))
