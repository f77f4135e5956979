"""One search space of ``bench/engine_searches.py``: its predictors, searches and measurements."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import engines
import numpy as np
import torch
from engine_searches_report import Found

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_to_mapping
from hat.arch.space import SearchSpace
from hat.conditions import mapping_digest
from hat.engines.base import Passes
from hat.errors import SearchError
from hat.latency.choices import space_choices
from hat.latency.fit import fit_auto
from hat.latency.predictor import Fitted, Lesson
from hat.latency.table import table_of_archs
from hat.models.super_transformer import SuperTransformer
from hat.nas.build import build_scorer
from hat.nas.limits.base import upper_bound
from hat.nas.race import spread_scorer
from hat.nas.scorers.base import SearchScorer
from hat.nas.supernet import Supernet, load_supernet
from hat.search.algorithms.evolution import Evolution
from hat.search.algorithms.generation import GenerationSettings
from hat.search.constraints import Constraints, Limit
from hat.search.loop import Search
from hat.search.operators import GeneOperators
from hat.search.proposer import Proposer

Arch = SubTransformerConfig


@dataclass(frozen=True)
class Ground:
    """Where is searched and measured."""

    name: str
    folder: Path
    options: argparse.Namespace
    rows: tuple[dict[str, str], ...]
    """At the speed at which the reference takes ``fixed_ms``."""

    fixed_ms: float
    archs: tuple[Arch, ...]
    """By the numbers of the rows."""

    supernet: Supernet

    @cached_property
    def engines(self) -> tuple[str, ...]:
        """Those of the rows."""
        return tuple(dict.fromkeys(row["contender"] for row in self.rows))

    @cached_property
    def restricted(self) -> frozenset[str]:
        """The engines that could not run any architecture with spans above one."""
        wide = {row["contender"] for row in self.rows if spans(self.archs[int(row["row"])]) > 1}
        return frozenset(self.engines) - wide

    @cached_property
    def spaces(self) -> tuple[SearchSpace, SearchSpace]:
        """The whole space, and the part with spans of one."""
        space = self.supernet.space
        return space, replace(space, decoder_ende_spans=(1,))

    @cached_property
    def scorer(self) -> SearchScorer:
        """By which is searched."""
        trained = self.supernet.restore_file is not None
        name = "inherited-loss" if trained else self.options.scorer
        return build_scorer(name, self.supernet, ())

    @cached_property
    def fits(self) -> dict[str, tuple[Fitted, int]]:
        """Predictor and number of rows, by engine."""
        return {name: self._fit(name) for name in self.engines}

    def _fit(self, engine: str) -> tuple[Fitted, int]:
        own = [row for row in self.rows if row["contender"] == engine]
        table = table_of_archs([self.archs[int(row["row"])] for row in own])
        latency_ms = np.array([float(row["total_ms"]) for row in own])
        choices = space_choices(self.spaces[engine in self.restricted])
        lesson = Lesson.of(table, latency_ms, seed=1, choices=choices)
        return fit_auto(replace(lesson, report=lambda line: None)), len(own)

    def search(self, engine: str, limit_ms: float, seed: int, *, restricted: bool) -> Found:
        """Searches once as ``hat search`` does; finds nothing if no candidate keeps the limit."""
        predictor = self.fits[engine][0].predictor
        operators = GeneOperators(self.spaces[restricted])
        upper = upper_bound(predictor, self.options.confidence, lambda line: None)
        constraints = Constraints([Limit("latency_ms", limit_ms, upper)])
        sizes = generation(self.options.population)
        spread = spread_scorer(
            *(self.scorer, operators, operators.one_hot),
            keep=sizes.parent_size,
            has_front=False,
            seed=seed,
        )
        proposer = Proposer(operators, np.random.default_rng(seed), constraints)
        search = Search(Evolution(proposer, sizes), [spread.race], codec=operators)
        try:
            arch = search.run(self.options.search_rounds).best().arch
        except SearchError:
            return Found(None)
        score, predicted = spread.exact.score([arch])[0], predictor.predict_ms([arch])[0]
        return Found(arch, float(score), float(predicted))

    def measured(self, archs: Sequence[Arch]) -> dict[Arch, dict[str, float]]:
        """Milliseconds of each architecture in the engines that can run it; kept in a file."""
        path = self.kept
        if not path.exists():
            path.write_text(",".join(engines.COLUMNS) + "\n", encoding="utf-8")
        digests = {mapping_digest(arch_to_mapping(arch)): arch for arch in archs}
        done = [row["arch"] for row in engines.read(path) if row["space"] == self.name]
        left = [digest for digest in digests if digest not in done]
        for number, digest in enumerate(left, start=len(set(done))):
            torch.manual_seed(0)
            small = SuperTransformer(self.supernet.model.config, size=digests[digest]).eval()
            passes = engines.loaded(small, engines.SPACES[self.name][2], self.options.beam)
            times = engines.timed(passes, self.reference, self.options.rounds)
            engines.append(path, list(engines.rows_of(self.name, number, digests[digest], times)))
            print(f"{self.name}: measured {digest}", flush=True)
        found: dict[Arch, dict[str, float]] = {arch: {} for arch in archs}
        for row in engines.at_one_speed(engines.read(path), self.name, self.fixed_ms):
            if row["arch"] in digests:
                found[digests[row["arch"]]][row["contender"]] = float(row["total_ms"])
        return found

    @cached_property
    def reference(self) -> Passes:
        """What tells how fast the machine is."""
        config, length = self.supernet.model.config, engines.SPACES[self.name][2]
        return engines.reference(config, self.spaces[0], length, self.options.beam)

    @property
    def kept(self) -> Path:
        """The file of what was measured."""
        return self.folder / "measured.csv"

    def spread(self) -> list[float]:
        """Of each measurement, that of its rounds."""
        return [
            float(row["spread"]) for row in engines.read(self.kept) if row["space"] == self.name
        ]


def spans(arch: Arch) -> int:
    """To how many encoder layers a decoder layer attends at most."""
    return max(arch.decoder.ende_spans)


def generation(population: int) -> GenerationSettings:
    """HAT's shares: a fifth are parents, half of the others mutations."""
    parents = population // 5
    mutations = (population - parents) // 2
    return GenerationSettings(
        population_size=population,
        parent_size=parents,
        mutation_size=mutations,
        crossover_size=population - parents - mutations,
    )


def supernet_of(name: str, restore_file: Path | None) -> Supernet:
    """The SuperTransformer of a space.

    Without a checkpoint it has random weights and no data, which is enough for free scores.
    """
    path, words, length = engines.SPACES[name]
    if restore_file is not None:
        return load_supernet(path, restore_file=restore_file, cpu=True)
    config, space = engines.network_of(path, words)
    return Supernet(
        space=space,
        model=SuperTransformer(config),
        task=None,
        device="cpu",
        precision="fp32",
        valid_subset="valid",
        max_tokens=0,
        label_smoothing=0.0,
        src_len=length,
        seed=1,
        checkpoint="",
    )
