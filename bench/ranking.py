"""How well free scores order the architectures of a ground truth, and what halving costs.

    python bench/ranking.py conlang                    # prints the tables
    python bench/ranking.py conlang --page docs/results/ranking.md
    python bench/ranking.py conlang --inherited docs/results/data/inherited_conlang.csv

Reads ``docs/results/data/ground_truth_TASK.csv`` as far as it is filled and trains nothing. An
architecture counts once it has all seeds of the recipe, or ``--seeds`` of them. The truth is the
mean BLEU of its trainings. ``--inherited`` adds what SuperTransformers (``supernet_recipes.py``),
mixtures and a graph network say. With ``--page`` the text between the page's two marks of this
task is replaced. Takes about a minute, with ``--inherited`` some more.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ranking_learned import graph_network, mixtures, read_inherited
from truth_recipes import RECIPES
from truth_training import Recipe

from hat.arch.config import SubTransformerConfig
from hat.arrays import Floats
from hat.cli.console import one_sentence
from hat.errors import ConfigError
from hat.files import write_text
from hat.ground_truth.agreement import (
    Replicate,
    estimate,
    regret,
    replicates,
    weighted_tau,
)
from hat.ground_truth.halving import halve
from hat.ground_truth.spread import spread
from hat.ground_truth.table import TruthTable, read_truth
from hat.reading import read_text
from hat.report.tables import markdown_table, places
from hat.studies.epsinas.common import ModelSettings
from hat.studies.rank_scorers import scorers_for
from hat.yaml_reader import read_mapping

TABLES = Path("docs/results/data")
BASELINE = "decoder_depth_then_params"
"""What every other score is compared with."""

BUDGETS = (0.2, 0.35, 0.5, 0.7, 0.9)
"""Of the architectures of the table keep each budget: its FLOPs are that quantile of theirs."""

_FEWEST = 4
"""Architectures below which nothing is ranked."""

CANDIDATES = 16
NETWORK_ROWS = (10, 20, 40)
NETWORK_SPLITS = 20

HALVED_BY_OTHERS = ", judged by the seeds that it did not choose by"
HALVED_BY_ITSELF = (
    ". With one seed it is judged by the trainings it chose by, so its regret is too small by what "
    "another seed would change"
)

RUNGS = (3, 6, 12, 20)
"""Marks, of 20, at which halving drops half of its candidates."""


@dataclass(frozen=True)
class Study:
    """A table's complete rows and what is to be known of them."""

    archs: Sequence[SubTransformerConfig]
    trainings: Sequence[Floats]
    """BLEU, (seeds,) each."""

    scores: Mapping[str, Floats]
    """By name, (V, N), higher is better: V is the number of SuperTransformers that a score was
    taken from, 1 for a score without any. Figures are means over them."""

    drawn: Sequence[Replicate]
    """The table itself, then the bootstrap's."""

    @property
    def flops(self) -> Floats:
        """What budgets limit."""
        flops: Floats = self.scores["flops"][0]
        return flops


def free_scores(recipe: Recipe, archs: Sequence[SubTransformerConfig]) -> dict[str, Floats]:
    """Everything that needs no training, by name."""
    options = read_mapping(recipe.training)
    model = ModelSettings(
        qkv_dim=int(options["qkv-dim"].text()),
        encoder_normalize_before=options["encoder-normalize-before"].switch(),
        decoder_normalize_before=options["decoder-normalize-before"].switch(),
    )
    found = scorers_for(archs, recipe.name, model, recipe.src_len)
    return {
        name: np.atleast_2d(scorer.score(archs)) * (1 if scorer.higher_is_better else -1)
        for name, scorer in found.items()
    }


def study(
    recipe: Recipe, table: TruthTable, num_seeds: int, count: int, inherited: Path | None = None
) -> Study:
    """Scores the architectures that have enough trainings."""
    archs = table.archs(num_seeds)
    trainings = table.values("bleu", archs)
    drawn = replicates(trainings, count, rng=np.random.default_rng(0))
    scores = free_scores(recipe, archs)
    if inherited is not None:
        losses = read_inherited(inherited, archs)
        # Where the rate falls to nothing, the average of the weights is the weights.
        variants = ("-average", "-tuned", "-calibrated", "-started")
        plain = {
            n: each for n, each in losses.items() if not n.partition(".")[0].endswith(variants)
        }
        counts = {name: scores[name] for name in ("decoder_depth", "encoder_depth", "params")}
        scores |= losses | mixtures(counts, plain, drawn[0].truth)
    return Study(archs, trainings, scores, drawn)


def mean_tau(scores: Floats, replicate: Replicate, among: NDArray[np.bool_] | None = None) -> float:
    """Kendall's tau of each of (V, N) scores, averaged."""
    return float(np.mean([weighted_tau(row, replicate, among) for row in scores]))


def mean_regret(scores: Floats, replicate: Replicate, allowed: NDArray[np.bool_]) -> float:
    """The regret of each of (V, N) scores, averaged."""
    return float(np.mean([regret(row, replicate, allowed) for row in scores]))


Figures = NDArray[np.float64]
"""A figure of the table itself, then of each of the bootstrap's."""


def over(drawn: Sequence[Replicate], figure: Callable[[Replicate], float]) -> Figures:
    """A figure of all replicates."""
    return np.array([figure(replicate) for replicate in drawn])


def agreement_table(found: Study) -> str:
    """Kendall's tau over all pairs and over those of equal decoder depth, and less the baseline."""
    depths = np.array([arch.decoder.num_layers for arch in found.archs])
    equal = depths[:, None] == depths[None, :]
    baseline = over(found.drawn, partial(mean_tau, found.scores[BASELINE]))
    rows = []
    for name, scores in found.scores.items():
        taus = over(found.drawn, partial(mean_tau, scores))
        rows.append(
            (
                name,
                estimate(taus),
                "-" if name == BASELINE else estimate(taus - baseline),
                estimate(over(found.drawn, partial(mean_tau, scores, among=equal))),
            )
        )
    return markdown_table(
        rows,
        places("score", "tau, all pairs", f"less that of {BASELINE}", "tau, equal decoder depth"),
    )


def regret_table(found: Study) -> str:
    """BLEU that a choice by each score loses under each budget."""
    limits = np.quantile(found.flops, BUDGETS)

    def regrets(scores: Floats) -> Figures:
        """(budgets, replicates)"""
        return np.array(
            [
                over(found.drawn, partial(mean_regret, scores, allowed=found.flops <= limit))
                for limit in limits
            ]
        )

    baseline = np.nanmean(regrets(found.scores[BASELINE]), axis=0)
    rows = []
    for name, scores in found.scores.items():
        each = regrets(scores)
        mean = np.nanmean(each, axis=0)
        difference = "-" if name == BASELINE else estimate(mean - baseline)
        rows.append((name, *map(estimate, each), estimate(mean), difference))
    header = [f"{limit / 1e6:.1f} MFLOPs" for limit in limits]
    return markdown_table(rows, places("score", *header, "mean", f"less that of {BASELINE}"))


def halving_table(found: Study, table: TruthTable, num_seeds: int) -> str:
    """Regret and price of halving among the best by each count, and of training the best few."""
    limits = np.quantile(found.flops, BUDGETS)
    seeds = [sorted(table.trainings[arch])[:num_seeds] for arch in found.archs]
    seconds = np.array([values.mean() for values in table.values("cpu_seconds", found.archs)])
    rows = []
    for name in (BASELINE, "flops", "params"):
        for label, rungs, most in (
            (f"halving of {CANDIDATES}", RUNGS, CANDIDATES),
            ("trains 4 to the end", RUNGS[-1:], 4),
            ("trains 1 to the end", RUNGS[-1:], 1),
        ):
            lost, paid, candidates_of = [], [], []
            for limit in limits:
                allowed = np.flatnonzero(found.flops <= limit)
                best = allowed[np.argsort(-found.scores[name][0, allowed], kind="stable")]
                chosen = best[:most].tolist()
                candidates_of.append(len(chosen))
                for turn in range(num_seeds):
                    curves = np.array(
                        [
                            table.trainings[arch][own[turn]].curve
                            for arch, own in zip(found.archs, seeds, strict=True)
                        ]
                    )
                    done = halve(chosen, curves, seconds, rungs=rungs)
                    # Judged by the other seeds: not by the trainings that it was chosen by.
                    truth = np.array([others(each, turn).mean() for each in found.trainings])
                    lost.append(float(truth[allowed].max() - truth[done.chosen]))
                    paid.append(done.cost / seconds[allowed].max())
            rows.append(
                (
                    f"{label}, best by {name}",
                    f"{min(candidates_of)} to {max(candidates_of)}",
                    f"{np.mean(paid):.1f}",
                    f"{np.mean(lost):.2f}",
                    f"{np.max(lost):.2f}",
                )
            )
    header = ("choice", "candidates", "cost in trainings of the largest allowed")
    return markdown_table(rows, places(*header, "mean regret, BLEU", "worst"))


def network_part(found: Study, inherited: Path | None) -> list[str]:
    """Lines on the graph network, which takes minutes: along with what else was learned."""
    if inherited is None:
        return []
    truth, baseline = found.drawn[0].truth, found.scores[BASELINE][0]
    rows = graph_network(found.archs, truth, baseline, NETWORK_ROWS, NETWORK_SPLITS)
    if not rows:
        return ["", "The table is too small for a graph network to learn from a part of it."]
    header = ("rows", "tau of the others", f"tau of {BASELINE}", "difference")
    said = (
        "A graph network (`hat.scoring.neural_predictor`) that learned from some rows of the table "
        f"on its other rows; {NETWORK_SPLITS} draws, mean and standard deviation:"
    )
    return ["", said, "", markdown_table(rows, places(*header))]


def others(trainings: Floats, turn: int) -> Floats:
    """All trainings but one; that one where it is the only one."""
    return np.delete(trainings, turn) if len(trainings) > 1 else trainings


def page_text(
    recipe: Recipe, table: TruthTable, num_seeds: int, count: int, inherited: Path | None = None
) -> str:
    """All tables as Markdown."""
    archs = table.archs(num_seeds)
    state = [
        f"**{len(table)} of {recipe.num_archs * recipe.num_seeds} trainings** are in the table; "
        f"{len(archs)} of {recipe.num_archs} architectures have {num_seeds} seeds and count below."
    ]
    if archs:
        bleu = np.array([values.mean() for values in table.values("bleu", archs)])
        state[0] += f" Their mean BLEU lies between {bleu.min():.1f} and {bleu.max():.1f}."
        again = max(num_seeds, 2)  # one seed alone says nothing of the noise
        if len(table.archs(again)) > 1:
            state += ["", f"- BLEU: {spread(table, 'bleu', num_seeds=again)}."]
    if len(archs) < _FEWEST:
        return "\n".join(
            [*state, "", f"With fewer than {_FEWEST} architectures there are no ranks."]
        )
    found = study(recipe, table, num_seeds, count, inherited)
    if num_seeds > 1:
        half = spread(table, "bleu", num_seeds=num_seeds, best=0.5)
        loss = spread(table, "loss", num_seeds=num_seeds)
        state += [f"- BLEU among the better half: {half}.", f"- Cross-entropy in bits: {loss}."]
    return "\n".join(
        [
            *state,
            "",
            "Kendall's tau with the mean BLEU (95% interval over architectures and seeds, "
            f"{count} replicates, seed 0):",
            "",
            agreement_table(found),
            "",
            "Regret in BLEU, the best under a budget less the choice of a score:",
            "",
            regret_table(found),
            "",
            f"Successive halving at marks {', '.join(map(str, RUNGS))} of {recipe.marks}, over the "
            f"five budgets and all seeds{HALVED_BY_OTHERS if num_seeds > 1 else HALVED_BY_ITSELF}:",
            "",
            halving_table(found, table, num_seeds),
            *network_part(found, inherited),
        ]
    )


def around_part(path: Path, made_by: str) -> tuple[str, str]:
    """Returns what stands before and after the text that a script puts into a page, marks included.

    Args:
        path: the page.
        made_by: the script and its task, as its first mark names them.

    Raises:
        ConfigError: if there is no such page, or it has no such marks.
    """
    begin, end = f"<!-- bench/{made_by} -->", "<!-- end -->"
    before, mark, rest = read_text(path).partition(begin)
    _, closing, after = rest.partition(end)
    if not mark or not closing:
        raise ConfigError(f"{path}: has no part between {begin!r} and {end!r}")
    return before + begin, end + after


def replace_part(path: Path, made_by: str, text: str) -> None:
    """Puts ``text`` between the two marks of a page; see ``around_part``."""
    before, after = around_part(path, made_by)
    write_text(path, f"{before}\n\n{text}\n\n{after}")


def main() -> None:
    """Prints the tables or puts them into the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", choices=RECIPES)
    parser.add_argument("--table", type=Path, help="default: in docs/results/data")
    parser.add_argument("--seeds", type=int, help="default: all of the recipe")
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--inherited", type=Path, help="inherited.csv of supernet_recipes.py")
    parser.add_argument("--page", type=Path, help="put the tables there instead of printing them")
    options = parser.parse_args()
    made_by = f"ranking.py {options.task}"
    if options.page is not None:
        around_part(options.page, made_by)  # before minutes of work
    recipe = RECIPES[options.task]
    table = read_truth(options.table or TABLES / f"ground_truth_{options.task}.csv")
    text = page_text(
        recipe, table, options.seeds or recipe.num_seeds, options.replicates, options.inherited
    )
    if options.page is None:
        print(text)
    else:
        replace_part(options.page, made_by, text)


if __name__ == "__main__":
    with one_sentence(sys.argv):
        main()
