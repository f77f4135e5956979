"""Recurrent cells against their losses as language models."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hat.arrays import Floats
from hat.conditions import file_digest, mapping_digest
from hat.errors import ConfigError
from hat.report.epsinas_plots import plot_scores
from hat.report.kept_scores import KeptScores, forget, kept_scores
from hat.scoring.cell_scores import RECURRENT_WEIGHTS, score_recipe
from hat.scoring.epsinas import ScoringRule, epsinas
from hat.signature import signature
from hat.studies.epsinas import common
from hat.studies.epsinas.common import OptionalCount, OutSettings, WeightPair, WeightSettings
from hat.studies.epsinas.nlp_batch import BatchSettings, WordBatch
from hat.studies.epsinas.nlp_cells import (
    RecurrentCells,
    RecurrentNetwork,
    cells_of_logs,
    cells_of_table,
)
from hat.studies.epsinas.nlp_reference import compare, read_references
from hat.version import __version__


@dataclass(frozen=True, kw_only=True)
class RecipeSettings(OutSettings, WeightSettings, BatchSettings):
    """Which recurrent cells are scored on what."""

    data: Path | None = None
    """Recipes with their losses, JSON; without it the logs are all that is read."""

    logs: Path | None = None
    """Folder or zip of the benchmark's logs."""

    multi: bool = False
    """Put the logs of one recipe together, its trainings with several seeds."""

    limit: OptionalCount = None
    """Only the first N cells."""

    reference: Path | None = None
    """Scores of the authors' code to compare: JSON, or a result file of their notebooks."""

    direct: Literal["float32", "float64"] | None = None
    """run the real networks, too, in this precision; seconds a cell"""

    weights: WeightPair = RECURRENT_WEIGHTS
    """the two constants that all weights are set to"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.multi and (self.data is not None or self.logs is None):
            raise ConfigError("multi is about logs alone: it needs --logs and no --data")


def run(settings: RecipeSettings) -> dict[str, Any]:
    """Scores the cells in float64 and, if asked, by the real networks; prints the table.

    Returns:
        All figures.

    Raises:
        HatError: if a file is missing, wrong or does not fit the others.
    """
    cells = _cells(settings)
    references = None if settings.reference is None else read_references(settings.reference, cells)
    batch = WordBatch(settings, _corpus(settings, cells))
    conditions = _batch_signature(settings, cells, batch)

    start = time.perf_counter()
    with kept_scores(settings.out, {**conditions, "hat": __version__}) as kept:
        scores = _score(cells.networks, batch, settings.weights, kept)
    elapsed = time.perf_counter() - start
    columns = {
        "epsinas": scores,
        "parameters": cells.num_params,
        "nodes": np.array([len(network.recipe.nodes) for network in cells.networks], float),
    }
    direct = np.full(len(cells), np.nan)
    if settings.direct:
        # Seconds each: where there are scores to compare with, only those cells.
        chosen = range(len(cells)) if references is None else list(references.scores)
        networks = [cells.networks[place] for place in chosen]
        direct[chosen] = _direct(networks, batch, settings.weights, settings.direct)
        columns[f"epsinas, direct {settings.direct}"] = direct
    if references is not None:
        authors = np.full(len(cells), np.nan)
        for place, score in references.scores.items():
            authors[place] = score
        columns["epsinas, authors' code"] = authors
        columns["epsinas, same cells"] = np.where(np.isnan(authors), np.nan, scores)
    rankings = [
        common.rank(name, values, truth, losses, truth_higher_is_better=False)
        for truth, losses in cells.truths.items()
        for name, values in columns.items()
    ]
    common.print_rankings(rankings)
    result: dict[str, Any] = {
        "rankings": [ranking.to_json() for ranking in rankings],
        "architectures": len(cells),
        **cells.counts,
        "ms_per_architecture": round(1e3 * elapsed / len(cells), 2),
    }
    if references is not None:
        result["reference"] = compare(
            cells, references, direct, batch, settings.weights, settings.direct
        )
    first_ids = [ids[0] for ids in cells.ids]
    common.write_scores(settings.out, {"id": first_ids, **cells.details, **columns, **cells.truths})
    if settings.plot:
        name, losses = next(iter(cells.truths.items()))
        plot_scores(
            settings.plot,
            score=np.log10(scores),
            truth=losses,
            params=columns["parameters"],
            labels=("log10 epsinas", f"{name} [nats/token]", "parameters"),
        )
    forget(settings.out)
    result["signature"] = signature(
        **cells.signature,
        reference=settings.reference and file_digest(settings.reference),
        limit=settings.limit,
        **conditions,
    )
    return result


def _cells(settings: RecipeSettings) -> RecurrentCells:
    if settings.data is not None:
        return cells_of_table(settings.data, settings.logs, settings.limit, settings.steps)
    if settings.logs is None:
        raise ConfigError("epsinas nasbench-nlp needs --data or --logs")
    return cells_of_logs(
        settings.logs, multi=settings.multi, limit=settings.limit, steps=settings.steps
    )


def _corpus(settings: RecipeSettings, cells: RecurrentCells) -> Path | None:
    """The folder that the logs name as their corpus, if it is here or beside the logs."""
    if settings.text is not None or settings.logs is None:
        return None
    for name in cells.corpora:
        for folder in (Path(name), settings.logs.parent / name):
            if folder.is_dir():
                print(f"words of {folder}, the corpus that the logs name")
                return folder
    if cells.corpora:
        print(
            f"random words: {cells.corpora[0]}, the corpus that the logs name, is not here; "
            "--text says where it is"
        )
    return None


def _score(
    networks: Sequence[RecurrentNetwork],
    batch: WordBatch,
    weights: tuple[float, float],
    kept: KeptScores,
) -> Floats:
    """Scores N networks, each only once, and not at all if its score was kept: (N,)."""
    keys = [_key(network) for network in networks]
    to_do = {key: network for key, network in zip(keys, networks, strict=True) if key not in kept}
    total = len(set(keys))
    done = total - len(to_do)
    progress = common.Progress(done)
    for key, network in to_do.items():
        sums = batch.sums(network.steps, network.embed_dim)
        kept[key] = score_recipe(network.recipe, sums, weights, layer_sizes=network.layer_sizes)
        done += 1
        progress(done, total)
    return np.array([kept[key] for key in keys])


def _key(network: RecurrentNetwork) -> str:
    """A digest of what decides a score under given conditions; the names of nodes do."""
    nodes = {node.name: [node.operation, *node.inputs] for node in network.recipe.nodes}
    sizes = {"layer_sizes": network.layer_sizes, "steps": network.steps}
    return mapping_digest({"nodes": nodes, **sizes})


def _direct(
    networks: Sequence[RecurrentNetwork],
    batch: WordBatch,
    weights: tuple[float, float],
    precision: Literal["float32", "float64"],
) -> Floats:
    """Scores by the real networks with all their weights."""
    import torch

    from hat.models.cells.constant import fill_with_constant
    from hat.models.cells.recurrent import RecipeLanguageModel

    scores = []
    for network in networks:
        ids = torch.from_numpy(batch.tokens(network.steps))
        model = RecipeLanguageModel(
            network.recipe,
            batch.vocabulary,
            embed_dim=network.embed_dim,
            hidden_dim=network.layer_sizes[0][1],
            num_layers=len(network.layer_sizes),
            tied=network.tied,
        )
        if precision == "float64":
            model = model.double()
        with torch.no_grad():
            model.embedding.weight.copy_(torch.from_numpy(batch.embedding(network.embed_dim)))
            outputs = []
            for weight in weights:
                fill_with_constant(model, weight, bias=weight)
                outputs.append(model.features(ids, weight)[:, :, 0].flatten().numpy())
        scores.append(float(epsinas(outputs[0], outputs[1])))
    return np.array(scores)


def _batch_signature(
    settings: RecipeSettings, cells: RecurrentCells, batch: WordBatch
) -> dict[str, Any]:
    """What decides a score besides the network."""
    tokens_of = "random" if batch.text is None else "text"
    steps = "+".join(map(str, sorted({network.steps for network in cells.networks})))
    low, high = settings.weights
    return {
        "score": "epsinas",
        "weights": f"{low:g},{high:g}",
        "batch": f"{tokens_of}-{steps}x{settings.sentences}",
        "text": batch.digest,
        "seed": settings.seed,
        "embedding": f"uniform-{settings.embedding_seed}",
        "readout": "last-layer-unit-0",
        "rule": str(ScoringRule()),
        "dtype": "float64",
    }
