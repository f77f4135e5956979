"""How exactly an exported model does what the checkpoint does: in log-probabilities, per token."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from hat.engines.base import Runnable
from hat.errors import CheckpointError
from hat.models.config import SuperTransformerConfig
from hat.models.super_transformer import SuperTransformer
from hat.numerals import number_of
from hat.tasks.binary_data import read_pairs
from hat.text.dictionaries import SPECIAL_SYMBOLS
from hat.translation.sentences import padded
from hat.translation.text import END_IDX, PADDING_IDX

Pairs = Sequence[tuple[list[int], list[int]]]
"""Source and target by number, ends included."""

_BATCH = 16
_RANDOM_LENGTH = 30


def parity_pairs(
    config: SuperTransformerConfig, data: Path, languages: tuple[str, str], count: int
) -> tuple[Pairs, str]:
    """Returns sentences to compare on, and what they are.

    They are the first of the validation, test or training data of ``data``; where there are none,
    random words.
    """
    for split in ("valid", "test", "train"):
        pairs = [
            (source, target)
            for source, target in read_pairs(data, languages, [split], count)
            if 1 < len(source) <= config.max_source_positions  # an empty one says nothing
            and len(target) <= config.max_target_positions
        ]
        if pairs:
            return pairs, f"{number_of(len(pairs), 'sentence')} of {split}"
    rng = np.random.default_rng(0)

    def words(vocab_size: int, longest: int) -> list[int]:
        length = rng.integers(1, max(2, min(longest, _RANDOM_LENGTH)))
        first = min(len(SPECIAL_SYMBOLS), vocab_size - 1)
        return [*rng.integers(first, vocab_size, length).tolist(), END_IDX]

    random = [
        (
            words(config.src_vocab_size, config.max_source_positions),
            words(config.tgt_vocab_size, config.max_target_positions),
        )
        for _ in range(count)
    ]
    return random, f"{number_of(len(random), 'sentence')} of random words"


@torch.inference_mode()
def largest_difference(model: Runnable, reference: SuperTransformer, pairs: Pairs) -> float:
    """Returns the largest difference of two models' log-probabilities, over all words.

    The exported one takes the target token by token, as in a search.

    Args:
        model: the exported model, on the CPU.
        reference: the checkpoint's SuperTransformer, set to the SubTransformer, on the CPU.
        pairs: what to translate.

    Raises:
        CheckpointError: if what comes out is not numbers.
    """
    largest = 0.0
    for start in range(0, len(pairs), _BATCH):
        part = pairs[start : start + _BATCH]
        sources, targets = zip(*part, strict=True)
        src_tokens = torch.tensor(padded(sources, PADDING_IDX, left=True))
        # What follows the end of a sentence is not looked at; padding would not do in a search.
        begun = padded([[END_IDX, *target[:-1]] for target in targets], END_IDX, left=False)
        prev_output_tokens = torch.tensor(begun)
        expected = reference(src_tokens, None, prev_output_tokens).float().log_softmax(-1)
        found = model.forced(src_tokens, prev_output_tokens).cpu()
        for row, target in enumerate(targets):
            difference = (found[row] - expected[row])[: len(target)].abs().max().item()
            if not np.isfinite(difference):
                raise CheckpointError("the exported model's log-probabilities are not numbers")
            largest = max(largest, difference)
    return largest
