"""A run's folder as hat leaves it, without a training: all files are written by hat's own code.

Latencies and losses are simple functions of the architecture with some noise, so that a search, a
predictor and a contest of a real size take a few seconds.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import load_arch, write_arch
from hat.arch.space import SearchSpace
from hat.files import write_json, write_text
from hat.latency.fit import FitSettings, fit_predictor
from hat.latency.predictor import LatencyPredictor
from hat.latency.samples import LatencySample, write_samples
from hat.latency.sidecar import Sidecar
from hat.latency.workload import Workload
from hat.models.config import SuperTransformerConfig
from hat.nas.contest import Rivals
from hat.nas.facts import write_facts
from hat.nas.finish import Finish, SearchEnd
from hat.nas.limits.base import SearchLimit
from hat.nas.problem import Problem
from hat.pipeline.index import write_index
from hat.pipeline.run import Pipeline
from hat.report.search_report import write_search_report
from hat.search.algorithms import ALGORITHMS
from hat.search.algorithms.generation import GenerationSettings, Ingredients
from hat.search.constraints import Constraints, Limit
from hat.search.operators import GeneOperators
from hat.search.proposer import Proposer

Arch = SubTransformerConfig

SPACE = SearchSpace(
    encoder_embed_dims=(512, 384),
    decoder_embed_dims=(512, 384),
    encoder_layer_nums=(6,),
    decoder_layer_nums=(6, 5, 4, 3, 2, 1),
    encoder_ffn_dims=(2048, 1024, 512),
    decoder_ffn_dims=(2048, 1024, 512),
    encoder_self_heads=(8, 4),
    decoder_self_heads=(8, 4),
    decoder_ende_heads=(8, 4),
    decoder_ende_spans=(3, 2, 1),
)
NETWORK = SuperTransformerConfig(
    src_vocab_size=8000,
    tgt_vocab_size=8000,
    encoder_embed_dim=512,
    encoder_ffn_dim=2048,
    encoder_layers=6,
    encoder_heads=8,
    decoder_embed_dim=512,
    decoder_ffn_dim=2048,
    decoder_layers=6,
    decoder_heads=8,
    qkv_dim=512,
    share_all_embeddings=True,
)
LIMIT = 90.0
PIPELINE = Path(__file__).resolve().parents[2] / "configs/numbers.en-fr/pipeline.yml"
"""Whose names files and steps have."""


def latency(arch: Arch) -> tuple[float, float]:
    """Milliseconds of encoder and decoder on no machine in particular."""
    e, d = arch.encoder, arch.decoder
    encoder = 2.0 + sum(0.4 + e.embed_dim * f / 3e6 for f in e.ffn_dims)
    decoder = 6.0 + sum(
        9.0 + d.embed_dim * f / 2e5 + 0.5 * span
        for f, span in zip(d.ffn_dims, d.ende_spans, strict=True)
    )
    return encoder, decoder


def loss(arch: Arch) -> float:
    """A loss that sinks with size, less and less; the same for the same architecture."""
    e, d = arch.encoder, arch.decoder
    size = sum(e.ffn_dims) / 12288 + 2.2 * sum(d.ffn_dims) / 12288 + e.embed_dim / 512
    size += d.embed_dim / 512 + 0.25 * sum(d.ende_spans) / len(d.ende_spans)
    noise = np.random.default_rng(abs(hash(arch)) % 2**32).normal(scale=0.015)
    return float(3.9 + 2.6 / (0.6 + size) + noise)


class Loss:
    """The loss as a scorer."""

    name = "inherited-loss"
    higher_is_better = False

    def score(self, archs: Any) -> Any:
        return np.array([loss(arch) for arch in archs])


class Depth:
    """Decoder layers as a scorer."""

    name = "decoder_depth"
    higher_is_better = True

    def score(self, archs: Any) -> Any:
        return np.array([float(arch.decoder.num_layers) for arch in archs])


class Heads(Depth):
    """Heads, which say nothing, as a scorer."""

    name = "heads"

    def score(self, archs: Any) -> Any:
        return np.array([float(sum(arch.encoder.self_heads)) for arch in archs])


def make_run(folder: Path, *, limit: float = LIMIT, seed: int = 1, rounds: int = 6) -> Path:
    """Makes the folder of a pipeline's run and returns it."""
    write_arch(folder / "largest.yml", SPACE.largest(), "The largest SubTransformer.")
    predictor, digest = _measured(folder)
    best = make_search(folder, predictor, digest, limit=limit, seed=seed, rounds=rounds)
    rows: dict[str, Any] = {}
    for name, arch, bleu, add in (
        ("best", best, (24.1, 26.31), 0.0),
        ("largest", SPACE.largest(), (24.9, 27.02), 40.0),
    ):
        variant = "_cpu" if name == "best" else ""
        home = folder / ("subtransformer_cpu" if name == "best" else "largest")
        log = home / "exp" / f"{name}{variant}.yml_test_gen.out"
        write_text(log, generation_log(name))
        rows[f"elsewhere/{name}{variant}.yml"] = {"latency_ms": sum(latency(arch)), "error_ms": 0.9}
        for weights, score in zip(("inherited", "retrained"), bleu, strict=True):
            words = ["python", "-m", "hat.cli", "score", f"elsewhere/{'/'.join(log.parts[-3:])}"]
            step(
                folder,
                f"evaluate-{name}-{weights}{variant}",
                1.0,
                {"bleu": score, "chrf": score + 25},
                words,
            )
        step(
            folder,
            f"train-{'sub' if name == 'best' else ''}"
            f"{'transformer' if name == 'best' else 'largest'}{variant}",
            1500.0 + add,
            {},
        )
        write_text(
            folder / "logs" / f"train-{'subtransformer_cpu' if variant else 'largest'}.log",
            training_log(4.0 - add / 200),
        )
    step(folder, "compare-latencies_cpu", 9.0, {"rows": rows})
    write_index(Pipeline(PIPELINE, run_dir=folder).plan)
    step(folder, "train-supertransformer", 3600.0, {"best_loss": 4.4})
    step(folder, "latency-dataset_cpu", 900.0, {})
    step(folder, "evo-search_cpu", 400.0, {})
    write_text(folder / "logs" / "train-supertransformer.log", training_log(4.4, is_super=True))
    return folder


def make_several(made: Path, folder: Path) -> Path:
    """Makes the run of a pipeline with two targets, two searches each and two seeds, of another."""
    shutil.copytree(made, folder)
    plan = Pipeline(PIPELINE.with_name("pipeline_several.yml"), run_dir=folder).plan
    write_index(plan)
    arch = load_arch(folder / "best_cpu.yml")
    for target in plan.targets:
        shutil.copyfile(folder / "latency_cpu.csv", target.latencies)
        shutil.copyfile(folder / "latency_cpu.csv.meta.jsonl", f"{target.latencies}.meta.jsonl")
        shutil.copyfile(folder / "predictor_cpu.pt", target.predictor)
        rows = {"elsewhere/largest.yml": {"latency_ms": 120.0, "error_ms": 1.0}}
        for place, found in enumerate(each for each in plan.found if each.target is target):
            yml = found.best.yml
            shutil.copytree(folder / "best_cpu.search", yml.with_suffix(".search"))
            write_arch(yml, arch, "Found.")
            rows[f"elsewhere/{yml.name}"] = {"latency_ms": 80.0 + 20 * place, "error_ms": 0.5}
            for seed, training in enumerate(found.best.trainings):
                label = f"evaluate-best-retrained{training.suffix}_cpu"
                step(folder, label, 1.0, {"bleu": 26.0 + place + 2 * seed, "chrf": 50.0})
                log = training_log(4.0 - place / 10 - seed / 100)
                write_text(folder / f"logs/train-subtransformer{training.suffix}_cpu.log", log)
        step(folder, f"compare-latencies{target.suffix}_cpu", 9.0, {"rows": rows})
    return folder


def _measured(folder: Path) -> tuple[LatencyPredictor, str]:
    """A latency dataset and the predictor that learned from it, in files."""
    from hat.conditions import file_digest

    rng = np.random.default_rng(0)
    samples = []
    for arch in GeneOperators(SPACE).sample(rng, 160):
        encoder, decoder = (part * rng.normal(1.0, 0.012) for part in latency(arch))
        samples.append(LatencySample.of(arch, encoder_ms=encoder, decoder_ms=decoder))
    path = folder / "latency_cpu.csv"
    write_samples(path, samples)
    workload = Workload(src_len=30, decode_steps=30, num_threads=2)
    device = {"name": "Example CPU", "python": "3.11.7", "torch": "2.13.0", "num_threads": 2}
    Sidecar.create(path, {"workload": workload.to_dict(), "device": device, "model": vars(NETWORK)})
    predictor = fit_predictor(
        str(path), FitSettings(predictor="depth-linear"), say=lambda line: None
    ).predictor
    predictor.save(folder / "predictor_cpu.pt")
    return predictor, file_digest(folder / "predictor_cpu.pt")


def make_search(
    folder: Path,
    predictor: LatencyPredictor,
    digest: str,
    *,
    limit: float,
    seed: int,
    rounds: int,
) -> Arch:
    """Runs a search with contest and report in ``best_cpu.search``; returns its winner."""
    at_most: Limit[Arch] = Limit("latency_ms", limit, predictor.upper_ms)
    constraints: Constraints[Arch] = Constraints([at_most])
    operators = GeneOperators(SPACE)
    sizes = GenerationSettings(
        population_size=60, parent_size=10, mutation_size=30, crossover_size=20
    )
    search = folder / "best_cpu.search"
    problem: Problem[Arch] = Problem(
        operators=operators,
        codec=operators,
        constraints=constraints,
        build=lambda rng: ALGORITHMS.load("evolution").build(
            sizes, Ingredients(proposer=Proposer(operators, rng, constraints))
        ),
        objective=Loss(),
        num_rounds=rounds,
        conditions={
            "limit latency_ms": limit,
            "content of ckpt-path": digest,
            "seed": seed,
            "scorer": "inherited-loss",
            "hat": "0.0.0",
        },
        describe=lambda arch: json.dumps(operators.to_json(arch)),
    )
    result = problem.search(
        np.random.default_rng(seed), folder=search, signature=f"stage:evo-search|seed:{seed}"
    ).run(rounds)
    limits = [SearchLimit(limit=at_most, predictor=predictor)]
    write_facts(search, NETWORK, [Loss()], limits)
    clock = np.random.default_rng(seed)
    finish: Finish[Arch] = Finish(
        measure=lambda archs: [
            {"latency_ms": sum(latency(a)) * clock.normal(1.0, 0.01)} for a in archs
        ],
        rivals=Rivals(
            seeds=(seed, seed + 1, seed + 2),
            sizes={"decoder_depth": Depth().score},
            folder=search / "contest",
        ),
        scorers={"decoder_depth": Depth(), "heads": Heads()},
        sample_size=50,
    )
    end = SearchEnd(problem, result, finish)
    deliveries = end.measure_finalists()
    write_search_report(search / "report", end.story(deliveries), title="Search")
    write_arch(folder / "best_cpu.yml", deliveries[0].arch, "Found.")
    return deliveries[0].arch


def step(
    folder: Path, label: str, seconds: float, result: Any, command: list[str] | None = None
) -> None:
    """Writes the state of a step."""
    state = {"inputs": "", "outputs": "", "seconds": seconds, "result": result}
    write_json(folder / "steps" / f"{label}.json", {**state, "command": command or ["python"]})
    write_json(
        folder / "steps" / "digests.json", {"files": {}}
    )  # what a pipeline leaves beside them


def training_log(end: float, *, is_super: bool = False) -> str:
    """Lines of fairseq's log."""
    lines = []
    for epoch in range(1, 13):
        value, updates = end + 4 * 0.7**epoch, epoch * 100
        lines.append(
            f"2026-01-01 00:00:00 | INFO | train_inner | epoch {epoch:03}: 50 / 100 "
            f"loss={value + 0.2:.3f}, nll_loss=3, num_updates={updates - 50}, lr=0.001"
        )
        more = f" | smallest_loss {value + 0.3:.3f} | largest_loss {value:.3f}" if is_super else ""
        lines.append(
            f"2026-01-01 00:00:00 | INFO | valid | epoch {epoch:03} | valid on 'valid' subset | "
            f"ppl 9 | loss {value:.3f} | nll_loss 3.1{more} | num_updates {updates}"
        )
    return "\n".join(lines) + "\n"


def generation_log(name: str) -> str:
    """Lines of fairseq-generate."""
    lines = []
    for i in range(40):
        end = " again" if name == "best" and i % 3 == 0 else ""
        lines += [
            f"S-{i}\tsentence number {i} < & >",
            f"T-{i}\tsatz nummer {i} < & >",
            f"H-{i}\t-0.1\tsatz nummer {i}{end} < & >",
        ]
    return "\n".join(lines) + "\n"
