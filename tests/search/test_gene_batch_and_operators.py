import json

import numpy as np
import pytest

from hat.arch.gene_batch import gene_columns
from hat.arch.genes import Genes
from hat.arch.space import SearchSpace
from hat.errors import ConfigError
from hat.search.operators import GeneOperators, SingleOperators
from hat.search.proposer import Proposer


@pytest.fixture
def operators(tiny_space: SearchSpace) -> GeneOperators:
    return GeneOperators(tiny_space)


def test_columns_are_the_genes_of_the_translator(tiny_space):
    columns = gene_columns(tiny_space)
    num_choices = [
        len(getattr(tiny_space, name))
        for name, column in columns.items()
        for _ in range(column.stop - column.start)
    ]
    assert tuple(num_choices) == Genes(tiny_space).num_choices


def test_a_space_of_one_architecture():
    single = {field: (8,) for field in SearchSpace.__dataclass_fields__ if "layer" not in field}
    single |= {"encoder_layer_nums": (1,), "decoder_layer_nums": (1,), "decoder_ende_spans": (1,)}
    operators, rng = GeneOperators(SearchSpace(**single)), np.random.default_rng(0)
    batch = operators.sample(rng, 3)
    assert len(set(batch.keys())) == 1 and batch[:0].keys() == []
    assert list(operators.neighbours(batch[0])) == []
    assert operators.one_hot(list(batch)).shape[0] == 3
    assert operators.one_hot([]).shape[0] == 0
    proposer = Proposer(operators, rng)
    assert len(proposer.first(5)) == 1 and proposer.sample(5) == []


def test_keys_are_equal_where_architectures_are(operators, rng):
    batch = operators.mutate(list(operators.sample(rng, 3)), rng, 400)
    archs, keys = list(batch), batch.keys()
    assert len(set(archs)) == len(set(keys)) < 400
    assert len(set(zip(archs, keys, strict=True))) == len(set(keys))


def test_one_hot_has_one_indicator_per_used_gene(operators, rng):
    archs = list(operators.sample(rng, 50))
    hot = operators.one_hot(archs)
    for row, arch in zip(hot, archs, strict=True):
        encoder, decoder = arch.encoder.num_layers, arch.decoder.num_layers
        assert row.sum() == 4 + 2 * encoder + 4 * decoder
    distinct = {tuple(row) for row in hot}
    assert len(distinct) == len(set(archs))


def test_slices_stay_lazy_and_agree(operators, rng):
    batch = operators.sample(rng, 20)
    assert list(batch[5:9]) == [batch[i] for i in range(5, 9)]


def test_samples_cover_every_choice_evenly(operators, rng):
    batch = operators.sample(rng, 6000)
    for gene, num_choices in enumerate(Genes(operators.space).num_choices):
        share = np.bincount(batch.matrix[:, gene], minlength=num_choices) / len(batch)
        np.testing.assert_allclose(share, 1 / num_choices, atol=0.04)


@pytest.mark.parametrize("prob", [0.1, 0.3, 1.0])
def test_mutation_redraws_each_gene_with_its_probability(tiny_space, rng, prob):
    parent = tiny_space.largest()  # uses every gene, all of them 0
    children = GeneOperators(tiny_space, mutation_prob=prob).mutate([parent], rng, 4000)
    for gene, num_choices in enumerate(Genes(tiny_space).num_choices):
        changed = (children.matrix[:, gene] != 0).mean()
        assert changed == pytest.approx(prob * (1 - 1 / num_choices), abs=0.04)


def test_crossover_takes_every_gene_from_either_parent(operators, tiny_space, rng):
    parents = [tiny_space.largest(), tiny_space.smallest()]
    for child in operators.crossover(parents, rng, 100):
        assert child.encoder.embed_dim in (32, 24)
        assert child.encoder.num_layers in (3, 1)
        assert child.decoder.num_layers in (3, 1)
        assert child.decoder.embed_dim in (32, 16)
    deep = list(operators.crossover(parents[:1] * 2, rng, 5))
    assert set(deep) == {tiny_space.largest()}


def test_crossover_never_pairs_a_parent_with_itself(operators, tiny_space, rng):
    # With two parents that differ in every gene, self-pairing would give unchanged children.
    parents = [tiny_space.largest(), tiny_space.smallest()]
    children = list(operators.crossover(parents, rng, 200))
    assert sum(child in parents for child in children) < 10


def test_new_layers_of_a_mutation_are_random_and_not_the_largest(tiny_space, rng):
    children = GeneOperators(tiny_space).mutate([tiny_space.smallest()], rng, 2000)
    grown = [child for child in children if child.encoder.num_layers == 3]
    widths = [child.encoder.ffn_dims[2] for child in grown]
    assert {width: widths.count(width) > len(widths) / 5 for width in (48, 32, 16)} == {
        48: True,
        32: True,
        16: True,
    }


def test_neighbours_differ_in_one_used_decision(operators, tiny_space, rng):
    genes = Genes(tiny_space)
    for arch in operators.sample(rng, 30):
        near = list(operators.neighbours(arch))
        assert len(set(near)) == len(near)
        assert arch not in near
        for other in near:
            tiny_space.check(other)
            depth = (arch.encoder.num_layers, arch.decoder.num_layers)
            if (other.encoder.num_layers, other.decoder.num_layers) == depth:
                pairs = zip(genes.encode(arch), genes.encode(other), strict=True)
                assert sum(a != b for a, b in pairs) == 1


def test_a_deeper_neighbour_repeats_the_last_layer(operators, tiny_space):
    arch = tiny_space.smallest()
    (deeper,) = [n for n in operators.neighbours(arch) if n.encoder.num_layers == 2]
    assert deeper.encoder.ffn_dims == (16, 16)


def test_the_smallest_comes_first(operators, tiny_space, rng):
    batch = operators.smallest_first(rng, 100)
    assert batch[0] == tiny_space.smallest()
    assert len(set(batch)) > 20


def test_architectures_survive_json(operators, rng):
    for arch in operators.sample(rng, 20):
        assert operators.from_json(json.loads(json.dumps(operators.to_json(arch)))) == arch


def test_json_of_another_space_is_refused(operators, tiny_space):
    record = operators.to_json(tiny_space.largest())
    record["encoder-embed-dim-subtransformer"] = 999
    with pytest.raises(ConfigError, match=r"encoder.embed_dim = 999 is not in the search space"):
        operators.from_json(record)


@pytest.mark.parametrize("prob", [0.0, 1.5, -0.1])
def test_bad_mutation_probability(tiny_space, prob):
    with pytest.raises(ConfigError, match=r"mutation-prob must lie in \(0, 1\], but found"):
        GeneOperators(tiny_space, mutation_prob=prob)


def test_single_operators_without_crossover_mutate(rng):
    operators = SingleOperators(
        sample_one=lambda r: int(r.integers(10)), mutate_one=lambda arch, r: arch + 100
    )
    assert operators.crossover([1, 2], rng, 3) == pytest.approx([101, 101, 101], abs=1)
    assert operators.neighbours(3) == []
    assert operators.smallest_first(rng, 5) == []
