"""Is a search for SubTransformers guided by a predictor worth it, at equally many evaluations?

Scores a SuperTransformer's SubTransformers by inherited validation loss. First, how well each
predictor ranks those it has not seen; then searches under a FLOPs limit, each allowed the same
number of supernet evaluations: plain evolution, evolution whose scorer is guided by the neural
predictor, evolution guided by ridge regressions, and random search.

    OMP_NUM_THREADS=2 python bench/predictor_search.py \
        --configs configs/multi30k.en-de/supertransformer/space_cpu.yml \
        --restore-file runs/multi30k.en-de/supertransformer/checkpoint_best.pt

Losses are kept in ``--store`` and shared by all runs: each architecture is evaluated once, but
charged to every run that asks for it.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from predictor_baselines import FlatPredictor, boosting, linear

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_from_mapping, arch_to_mapping, space_from_options
from hat.files import write_text
from hat.models.flops import cost
from hat.report.tables import Column, markdown_table
from hat.report.verdict import Runs, compare, verdict_text
from hat.scoring.base import Scorer
from hat.scoring.cross_validation import Predictor
from hat.scoring.graph_encoding import encode_subtransformers
from hat.scoring.guided import GuidedScorer
from hat.scoring.neural_predictor import NeuralPredictor
from hat.scoring.rank_stats import rank_stats
from hat.search.base import SearchAlgorithm
from hat.search.constraints import Constraints, Limit
from hat.search.evolution import Evolution, EvolutionSettings
from hat.search.guided_evolution import GuidedEvolution, GuidedEvolutionSettings
from hat.search.loop import Search
from hat.search.operators import GeneOperators
from hat.search.proposer import Proposer
from hat.search.random_search import RandomSearch

Arch = SubTransformerConfig
TRAIN_SIZES = (50, 100, 200)
NUM_JUDGED = 100


class StoredScorer:
    """A scorer that never computes twice: losses as lines of JSON in a file."""

    def __init__(self, scorer: Scorer[Arch], path: Path) -> None:
        self.name, self.higher_is_better = scorer.name, scorer.higher_is_better
        self.scorer, self.path = scorer, path
        self.known: dict[Arch, float] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        for line in path.read_text().splitlines() if path.exists() else []:
            row = json.loads(line)
            self.known[arch_from_mapping(row["arch"], str(path))] = row["score"]

    def score(self, archs: Sequence[Arch]) -> NDArray[np.float64]:
        """Looks up, computes what is missing: float64 (N,)."""
        new = [arch for arch in dict.fromkeys(archs) if arch not in self.known]
        if new:
            scores = self.scorer.score(new).tolist()
            self.known.update(zip(new, scores, strict=True))
            with open(self.path, "a") as stream:
                for arch, score in zip(new, scores, strict=True):
                    stream.write(json.dumps({"arch": arch_to_mapping(arch), "score": score}) + "\n")
        return np.array([self.known[arch] for arch in archs])


class Budget:
    """A scorer that counts how many different architectures it was asked for, up to a limit."""

    def __init__(self, scorer: StoredScorer, limit: int) -> None:
        self.name, self.higher_is_better = scorer.name, scorer.higher_is_better
        self.scorer, self.limit = scorer, limit
        self.charged: dict[Arch, float] = {}

    @property
    def is_exhausted(self) -> bool:
        """Whether nothing more can be evaluated."""
        return len(self.charged) >= self.limit

    def score(self, archs: Sequence[Arch]) -> NDArray[np.float64]:
        """Scores what the budget allows; the rest is nan."""
        out = np.full(len(archs), np.nan)
        for index, arch in enumerate(archs):
            if arch not in self.charged and not self.is_exhausted:
                self.charged[arch] = float(self.scorer.score([arch])[0])
            out[index] = self.charged.get(arch, np.nan)
        return out


def ranking(
    scorer: StoredScorer, operators: GeneOperators, archs: list[Arch], seeds: int
) -> list[tuple[int, str, list[float]]]:
    """Kendall's tau of each predictor on architectures that it did not learn from."""
    scores = scorer.score(archs)

    def one_hot_features() -> FlatPredictor:
        predictor = FlatPredictor(encode_subtransformers, linear, 0)
        predictor.features = operators.one_hot  # type: ignore[method-assign]
        return predictor

    most = max(arch.encoder.num_layers + arch.decoder.num_layers for arch in archs)
    makers: dict[str, Callable[[], Predictor[Arch]]] = {
        "graph network": lambda: NeuralPredictor(encode_subtransformers, higher_is_better=False),
        "linear, one-hot genes": one_hot_features,
        "linear, graph features": lambda: FlatPredictor(encode_subtransformers, linear, most),
        "boosting, graph features": lambda: FlatPredictor(encode_subtransformers, boosting, most),
    }
    rows = []
    for size in TRAIN_SIZES:
        for name, make in makers.items():
            taus = []
            for seed in range(seeds):
                order = np.random.default_rng(seed).permutation(len(archs))
                train, rest = order[NUM_JUDGED : NUM_JUDGED + size], order[:NUM_JUDGED]
                predictor = make()
                predictor.fit(
                    [archs[i] for i in train], scores[train], rng=np.random.default_rng(seed)
                )
                found = predictor.predict([archs[i] for i in rest]).mean
                taus.append(rank_stats(found, scores[rest]).kendall)
            rows.append((size, name, taus))
            print(f"| {size} {name}: tau {np.mean(taus):.3f}", flush=True)
    return rows


def search(
    kind: str, scorer: StoredScorer, operators: GeneOperators, limit: Limit[Arch], **how: int
) -> float:
    """Runs one search and returns the best loss among those evaluated."""
    budget = Budget(scorer, how["evaluations"])
    proposer = Proposer(operators, np.random.default_rng(how["seed"]), Constraints([limit]))
    objective: Any = budget
    sizes = EvolutionSettings(
        population_size=50, parent_size=10, mutation_size=20, crossover_size=20
    )
    algorithm: SearchAlgorithm[Arch] = Evolution(proposer, sizes)
    if kind == "neural predictor":
        predictor = NeuralPredictor(encode_subtransformers, higher_is_better=False)
        objective = GuidedScorer(
            budget, predictor, rng=np.random.default_rng((how["seed"], 1)), share=0.05
        )
        wide = EvolutionSettings(
            population_size=400, parent_size=20, mutation_size=190, crossover_size=190
        )
        algorithm = Evolution(proposer, wide)
    elif kind == "ridge":
        algorithm = GuidedEvolution(
            proposer,
            operators.one_hot,
            GuidedEvolutionSettings(start_size=50, parent_size=20, pool_size=400, batch_size=20),
        )
    elif kind == "random":
        algorithm = RandomSearch(proposer, batch_size=20)
    run = Search(algorithm, [objective], codec=operators)
    while not budget.is_exhausted:
        done = run.rounds_done
        run.run(done + 1)
        if run.rounds_done == done:
            break
    return float(np.nanmin(list(budget.charged.values())))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds what this benchmark asks beside the options of the training."""
    group = parser.add_argument_group("benchmark")
    group.add_argument("--evaluations", type=int, default=200, help="per search")
    group.add_argument("--num-seeds", type=int, default=5)
    group.add_argument("--flops-share", type=float, default=0.6, help="of the largest one's FLOPs")
    group.add_argument(
        "--src-len", type=int, default=15, help="tokens of the sentence of the limit"
    )
    group.add_argument("--store", default="runs/predictor/losses.jsonl")
    group.add_argument("--report", default="docs/results/neural_predictor_search.md")


def main() -> None:
    """Ranks, searches, writes the report."""
    from hat.fairseq_plugin.arguments import parse, training_parser
    from hat.fairseq_plugin.loading import build_task, load_super_transformer, validation_batches
    from hat.scoring.inherited_loss import InheritedLoss

    args = parse(training_parser, sys.argv[1:], add_options=add_options)
    space = space_from_options(vars(args), "the SuperTransformer's options")
    task = build_task(args)
    model = load_super_transformer(args.restore_file, task)
    batches = validation_batches(
        task, args.valid_subset, model.config, max_tokens=args.max_tokens, device="cpu"
    )
    scorer = StoredScorer(
        InheritedLoss(model, batches, label_smoothing=args.label_smoothing), Path(args.store)
    )
    operators = GeneOperators(space)

    def flops(archs: Sequence[Arch]) -> NDArray[np.float64]:
        length = args.src_len
        counts = (cost(model.config, arch, src_len=length, tgt_len=length) for arch in archs)
        return np.array([count.flops for count in counts], dtype=np.float64)

    limit = Limit("flops", args.flops_share * float(flops([space.largest()])[0]), flops)
    rng = np.random.default_rng(0)
    archs = [space.sample(rng) for _ in range(NUM_JUDGED + max(TRAIN_SIZES))]
    rows = ranking(scorer, operators, archs, args.num_seeds)
    found: dict[str, Runs] = {}
    for kind in ("evolution", "neural predictor", "ridge", "random"):
        scores = []
        for seed in range(args.num_seeds):
            how = {"evaluations": args.evaluations, "seed": seed}
            scores.append(search(kind, scorer, operators, limit, **how))
            print(f"| {kind}, seed {seed}: {scores[-1]:.4f}", flush=True)
        found[kind] = Runs(name=kind, scores=tuple(scores), num_evaluations=args.evaluations)
    verdicts = [
        compare(
            found[kind],
            found["evolution"],
            score_name="inherited loss",
            higher_is_better=False,
            rng=np.random.default_rng(0),
        )
        for kind in ("neural predictor", "ridge", "random")
    ]
    columns: list[Column[Any]] = [
        Column("learned from", lambda row: row[0]),
        Column("predictor", lambda row: row[1]),
        Column("tau", lambda row: f"{np.mean(row[2]):.3f} ± {np.std(row[2], ddof=1):.3f}"),
    ]
    runs: list[Column[Any]] = [
        Column("search", lambda row: row.name),
        Column("best inherited loss, bits/token", lambda row: f"{row.mean:.4f} ± {row.std:.4f}"),
        Column("evaluations", lambda row: row.num_evaluations),
    ]
    text = [
        "# Predictors on SubTransformers",
        "",
        f"Written by `bench/predictor_search.py`; {args.num_seeds} seeds, FLOPs limit "
        f"{args.flops_share:.0%} of the largest, checkpoint `{Path(args.restore_file).name}`.",
        "",
        f"Ranking of {NUM_JUDGED} SubTransformers not learned from:",
        "",
        markdown_table(rows, columns),
        "",
        markdown_table(list(found.values()), runs),
        "",
        verdict_text(verdicts),
    ]
    write_text(args.report, "\n".join(text).rstrip() + "\n")
    print(f"| the report is in {args.report}")


if __name__ == "__main__":
    main()
