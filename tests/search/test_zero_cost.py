import numpy as np
import pytest

from hat.arch.space import SearchSpace
from hat.errors import ConfigError
from hat.scoring.epsinas_scorer import EpsinasScorer
from hat.search.algorithms.aging_evolution import AgingEvolution
from hat.search.algorithms.evolution import Evolution
from hat.search.algorithms.nsga2 import NSGA2
from hat.search.algorithms.random_search import RandomSearch
from hat.search.base import Trial
from hat.search.operators import GeneOperators
from hat.search.zero_cost import ScreeningProposer
from tests.search.toy import loss_of, make_operators


def cheap(archs):
    return -np.array([loss_of(arch) for arch in archs])


def proposer(seed=0, **options):
    return ScreeningProposer(make_operators(), np.random.default_rng(seed), score=cheap, **options)


def test_warm_up_returns_the_best_of_many():
    warm = proposer(warmup=300)
    chosen = warm.first(5)
    assert len(chosen) == 5
    losses = [loss_of(arch) for arch in chosen]
    assert losses == sorted(losses)
    assert warm.num_screened == 300
    cold = [loss_of(arch) for arch in proposer().first(5)]
    assert max(losses) < min(cold)


def test_candidates_that_were_not_chosen_can_be_drawn_again():
    screening = proposer(warmup=1000, moves=4)
    first = screening.first(3)
    drawn = [arch for _ in range(50) for arch in screening.sample(4)]
    assert len(set(drawn)) == len(drawn) == 200
    assert not set(first) & set(drawn)


def test_without_warm_up_and_moves_it_is_a_plain_proposer():
    screening = proposer()
    assert len(screening.first(7)) == 7
    assert screening.num_screened == 0


def test_moves_apply_to_every_kind_of_child():
    parents = proposer(seed=1).first(6)
    for name in ("mutations", "crossovers", "offspring"):
        means = []
        for moves in (1, 8):
            children = getattr(proposer(seed=2, moves=moves), name)(parents, 5)
            means.append(np.mean([loss_of(arch) for arch in children]))
        assert means[1] < means[0], name


def test_missing_scores_come_last():
    def partly(archs):
        return np.where(np.arange(len(archs)) % 2, np.nan, cheap(archs))

    screening = ScreeningProposer(
        make_operators(), np.random.default_rng(0), score=partly, warmup=20
    )
    chosen = screening.first(10)
    assert [loss_of(arch) for arch in chosen] == sorted(loss_of(arch) for arch in chosen)


def test_the_state_is_restored():
    screening = proposer(warmup=50, moves=2)
    trials = [Trial(arch, (loss_of(arch),), 0) for arch in screening.first(5)]
    screening.record(trials)
    state = screening.state_dict()
    expected = screening.sample(5)
    again = proposer(seed=9, warmup=50, moves=2)
    again.load_state_dict(state, trials)
    assert again.num_screened == 50
    assert again.sample(5) == expected


@pytest.mark.parametrize("options", [{"warmup": -1}, {"moves": 0}])
def test_impossible_sizes(options):
    with pytest.raises(ConfigError, match="warm-up must not be negative and moves at least 1"):
        proposer(**options)


@pytest.mark.parametrize("algorithm", [RandomSearch, Evolution, AgingEvolution, NSGA2])
def test_epsinas_screens_for_every_algorithm(algorithm):
    space = SearchSpace(
        encoder_embed_dims=(32, 16),
        decoder_embed_dims=(32, 16),
        encoder_layer_nums=(3, 2, 1),
        decoder_layer_nums=(6, 5, 4, 3, 2, 1),
        encoder_ffn_dims=(64, 32),
        decoder_ffn_dims=(64, 32),
        encoder_self_heads=(4, 2),
        decoder_self_heads=(4, 2),
        decoder_ende_heads=(4, 2),
    )
    depths = {}
    for warmup in (0, 600):
        screening = ScreeningProposer(
            GeneOperators(space),
            np.random.default_rng(0),
            score=EpsinasScorer(space, qkv_dim=16).score,
            warmup=warmup,
            moves=2,
        )
        archs = algorithm(screening).ask()
        depths[warmup] = np.mean([arch.decoder.num_layers for arch in archs])
    assert depths[600] > depths[0]
