"""What the figures of a search mean, left beside its trials for who reads them later."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hat.files import write_json
from hat.models.config import SuperTransformerConfig
from hat.nas.limits.base import SearchLimit
from hat.search.base import Objective
from hat.search.loop import FACTS_FILE, FACTS_FORMAT


def write_facts(
    folder: Path,
    network: SuperTransformerConfig,
    objectives: Sequence[Objective[Any]],
    limits: Sequence[SearchLimit],
) -> None:
    """Writes the facts of a search into its folder.

    Args:
        folder: of the search.
        network: whose SubTransformers are searched; sizes are counted from it.
        objectives: what candidates are scored by; not every score says which way is up.
        limits: with the device and the workload that each latency is of.
    """
    facts = {
        "format": FACTS_FORMAT,
        "network": asdict(network),
        "higher_is_better": {each.name: each.higher_is_better for each in objectives},
        "limits": {
            each.limit.name: {
                "device": each.predictor and each.predictor.facts.get("device"),
                "workload": each.predictor and each.predictor.facts.get("workload"),
            }
            for each in limits
        },
    }
    write_json(folder / FACTS_FILE, facts)
