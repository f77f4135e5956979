import numpy as np

from hat.arch.features import latency_features
from hat.arch.gene_batch import GeneBatch
from hat.arch.genes import Genes
from hat.arch.space import SearchSpace
from hat.latency.table import table_of_archs


def test_features_are_hats(tiny_space: SearchSpace, rng: np.random.Generator) -> None:
    archs = [tiny_space.sample(rng) for _ in range(50)]
    expected = [list(latency_features(arch).values()) for arch in archs]
    np.testing.assert_array_equal(table_of_archs(archs).features, expected)


def test_genes_give_the_same_table(tiny_space: SearchSpace, rng: np.random.Generator) -> None:
    genes = Genes(tiny_space)
    matrix = np.array([genes.sample(rng) for _ in range(200)], dtype=np.int8)
    batch = GeneBatch(genes, matrix)
    fast, slow = table_of_archs(batch), table_of_archs(list(batch))
    np.testing.assert_allclose(fast.features, slow.features, rtol=1e-14)
    assert fast.layers is not None
    assert slow.layers is not None
    np.testing.assert_array_equal(fast.layers, slow.layers)


def test_layers_are_left_out_when_not_needed(tiny_space: SearchSpace) -> None:
    assert table_of_archs([tiny_space.largest()], layers=False).layers is None


def test_no_architectures() -> None:
    assert table_of_archs([]).features.shape == (0, 10)
