"""Sizes go by corpus and machine: more of either never makes a task smaller."""

from dataclasses import replace
from itertools import pairwise

from hat.own_corpus.sizing import SHAPES, Corpus, choose_size, round_figure, trainings, vocabulary

NAMES = list(SHAPES)


def corpus(pairs: int) -> Corpus:
    return Corpus(pairs=pairs, words=20 * pairs)


def test_more_data_and_faster_machines_never_make_a_task_smaller() -> None:
    sizes = [NAMES.index(choose_size(corpus(n), "gpu", 1e5)[0]) for n in (1_000, 50_000, 2_000_000)]
    assert sizes == sorted(sizes) and sizes[0] == 0 and sizes[-1] == len(NAMES) - 1
    rates = [NAMES.index(choose_size(corpus(200_000), "cpu", r)[0]) for r in (1, 100, 1e4, 1e6)]
    assert rates == sorted(rates) and rates[0] < rates[-1]
    assert "too long" in choose_size(corpus(200_000), "cpu", 1.0)[1]
    assert "150,000 pairs" in choose_size(corpus(30_000), "gpu", 1e6)[1]


def test_units_occur_a_hundred_times_and_the_shape_caps_them() -> None:
    assert vocabulary(10_000, SHAPES["big"]) == 500
    assert vocabulary(799_999, SHAPES["big"]) == 4000
    assert vocabulary(800_000, SHAPES["big"]) == 8000
    assert vocabulary(10**9, SHAPES["tiny"]) == SHAPES["tiny"].most_units


def test_updates_are_passes_over_the_data_as_far_as_there_is_time() -> None:
    shape = SHAPES["small"]
    free = trainings(corpus(50_000), shape, 8000, "cpu", 1e6)
    assert free.updates == free.wanted and 24 < free.epochs < 26
    slow = trainings(corpus(50_000), shape, 8000, "cpu", 200.0)
    assert slow.updates < slow.wanted == free.wanted
    assert 0.5 < slow.winner_updates / slow.updates < 0.7
    assert trainings(corpus(600), shape, 500, "cpu", 1e6).updates == 1000
    assert trainings(corpus(50_000), shape, 500, "cpu", 1.0).updates == 1000, "fewer are no use"
    assert free.passes == "25 passes" and replace(free, epochs=1.14).passes == "1.1 passes"
    assert [round_figure(x) for x in (7, 1449, 36_999.0)] == [7, 1400, 37_000]


def test_shapes_grow_and_heads_divide_their_width() -> None:
    for shape in SHAPES.values():
        assert all(shape.qkv_dim % heads == 0 for heads in shape.heads)
        assert max(shape.spans) < shape.encoder_layers
    for one, other in pairwise(SHAPES.values()):
        assert one.embed_dims < other.embed_dims and one.fewest_pairs < other.fewest_pairs
