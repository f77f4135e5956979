"""The best continuations are those that sorting everything finds."""

import pytest
import torch
from torch import Tensor

from hat.translation.candidates import best_continuations


def plain(part: Tensor, sums: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    total = part.view(*sums.shape, -1) + sums[:, :, None]
    best, index = total.flatten(1).topk(count)
    return best, index % part.size(1), index // part.size(1)


@pytest.mark.numbers
@pytest.mark.parametrize("vocab_size", [5, 63, 64, 65, 128, 1000])
@pytest.mark.parametrize("beams", [1, 5])
def test_as_by_sorting(vocab_size: int, beams: int) -> None:
    generator = torch.Generator().manual_seed(vocab_size)
    part = torch.randn(7 * beams, vocab_size, generator=generator).log_softmax(-1)
    sums = torch.randn(7, beams, generator=generator)
    count = min(2 * beams, beams * vocab_size - 1)
    scores, tokens, beam = plain(part, sums, count)
    parts = list(part.clone().split(3 * beams))
    found = best_continuations(parts, sums, count=count)
    assert torch.equal(found.sums, scores)
    assert torch.equal(found.tokens, tokens)
    assert torch.equal(found.beams, beam)


def test_barred_penalised_and_forced_tokens() -> None:
    part = torch.tensor([[-1.0, -2.0, -3.0, -4.0, -5.0]])
    sums = torch.zeros(1, 1)
    found = best_continuations([part.clone()], sums, count=3, barred=[0], penalty=(2, 1.5))
    assert found.tokens.tolist() == [[1, 3, 2]]
    assert found.sums.tolist() == [[-2.0, -4.0, -4.5]]
    two = torch.tensor([[-1.0, -2.0], [-1.0, -0.5]])
    found = best_continuations([two], torch.zeros(1, 2), count=3, only=1)
    assert found.beams.tolist() == [[1, 0]]
    assert found.tokens.tolist() == [[1, 1]]


def test_a_hypothesis_without_numbers_is_impossible_and_harms_no_other() -> None:
    part = torch.stack((torch.full((70,), torch.nan), torch.randn(70).log_softmax(-1)))
    expected = part[1].topk(4)
    found = best_continuations([part.clone()], torch.zeros(1, 2), count=4)
    assert torch.equal(found.sums[0], expected.values)
    assert found.beams.tolist() == [[1, 1, 1, 1]]
