from collections import Counter
from dataclasses import replace

from hat.arch.space import SearchSpace
from hat.ground_truth.draw import draw_stratified


def test_the_largest_and_the_smallest_come_first_and_all_are_of_the_space(
    space: SearchSpace,
) -> None:
    archs = draw_stratified(space, 48, seed=1)
    assert archs[:2] == [space.largest(), space.smallest()]
    assert len(set(archs)) == 48
    for arch in archs:
        space.check(arch)


def test_depths_come_round_evenly(space: SearchSpace) -> None:
    drawn = draw_stratified(space, 38, seed=1)[2:]
    pairs = Counter((arch.encoder.num_layers, arch.decoder.num_layers) for arch in drawn)
    assert len(pairs) == 36 and set(pairs.values()) == {1}
    for start in range(0, 36, 6):
        block = drawn[start : start + 6]
        assert {arch.encoder.num_layers for arch in block} == set(range(1, 7))
        assert {arch.decoder.num_layers for arch in block} == set(range(1, 7))


def test_every_second_one_has_layers_that_are_alike(space: SearchSpace) -> None:
    drawn = draw_stratified(space, 48, seed=1)[2:]
    for arch in drawn[1::2]:
        assert len(set(arch.encoder.ffn_dims)) == len(set(arch.decoder.ende_spans)) == 1
    assert any(len(set(arch.decoder.ffn_dims)) > 1 for arch in drawn[::2])


def test_a_longer_list_begins_with_a_shorter_one(space: SearchSpace) -> None:
    assert draw_stratified(space, 48, seed=1)[:16] == draw_stratified(space, 16, seed=1)
    assert draw_stratified(space, 16, seed=1) != draw_stratified(space, 16, seed=2)


def test_a_small_space_ends_the_list(space: SearchSpace) -> None:
    one = {name: getattr(space, name)[:1] for name in vars(space)}
    tiny = replace(space, **{**one, "encoder_layer_nums": (1,), "decoder_layer_nums": (2, 1)})
    assert len(draw_stratified(tiny, 48, seed=1)) == tiny.size() == 2
