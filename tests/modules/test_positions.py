import math

import pytest
import torch

from hat.errors import DataError
from hat.modules.positions import (
    LearnedPositions,
    SinusoidalPositions,
    sinusoidal_table,
    token_positions,
)

LEFT_PADDED = torch.tensor([[1, 1, 5, 6], [7, 8, 9, 2]])


def test_positions_count_tokens_from_padding_on() -> None:
    assert token_positions(LEFT_PADDED, 1).tolist() == [[1, 1, 2, 3], [2, 3, 4, 5]]


@pytest.mark.parametrize("embed_dim", [2, 7, 8])
def test_sinusoids_against_the_formula(embed_dim: int) -> None:
    table = sinusoidal_table(20, embed_dim, padding_idx=1)
    half = embed_dim // 2
    for position in (0, 2, 19):
        for i in range(half):
            angle = position * 10000 ** (-i / max(half - 1, 1))
            assert table[position, i].item() == pytest.approx(math.sin(angle), abs=1e-5)
            assert table[position, half + i].item() == pytest.approx(math.cos(angle), abs=1e-5)
    assert table[1].abs().max() == 0
    assert embed_dim % 2 == 0 or table[:, -1].abs().max() == 0


def test_sinusoids_are_cut_not_recomputed() -> None:
    wide = SinusoidalPositions(10, 8, padding_idx=1)
    narrow = SinusoidalPositions(10, 4, padding_idx=1)
    torch.testing.assert_close(wide(LEFT_PADDED, 4), wide(LEFT_PADDED, 8)[..., :4])
    assert not torch.allclose(wide(LEFT_PADDED, 4), narrow(LEFT_PADDED, 4))


def test_table_grows_for_long_sentences() -> None:
    short, long = (SinusoidalPositions(size, 8, padding_idx=1) for size in (2, 50))
    tokens = torch.full((1, 30), 5)
    assert short.unpadded(30, 8) is None
    torch.testing.assert_close(short(tokens, 8), long(tokens, 8))
    torch.testing.assert_close(short.unpadded(30, 8), long(tokens, 8)[0])


@pytest.mark.parametrize("kind", [SinusoidalPositions, LearnedPositions])
def test_later_tokens_alone_get_the_same_positions(
    kind: type[SinusoidalPositions] | type[LearnedPositions],
) -> None:
    positions = kind(10, 8, padding_idx=1)
    full = positions(LEFT_PADDED, 6)
    assert full[0, 0].abs().max() == 0
    torch.testing.assert_close(positions(LEFT_PADDED, 6, start=3), full[:, 3:])


def test_learned_positions_have_an_end() -> None:
    positions = LearnedPositions(3, 8, padding_idx=1)
    assert positions.weight.shape == (5, 8)
    with pytest.raises(DataError, match=r"a sentence has 4 tokens, but the model has learned .* 3"):
        positions(LEFT_PADDED, 8)
