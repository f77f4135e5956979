r"""Is a search for SubTransformers guided by a predictor worth it, at equally many evaluations?

Scores SubTransformers by the loss they inherit on a fixed random part of the validation set, under
a limit on FLOPs. Plain evolution, evolution guided by ridge regressions, evolution guided by graph
networks and random search begin with the same candidates and score equally many; the winners are
then scored on the whole validation set. What random search met also shows how well each
predictor ranks architectures that it has not seen.

    OMP_NUM_THREADS=1 python bench/predictor_search.py \
        --configs configs/multi30k.en-de/supertransformer/space_cpu.yml \
        --restore-file runs/multi30k.en-de/supertransformer_cpu/checkpoint_best.pt

Every loss is kept in ``--store`` and used by all runs, so an interrupted benchmark goes on: an
architecture is evaluated once, but charged to every search that asks for it.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from predictor_baselines import FlatPredictor, boosting, linear

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_from_mapping, arch_to_mapping, space_from_options
from hat.cli.console import set_up_logging
from hat.files import write_text
from hat.models.flops import cost
from hat.report.tables import Column, markdown_table
from hat.report.verdict import Judged, Runs, compare, verdict_text
from hat.scoring.base import Scorer
from hat.scoring.graph_encoding import encode_subtransformers
from hat.scoring.guides import guides
from hat.scoring.neural_predictor import NeuralPredictor
from hat.scoring.prediction import Predictor
from hat.scoring.rank_stats import rank_stats
from hat.scoring.ridge import RidgeEnsemble
from hat.search.algorithms import ALGORITHMS
from hat.search.algorithms.generation import GenerationSettings, Ingredients
from hat.search.constraints import Constraints, Limit
from hat.search.loop import Search
from hat.search.operators import GeneOperators
from hat.search.proposer import Proposer

Arch = SubTransformerConfig
Scores = NDArray[np.float64]

KINDS = ("evolution", "random", "guided", "guided-gcn")
SIZES = GenerationSettings(population_size=30, parent_size=10, mutation_size=10, crossover_size=10)
"""30 candidates, then 20 a round."""

TRAIN_SIZES = (50, 100, 200)
NUM_JUDGED = 100


class StoredScorer:
    """A scorer that never computes twice: losses as lines of JSON in a file."""

    def __init__(self, scorer: Scorer[Arch], path: Path) -> None:
        """Args: scorer: what computes; path: its scores and nobody else's."""
        self.name, self.higher_is_better = scorer.name, scorer.higher_is_better
        self.scorer, self.path = scorer, path
        self.known: dict[Arch, float] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        for line in path.read_text().splitlines() if path.exists() else []:
            row = json.loads(line)
            self.known[arch_from_mapping(row["arch"], str(path))] = row["score"]

    def score(self, archs: Sequence[Arch]) -> Scores:
        """Looks up, computes what is missing: float64 (N,)."""
        new = [arch for arch in dict.fromkeys(archs) if arch not in self.known]
        if new:
            scores = self.scorer.score(new).tolist()
            self.known.update(zip(new, scores, strict=True))
            with open(self.path, "a") as stream:
                for arch, score in zip(new, scores, strict=True):
                    stream.write(json.dumps({"arch": arch_to_mapping(arch), "score": score}) + "\n")
        return np.array([self.known[arch] for arch in archs])


def ranking(
    operators: GeneOperators, archs: Sequence[Arch], scores: Scores, seeds: int
) -> list[tuple[int, str, list[float]]]:
    """Kendall's tau of each predictor on architectures that it did not learn from."""
    most = max(arch.encoder.num_layers + arch.decoder.num_layers for arch in archs)
    makers: dict[str, Callable[[], Predictor[Arch]]] = {
        "ridge, one-hot genes": lambda: RidgeEnsemble(operators.one_hot),
        "graph networks": lambda: NeuralPredictor(encode_subtransformers, higher_is_better=False),
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
    kind: str, seed: int, scorer: StoredScorer, operators: GeneOperators, limit: Limit[Arch]
) -> Search[Arch]:
    """Returns a search that has not begun; equal seeds begin with equal candidates."""
    proposer = Proposer(operators, np.random.default_rng(seed), Constraints([limit]))
    models = guides(operators.one_hot, encode_subtransformers)
    ingredients = Ingredients(proposer=proposer, guides=models)
    algorithm = ALGORITHMS.load(kind).build(SIZES, ingredients)
    return Search(algorithm, [scorer], codec=operators)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds what this benchmark asks beside the options of the training."""
    group = parser.add_argument_group("benchmark")
    group.add_argument("--rounds", type=int, default=9, help="30 evaluations, then 20 a round")
    group.add_argument("--num-seeds", type=int, default=5)
    group.add_argument("--sentences", type=int, default=128, help="of the validation set")
    group.add_argument("--flops-share", type=float, default=0.6, help="of the largest one's FLOPs")
    group.add_argument("--src-len", type=int, default=15, help="tokens of the limit's sentence")
    group.add_argument("--store", type=Path, default=Path("runs/predictor"), help="folder")
    group.add_argument("--report", default="runs/predictor/search.md")


def main() -> None:
    """Searches seed by seed, ranks, writes the report."""
    from hat.fairseq_plugin.arguments import parse, training_parser
    from hat.fairseq_plugin.loading import build_task, load_super_transformer, validation_batches
    from hat.scoring.batches import Batch, deal_into_blocks
    from hat.scoring.inherited_loss import InheritedLoss

    set_up_logging("WARNING")
    args = parse(training_parser, sys.argv[1:], add_options=add_options)
    space = space_from_options(vars(args), "the SuperTransformer's options")
    task = build_task(args)
    model = load_super_transformer(args.restore_file, task)
    batches = validation_batches(
        task, args.valid_subset, model.config, max_tokens=args.max_tokens, device="cpu"
    )
    count = sum(len(batch.target) for batch in batches)
    dtype = torch.bfloat16 if args.bf16 else torch.float32
    network = model.to(dtype)

    def dealt(*sizes: int) -> list[Batch]:
        """The first block of a random deal."""
        return deal_into_blocks(
            batches,
            sizes,
            padding_idx=model.config.padding_idx,
            max_tokens=args.max_tokens,
            rng=np.random.default_rng(0),
            packed=dtype,
        )[0]

    smoothing = args.label_smoothing
    precision = "bf16" if args.bf16 else "fp32"
    scorer = StoredScorer(
        InheritedLoss(
            network, dealt(args.sentences, count - args.sentences), label_smoothing=smoothing
        ),
        args.store / f"losses_{args.sentences}_{precision}.jsonl",
    )
    whole = StoredScorer(
        InheritedLoss(network, dealt(count), label_smoothing=smoothing),
        args.store / f"losses_{count}_{precision}.jsonl",
    )
    operators = GeneOperators(space)

    def flops(archs: Sequence[Arch]) -> Scores:
        length = args.src_len
        counts = (cost(model.config, arch, src_len=length, tgt_len=length) for arch in archs)
        return np.array([count.flops for count in counts], dtype=np.float64)

    limit = Limit("flops", args.flops_share * float(flops([space.largest()])[0]), flops)
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    chance: list[Arch] = []
    for seed in range(args.num_seeds):
        for kind in KINDS:
            start, stored = time.process_time(), len(scorer.known)
            result = search(kind, seed, scorer, operators, limit).run(args.rounds)
            seconds = time.process_time() - start
            winner = result.best()
            curve = np.minimum.accumulate([trial.objectives[0] for trial in result.trials])
            run = {
                "loss": winner.objectives[0],
                "whole": float(whole.score([winner.arch])[0]),
                "evaluations": result.num_evaluated,
                "curve": curve.tolist(),
            }
            found[kind].append(run)
            print(
                f"| seed {seed}, {kind}: {run['loss']:.4f}, on all sentences {run['whole']:.4f}; "
                f"{run['evaluations']} evaluations, {len(scorer.known) - stored} of them new, "
                f"{seconds:.0f} CPU s",
                flush=True,
            )
            if kind == "random":
                chance += [trial.arch for trial in result.trials]
    chance = list(dict.fromkeys(chance))
    rows = ranking(operators, chance, scorer.score(chance), args.num_seeds)
    write_text(args.report, report(found, rows, args, count))
    write_text(args.store / "search_runs.json", json.dumps(found))
    print(f"| the report is in {args.report}")


def report(
    found: dict[str, list[dict[str, Any]]],
    rows: list[tuple[int, str, list[float]]],
    args: argparse.Namespace,
    count: int,
) -> str:
    """Tables and verdicts as Markdown."""
    halfway = len(found["random"][0]["curve"]) // 2

    def runs(kind: str, name: str) -> Runs:
        mine = found[kind]
        scores = tuple(run[name] for run in mine)
        return Runs(name=kind, scores=scores, num_evaluations=mine[0]["evaluations"])

    def spread(values: Sequence[float], digits: int) -> str:
        std = np.std(values, ddof=1) if len(values) > 1 else math.nan
        return f"{np.mean(values):.{digits}f} ± {std:.{digits}f}"

    columns: list[Column[Any]] = [
        Column("search", lambda kind: kind),
        Column("evaluations", lambda kind: found[kind][0]["evaluations"]),
        Column("best loss, bits/token", lambda kind: spread(runs(kind, "loss").scores, 4)),
        Column(
            f"after {halfway} evaluations",
            lambda kind: spread([run["curve"][halfway - 1] for run in found[kind]], 4),
        ),
        Column(f"winner on all {count}", lambda kind: spread(runs(kind, "whole").scores, 4)),
    ]
    ranks: list[Column[Any]] = [
        Column("learned from", lambda row: row[0]),
        Column("predictor", lambda row: row[1]),
        Column("tau", lambda row: spread(row[2], 3)),
    ]
    verdicts = [
        compare(
            runs(kind, name),
            runs("evolution", name),
            Judged(name=words, higher_is_better=False, trained=False),
        )
        for name, words in (("loss", "loss"), ("whole", "loss on the whole validation set"))
        for kind in KINDS[1:]
    ]
    return "\n".join(
        [
            f"{len(found['random'])} seeds; loss on {args.sentences} of {count} sentences; limit "
            f"{args.flops_share:.0%} of the largest one's FLOPs; `{Path(args.restore_file).name}`.",
            "",
            markdown_table(list(KINDS), columns),
            "",
            verdict_text(verdicts),
            "",
            f"Ranking of {NUM_JUDGED} architectures not learned from:",
            "",
            markdown_table(rows, ranks),
            "",
        ]
    )


if __name__ == "__main__":
    main()
