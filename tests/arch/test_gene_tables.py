from dataclasses import replace

import numpy as np
import pytest

from hat.arch import gene_tables as module
from hat.arch.gene_batch import GeneBatch
from hat.arch.gene_tables import GeneTables
from hat.arch.genes import Genes
from hat.arch.space import SearchSpace
from hat.latency.choices import space_choices
from hat.latency.fit import competing
from hat.latency.predictor import Scales
from hat.latency.predictors.linear import fit_linear
from hat.latency.table import table_of_archs


def draw(space: SearchSpace, rng: np.random.Generator, count: int) -> GeneBatch:
    genes = Genes(space)
    matrix = rng.integers(np.array(genes.num_choices), size=(count, len(genes.num_choices)))
    return GeneBatch(genes, matrix.astype(np.int8))


@pytest.mark.parametrize("most_sequences", [4096, 4])
def test_sums_are_those_over_the_layers(
    tiny_space: SearchSpace,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
    most_sequences: int,
) -> None:
    monkeypatch.setattr(module, "_MOST_SEQUENCES", most_sequences)
    tables = GeneTables(tiny_space)
    batch = draw(tiny_space, rng, 300)
    positions = tables.positions(batch.matrix)

    def value(field: str, width: float, choice: int) -> float:
        return width * choice + 7 * len(field)

    found = tables.add_up(tables.tabulate(value), positions)
    expected = []
    for arch in batch:
        total = 0.0
        for side, part in (("encoder", arch.encoder), ("decoder", arch.decoder)):
            names = ("ffn_dims", "self_heads", "ende_heads", "ende_spans")
            for name in names[: 2 if side == "encoder" else 4]:
                for choice in getattr(part, name):
                    total += value(f"{side}_{name}", float(part.embed_dim), choice)
        expected.append(total)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    features = tables.features(batch.matrix, positions).T
    np.testing.assert_allclose(features, table_of_archs(list(batch)).features, rtol=1e-14)


def test_long_lists_are_looked_up_in_parts() -> None:
    tables = GeneTables(
        SearchSpace(
            encoder_embed_dims=(8,),
            decoder_embed_dims=(8,),
            encoder_layer_nums=(24,),
            decoder_layer_nums=(12, 3),
            encoder_ffn_dims=(64, 32, 16),
            decoder_ffn_dims=(64, 32),
            encoder_self_heads=(2,),
            decoder_self_heads=(2,),
            decoder_ende_heads=(2,),
        )
    )
    sizes = [(part.field, part.first_layer, part.num_layers) for part in tables.parts]
    assert sizes[:4] == [("encoder_ffn_dims", first, 7) for first in (0, 7, 14)] + [
        ("encoder_ffn_dims", 21, 3)
    ]
    assert ("decoder_ffn_dims", 0, 12) in sizes
    assert max(len(table) for table in tables.tabulate(lambda *_: 1.0)) <= 2 * 4096


@pytest.mark.parametrize("kind", [kind for kind in competing() if kind != "from-prior"])
def test_genes_and_architectures_have_the_same_latency(
    tiny_space: SearchSpace, rng: np.random.Generator, kind: str
) -> None:
    batch = draw(tiny_space, rng, 400)
    table = table_of_archs(list(batch))
    latency_ms = 5 + table.features @ np.linspace(0.1, 1.0, 10) * rng.lognormal(0, 0.01, 400)
    predictor = fit_linear(
        kind,
        table,
        latency_ms,
        choices=space_choices(tiny_space),
        scales=Scales.of(table.features, latency_ms),
        rng=rng,
    ).predictor
    expected = predictor.predict_ms(list(batch))
    np.testing.assert_allclose(predictor.predict_ms(batch), expected, rtol=1e-10)
    # A second space asks the same predictor: its tables are its own.
    shallow = replace(tiny_space, decoder_layer_nums=tiny_space.decoder_layer_nums[-1:])
    other = draw(shallow, rng, 50)
    np.testing.assert_allclose(
        predictor.predict_ms(other), predictor.predict_ms(list(other)), rtol=1e-10
    )
