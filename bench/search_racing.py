"""How much racing saves and how often it changes what a search chooses.

    python bench/search_racing.py collect LOSSES.npz [--rounds 4]    # Multi30k; minutes
    python bench/search_racing.py races LOSSES.npz                   # the losses as they are
    python bench/search_racing.py searches LOSSES.npz                # whole searches, HAT's sizes

``collect`` scores the first rounds of HAT's evolution on every sentence of the validation set.
``races`` repeats these rounds with the sentences in other orders. ``searches`` needs losses of
any architecture: they are made from the collected ones by kernel ridge regression per sentence on
the share of equal choices, which leaves 0.003 bits of a search's candidates unexplained. To
that the left-out residual of a collected candidate of a later round is added, drawn by the
architecture's name. Then the same search runs with and without racing.
"""

import argparse
import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from multi30k import CHECKPOINT, inherited_loss, read_space
from numpy.typing import NDArray

from hat.arch.config import SubTransformerConfig
from hat.arrays import Floats
from hat.search.algorithms.evolution import Evolution
from hat.search.base import A, Objective, Trial
from hat.search.loop import Search
from hat.search.operators import GeneOperators
from hat.search.proposer import Proposer
from hat.search.racing import RaceSettings
from hat.search.racing_scorer import ExactScorer, RacingScorer, geometric_blocks

Arch = SubTransformerConfig
SETTINGS = [
    RaceSettings(keep=25),
    RaceSettings(keep=25, error=0.2),
    RaceSettings(keep=25, tolerance=0.002),
    RaceSettings(keep=25, tolerance=0.004),  # what evo_search.py does by default
    RaceSettings(keep=25, tolerance=0.006),
    RaceSettings(keep=25, tolerance=0.006, error=0.2),
]
"""HAT's 25 parents; without a tolerance they are scored on everything. Tolerances in bits."""

SEARCHED = (SETTINGS[0], SETTINGS[2], SETTINGS[3])
"""Those that whole searches are run with."""


def collect(path: Path, rounds: int, restore_file: str) -> None:
    """Scores the first rounds of a search on everything."""
    path.parent.mkdir(parents=True, exist_ok=True)
    loss = inherited_loss(restore_file)
    operators = GeneOperators(read_space())
    algorithm = Evolution(Proposer(operators, np.random.default_rng(1)))
    losses, genes, sizes = [], [], []
    for number in range(rounds):
        archs = algorithm.ask()
        losses.append(loss.sentence_losses(archs))
        genes.append(operators.one_hot(archs))
        sizes.append(len(archs))
        totals = losses[-1].sum(axis=1)
        algorithm.tell([Trial(a, (float(t),), number) for a, t in zip(archs, totals, strict=True)])
        print(
            f"round {number + 1}: {len(archs)} architectures, best {totals.min():.1f}", flush=True
        )
    part = path.with_name(f".{path.name}.part.npz")
    np.savez(
        part,
        losses=np.concatenate(losses),
        one_hot=np.concatenate(genes),
        sizes=np.array(sizes),
        num_tokens=np.array(loss.num_tokens),
    )
    part.replace(path)


def racer(
    rows: Callable[[Sequence[A]], Floats],
    order: NDArray[np.intp],
    num_units: float,
    settings: RaceSettings,
    features: Callable[[Sequence[A]], Floats],
) -> RacingScorer[A]:
    """A race on a table of losses whose sentences are dealt by ``order``."""
    sizes = geometric_blocks(len(order))
    ends = np.cumsum((0, *sizes))

    def evaluate(archs: Sequence[A], block: int) -> Floats:
        return rows(archs)[:, order[ends[block] : ends[block + 1]]]

    return RacingScorer(
        evaluate,
        name="loss",
        block_sizes=sizes,
        num_units=num_units,
        settings=settings,
        features=features,
    )


def races(
    losses: Floats, one_hot: Floats, sizes: Sequence[int], num_units: float, repeats: int
) -> list[dict[str, object]]:
    """The collected rounds again and again, in other orders of the sentences."""
    totals = losses.sum(axis=1) / num_units
    ends = np.cumsum((0, *sizes))

    def rows_of(rows: Sequence[int]) -> Floats:
        return losses[list(rows)]

    def features(rows: Sequence[int]) -> Floats:
        return one_hot[list(rows)]

    table = []
    for settings in SETTINGS:
        keep = settings.keep
        shares: list[list[float]] = [[] for _ in sizes]
        missed = wrong_best = 0
        worse = []
        for seed in range(repeats):
            order = np.random.default_rng(seed).permutation(losses.shape[1])
            scorer = racer(rows_of, order, num_units, settings, features)
            scores = np.empty(0)
            for number in range(len(sizes)):
                new = list(range(ends[number], ends[number + 1]))
                scores = np.concatenate([scores, scorer.score(new)])
                shares[number].append(float(scorer.shares(new).mean()))
                chosen = np.argsort(scores, kind="stable")[:keep]
                best = np.argsort(totals[: len(scores)], kind="stable")[:keep]
                missed += len(set(best) - set(chosen))
                worse.append(totals[chosen].mean() - totals[best].mean())
                wrong_best += chosen[0] != best[0]
        table.append(
            {
                "settings": asdict(settings),
                "share_per_round": [round(float(np.mean(one)), 3) for one in shares],
                "parents_missed": f"{missed} of {repeats * len(sizes) * keep}",
                "parents_worse_by_bits": round(float(np.mean(worse)), 5),
                "wrong_best": f"{wrong_best} of {repeats * len(sizes)}",
            }
        )
    return table


class MadeLosses:
    """Losses of any architecture, like those that were collected."""

    def __init__(
        self, losses: Floats, one_hot: Floats, sizes: Sequence[int], operators: GeneOperators
    ) -> None:
        self.operators = operators
        self.one_hot = one_hot
        self.mean = losses.mean(axis=0)
        inverse = np.linalg.inv(self.kernel(one_hot) + 1e-3 * np.eye(len(one_hot)))
        self.weights = inverse @ (losses - self.mean)
        left_out = self.weights / np.diag(inverse)[:, None]
        self.residuals = left_out[sizes[0] :]
        """Of what the search itself proposed; the first round is drawn from the whole space."""

        self.made: dict[Arch, Floats] = {}

    def kernel(self, one_hot: Floats) -> Floats:
        """Of new architectures (N, D) with the collected ones: it was chosen by leaving one out."""
        alike = one_hot @ self.one_hot.T / self.one_hot.sum(axis=1).max()
        kernel: Floats = 1e3 + alike + 0.3 * np.exp(alike - 1)
        return kernel

    def __call__(self, archs: Sequence[Arch]) -> Floats:
        """Losses (N, sentences)."""
        new = [arch for arch in archs if arch not in self.made]
        if new:
            fit = self.mean + self.kernel(self.operators.one_hot(new)) @ self.weights
            for arch, row in zip(new, fit, strict=True):
                name = json.dumps(self.operators.to_json(arch), sort_keys=True).encode()
                draw = int.from_bytes(hashlib.sha256(name).digest()[:4]) % len(self.residuals)
                self.made[arch] = row + self.residuals[draw]
        return np.array([self.made[arch] for arch in archs])


def searches(
    made: MadeLosses, num_units: float, rounds: int, seeds: int
) -> list[dict[str, object]]:
    """Whole searches with HAT's population, with and without racing."""

    def run(objective: Objective[Arch], seed: int) -> tuple[Arch, float]:
        proposer = Proposer(made.operators, np.random.default_rng(seed))
        search = Search(Evolution(proposer), [objective], codec=made.operators)
        best = search.run(rounds).best()
        return best.arch, float(made([best.arch]).sum())

    exact: ExactScorer[Arch] = ExactScorer("loss", lambda archs: made(archs).sum(axis=1))
    truth = [run(exact, seed) for seed in range(seeds)]
    spread = float(np.std([loss for _, loss in truth]))
    table = []
    for settings in SEARCHED:
        same, worse, shares = 0, [], []
        for seed in range(seeds):
            order = np.random.default_rng(seed).permutation(made.weights.shape[1])
            scorer = racer(made, order, num_units, settings, made.operators.one_hot)
            arch, loss = run(scorer, seed)
            same += arch == truth[seed][0]
            worse.append(loss - truth[seed][1])
            count = 125 + 100 * (rounds - 1)
            shares.append(scorer.sentences_scored / made.weights.shape[1] / count)
        table.append(
            {
                "settings": asdict(settings),
                "same_winner": f"{same} of {seeds}",
                "seed_sd_bits": round(spread / num_units, 5),
                "worse_by_bits": round(float(np.mean(worse)) / num_units, 5),
                "its_standard_error": round(
                    float(np.std(worse, ddof=1)) / num_units / math.sqrt(seeds), 5
                ),
                "share_of_sentences": round(float(np.mean(shares)), 3),
            }
        )
        print(json.dumps(table[-1]), flush=True)
    return table


def main() -> None:
    """Collects, or tells what racing does to what was collected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("collect", "races", "searches"))
    parser.add_argument("losses", type=Path)
    parser.add_argument("--rounds", type=int, help="4 to collect, 30 to search")
    parser.add_argument("--repeats", type=int, default=20, help="orders of sentences, or seeds")
    parser.add_argument("--restore-file", default=CHECKPOINT)
    options = parser.parse_args()
    if options.what == "collect":
        collect(options.losses, options.rounds or 4, options.restore_file)
        return
    with np.load(options.losses, allow_pickle=False) as data:
        losses, one_hot, sizes = data["losses"], data["one_hot"], data["sizes"].tolist()
        num_units = float(data["num_tokens"]) * math.log(2)
    if options.what == "races":
        for line in races(losses, one_hot, sizes, num_units, options.repeats):
            print(json.dumps(line))
    else:
        made = MadeLosses(losses, one_hot, sizes, GeneOperators(read_space()))
        searches(made, num_units, options.rounds or 30, options.repeats)


if __name__ == "__main__":
    main()
