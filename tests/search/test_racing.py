"""Races: what is dropped lost, what is kept was scored on everything, and how often a race errs."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from hat.errors import ConfigError
from hat.search.arrays import array_to_json
from hat.search.estimates import Estimate
from hat.search.racing import RaceSettings, _Leads, race
from hat.search.racing_scorer import RacingScorer, geometric_blocks

SIZES = (32, 32, 64, 128, 244)
ENDS = np.cumsum((0, *SIZES))


def losses_of(rng: np.random.Generator, count: int, spread: float = 0.2) -> np.ndarray:
    """Sentences differ far more than candidates: (count, sentences)."""
    hard = rng.gamma(4.0, 10.0, size=sum(SIZES))
    quality = rng.normal(1.0, spread, size=(count, 1))
    return hard * quality + rng.normal(0, 2.0, size=(count, len(hard)))


class Looks:
    """Hands out blocks of a table and remembers what was asked for."""

    def __init__(self, table: np.ndarray) -> None:
        self.table = table
        self.asked = np.zeros(table.shape, dtype=int)

    def __call__(self, indices: list[int], block: int) -> np.ndarray:
        part = slice(ENDS[block], ENDS[block + 1])
        self.asked[indices, part] += 1
        return self.table[indices, part]


def test_nothing_is_looked_at_twice_and_the_best_are_exact() -> None:
    table = losses_of(np.random.default_rng(0), 60)
    looks = Looks(table)
    result = race(
        looks,
        60,
        block_sizes=SIZES,
        known=np.empty((0, sum(SIZES))),
        settings=RaceSettings(keep=10),
    )
    assert looks.asked.max() == 1
    np.testing.assert_array_equal(looks.asked.sum(axis=1), result.num_seen)
    full = result.num_seen == sum(SIZES)
    assert 10 <= full.sum() < 30
    np.testing.assert_allclose(result.totals[full], table[full].sum(axis=1))
    best = np.argsort(result.totals)[:10]
    assert full[best].all()
    assert set(best) == set(np.argsort(table.sum(axis=1))[:10])


def test_estimates_are_close_and_never_better_than_what_was_kept() -> None:
    table = losses_of(np.random.default_rng(1), 80)
    known, table = table[:20], table[20:]
    known = known[np.argsort(known.sum(axis=1))]
    result = race(Looks(table), 60, block_sizes=SIZES, known=known, settings=RaceSettings(keep=5))
    full = result.num_seen == sum(SIZES)
    truth = table.sum(axis=1)
    everybody = np.concatenate([truth, known.sum(axis=1)])
    assert (result.totals[~full] > np.sort(everybody)[4]).all()
    # The estimate carries the noise of differences, not that of sentences.
    error = np.abs(result.totals[~full] / truth[~full] - 1)
    assert np.median(error) < 0.05


def test_rivals_that_are_better_drop_everybody_early() -> None:
    table = losses_of(np.random.default_rng(2), 20)
    known = table[:3] * 0.2
    result = race(Looks(table), 20, block_sizes=SIZES, known=known, settings=RaceSettings(keep=3))
    assert set(result.num_seen) == {SIZES[0]}
    assert (result.totals > known.sum(axis=1).max()).all()


def test_known_architectures_make_estimates_sharper() -> None:
    """Losses that are mixtures of a few patterns are known after a few sentences."""
    rng = np.random.default_rng(8)
    patterns = rng.gamma(4.0, 10.0, size=(6, sum(SIZES)))
    table = (1 + rng.normal(0, 0.1, size=(80, 6))) @ patterns + rng.normal(0, 1, (80, sum(SIZES)))
    known = table[:40][np.argsort(table[:40].sum(axis=1))]
    truth = table[40:].sum(axis=1)
    errors = []
    for rows in (known[:2], known):
        result = race(
            Looks(table[40:]), 40, block_sizes=SIZES, known=rows, settings=RaceSettings(keep=1)
        )
        dropped = result.num_seen < sum(SIZES)
        errors.append(np.median(np.abs(result.totals / truth - 1)[dropped]))
    assert errors[1] < 0.5 * errors[0]


def test_the_rate_of_errors_is_below_what_was_asked_for() -> None:
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(200):
        table = losses_of(rng, 40, spread=0.02)  # hard to tell apart
        result = race(
            Looks(table),
            40,
            block_sizes=SIZES,
            known=np.empty((0, sum(SIZES))),
            settings=RaceSettings(keep=5, error=0.05),
        )
        truth = np.argsort(table.sum(axis=1))[:5]
        wrong += int((result.num_seen[truth] < sum(SIZES)).sum())
    assert wrong / (200 * 5) < 0.05


def test_what_is_known_well_enough_is_left_at_that_unless_it_may_be_the_best() -> None:
    rng = np.random.default_rng(9)
    table = losses_of(rng, 80, spread=0.02)
    known = table[:20][np.argsort(table[:20].sum(axis=1))]
    truth = table[20:].sum(axis=1)
    settings = [RaceSettings(keep=10, tolerance=tolerance) for tolerance in (0.0, 60.0)]
    strict, loose = (
        race(Looks(table[20:]), 60, block_sizes=SIZES, known=known, settings=each)
        for each in settings
    )
    assert settings[0].finalists == 4
    assert loose.num_seen.sum() < 0.9 * strict.num_seen.sum()
    full = loose.num_seen == sum(SIZES)
    both = np.concatenate([truth, known[:10].sum(axis=1)])
    assert set(np.argsort(both)[:4]) - set(range(60, 70)) <= set(np.flatnonzero(full))
    fourth = np.sort(np.concatenate([truth[full], known[:10].sum(axis=1)]))[3]
    assert (loose.totals[~full] > fourth).all()
    # The parents are known as well as was asked for, and not the wrong ones.
    parents = np.argsort(loose.totals)[:10]
    errors = loose.totals[parents] - truth[parents]
    assert 0 < np.sqrt(np.mean(errors**2)) < 90.0
    assert truth[parents].mean() < np.sort(truth)[:10].mean() + 60.0


def test_what_cannot_be_scored_neither_wins_nor_drops_others() -> None:
    table = losses_of(np.random.default_rng(4), 10)
    table[3] = np.nan
    result = race(
        Looks(table),
        10,
        block_sizes=SIZES,
        known=np.empty((0, sum(SIZES))),
        settings=RaceSettings(keep=2),
    )
    assert np.isnan(result.totals[3])
    assert np.isfinite(np.delete(result.totals, 3)).all()


@pytest.mark.parametrize(("keep", "error"), [(0, 0.05), (1, 0.0), (1, 1.0)])
def test_bad_settings(keep: int, error: float) -> None:
    with pytest.raises(ConfigError, match=r"keep at least 1 and its error lie in \(0, 1\)"):
        RaceSettings(keep=keep, error=error)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tolerance": -1.0}, "must be finite and not negative, but found -1.0"),
        ({"tolerance": float("nan")}, "must be finite and not negative, but found nan"),
    ],
)
def test_bad_tolerances(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        RaceSettings(keep=3, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("sentences", [1, 5, 63, 64, 65, 1014, 3000])
def test_blocks_make_up_the_set(sentences: int) -> None:
    sizes = geometric_blocks(sentences)
    assert sum(sizes) == sentences
    assert min(sizes) >= 1


def scorer_of(table: np.ndarray, keep: int = 4) -> RacingScorer[int]:
    def evaluate(archs: list[int], block: int) -> np.ndarray:
        return table[list(archs), ENDS[block] : ENDS[block + 1]]

    return RacingScorer(
        evaluate,
        name="loss",
        block_sizes=SIZES,
        num_units=10.0,
        settings=RaceSettings(keep=keep),
        features=lambda archs: table[list(archs), :5],
    )


def test_a_race_taken_up_again_scores_like_one_that_went_on() -> None:
    table = losses_of(np.random.default_rng(5), 90)
    one = scorer_of(table)
    for start in (0, 30):
        one.score(list(range(start, start + 30)))
    state = json.loads(json.dumps(one.state_dict()))
    other = scorer_of(table)
    other.load_state_dict(state)
    last = list(range(60, 90))
    np.testing.assert_array_equal(other.score(last), one.score(last))
    np.testing.assert_array_equal(other.shares(last), one.shares(last))


def test_a_new_search_does_not_know_the_last_one() -> None:
    table = losses_of(np.random.default_rng(5), 60)
    one, other = scorer_of(table), scorer_of(table)
    one.score(list(range(30)))
    one.reset()
    last = list(range(30, 60))
    np.testing.assert_array_equal(one.score(last), other.score(last))


def test_a_state_of_other_sentences_is_refused() -> None:
    state = scorer_of(losses_of(np.random.default_rng(5), 9)).state_dict()
    other = scorer_of(np.ones((3, sum(SIZES))))
    with pytest.raises(ValueError, match="races are on"):
        other.load_state_dict({**state, "known": array_to_json(np.ones((3, 9)))})
    damaged = {**state["known"], "shape": [3, sum(SIZES)]}
    with pytest.raises(ValueError, match="reshape"):
        other.load_state_dict({**state, "known": damaged})


def test_the_best_of_all_rounds_are_scored_on_everything() -> None:
    table = losses_of(np.random.default_rng(6), 90)
    scorer = scorer_of(table)
    scores = np.concatenate([scorer.score(list(range(s, s + 30))) for s in (0, 30, 60)])
    best = np.argsort(scores)[:4]
    assert (scorer.shares(best.tolist()) == 1.0).all()
    np.testing.assert_allclose(scores[best], table[best].sum(axis=1) / 10.0)
    assert scorer.sentences_scored < 0.6 * table.size
    np.testing.assert_allclose(scorer.exact.score(range(90)), table.sum(axis=1) / 10.0)


def test_one_block_scores_everything() -> None:
    table = losses_of(np.random.default_rng(7), 30)
    scorer: RacingScorer[int] = RacingScorer(
        lambda archs, block: table[list(archs)],
        name="loss",
        block_sizes=[sum(SIZES)],
        num_units=1.0,
        settings=RaceSettings(keep=1),
        features=lambda archs: table[list(archs), :5],
    )
    np.testing.assert_allclose(scorer.score(range(30)), table.sum(axis=1))
    assert scorer.score([]).shape == (0,)


def test_the_worked_example_in_the_docs_is_what_a_race_does():
    page = (Path(__file__).parents[2] / "docs" / "search.md").read_text()
    words = " ".join(page.split())
    looks = np.cumsum(geometric_blocks(1014)).tolist()
    listed = f"{', '.join(map(str, looks[:-1]))} and {looks[-1]:,} of them"
    assert f"The looks see {listed}" in words
    z = norm.isf(0.05 / (len(looks) - 1))
    assert f"which is {z:.1f}." in words
    rivals = np.array([4.745] * 10 + [4.760] * 15)
    for mean, error, slack, better, is_settled in (
        (4.790, 0.007, 0.004, 25, True),  # A is dropped
        (4.757, 0.007, 0.004, 25, False),  # B goes on
        (4.755, 0.0033, 0.001, 10, True),  # and is settled later
        (4.741, 0.001, 0.001, 10, False),  # C has to be scored on everything
    ):
        estimate = Estimate(np.array([mean]), np.array([[error**2]]))
        leads = _Leads.of(estimate, rivals, np.zeros(25))
        assert (leads.count(float(z), slack)[0] >= better) == is_settled
