"""Keys and values of the decoder's attention that stay where they were written.

When hypotheses branch or end, fairseq copies the keys and values of all their tokens. Here a
sentence keeps one list of tokens for all its hypotheses, and a mask says which of them each
hypothesis descends from. The hypotheses of a sentence are the queries of one product with all its
keys. Tokens that no hypothesis descends from any more are dropped when the list is full.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

_ROOM = 8
"""Steps for which there is room behind what is kept when the lists are made anew."""


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
        self._sentences = sentences
        self._capacity = 0
        self._length = 0
        self._layers = [like.new_empty(2, sentences, count, 0, qkv_dim // count) for count in heads]
        # (B, n, capacity): 0 where hypothesis n descends from a token, -inf elsewhere.
        self._mask = like.new_empty(sentences, 1, 0)

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
        cache = self._layers[layer]
        cache[:, : self._sentences, :, self._length - self._new : self._length] = keys_and_values
        key, value = cache.flatten(1, 2).unbind(0)
        rows = self._sentences * self._heads[layer]
        return key[:rows, : self._length], value[:rows, : self._length]

    def move(self, beams: Tensor) -> None:
        """See ``Decoding.move``."""
        sentences, width = beams.shape
        rows = beams + torch.arange(sentences, device=beams.device)[:, None] * self._mask.size(1)
        mask = self._mask.flatten(0, 1).index_select(0, rows.flatten())
        self._mask = mask.view(sentences, width, -1)

    def keep(self, order: Tensor) -> None:
        """See ``Decoding.keep``."""
        left = len(order)
        gaps = (order != torch.arange(left, device=order.device)).nonzero()[:, 0]
        if len(gaps):
            fillers = order[gaps]
            for cache in self._layers:
                cache.index_copy_(1, gaps, cache.index_select(1, fillers))
        self._mask = self._mask.index_select(0, order)
        self._sentences = left

    def _make_room(self, beams: int) -> None:
        """Drops dead tokens and sentences that have left, and makes the lists longer."""
        mask = self._mask[:, :, : self._length]
        alive = mask.eq(0).any(dim=1)
        kept = int(alive.sum(dim=1).max()) if self._length else 0
        # The living ones first, in their order; what follows is masked for all hypotheses.
        slots = alive.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :kept]
        capacity = kept + beams * _ROOM
        for layer, (cache, heads) in enumerate(zip(self._layers, self._heads, strict=True)):
            width = cache.size(4)
            larger = cache.new_empty(2, self._sentences, heads, capacity, width)
            if kept:
                head = torch.arange(heads, device=slots.device)[None, :, None] * cache.size(3)
                sentence = torch.arange(self._sentences, device=slots.device)[:, None, None]
                rows = slots[:, None, :] + head + sentence * (heads * cache.size(3))
                for old, new in zip(cache, larger, strict=True):
                    found = old.reshape(-1, width).index_select(0, rows.flatten())
                    new[:, :, :kept] = found.view(self._sentences, heads, kept, width)
            self._layers[layer] = larger
        wider = mask.new_full((self._sentences, mask.size(1), capacity), -torch.inf)
        if kept:
            wider[:, :, :kept] = mask.gather(2, slots[:, None, :].expand(-1, mask.size(1), -1))
        self._mask, self._length, self._capacity = wider, kept, capacity
