"""Which figures of a run are those of the SubTransformers that it holds now.

A search that runs again writes another winner into the same file. What was measured and scored of
the one before stays until the pipeline has done those steps again, and is nobody's figure until
then.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hat.arch.hat_yaml import arch_to_mapping
from hat.conditions import mapping_digest
from hat.reading import read_log
from hat.record.index import IndexedCandidate, Scored
from hat.record.left import read_arch

_SIGNED = re.compile(r"\|subtransformer:([0-9a-f]+)[|\"]")


@dataclass(frozen=True)
class Held:
    """A SubTransformer that a run holds, and what was found of another one in its place."""

    candidate: IndexedCandidate
    """Without what was translated by another one."""

    digest: str | None
    """Of the SubTransformer; None where its file is not there."""

    is_other: bool
    """Whether translations were left out."""

    def measured(self, figures: Mapping[str, Any]) -> bool:
        """Whether these figures of ``hat latency compare`` are its own, or do not say whose."""
        return _agree(self.digest, figures.get("subtransformer"))


def held(candidate: IndexedCandidate) -> Held:
    """Compares a candidate's file with what its translations say of themselves.

    Raises:
        DataError: if the file holds no SubTransformer, or a log cannot be read.
    """
    if candidate.yml is None:
        return Held(candidate, None, is_other=False)
    digest = mapping_digest(arch_to_mapping(read_arch(candidate.yml)))
    inherited, retrained = (
        tuple(each for each in scored if _agree(digest, _translated_by(each)))
        for scored in (candidate.inherited, candidate.retrained)
    )
    mine = replace(candidate, inherited=inherited, retrained=retrained)
    return Held(mine, digest, is_other=mine != candidate)


def note(yml: Path) -> str:
    """Says that figures were left out."""
    return (
        f"{yml.name} holds another SubTransformer than was measured or scored, so those figures "
        "are left out: hat pipeline, called with the run's file once more, makes them anew."
    )


def _agree(digest: str | None, noted: Any) -> bool:
    """Older versions noted none."""
    return digest is None or not isinstance(noted, str) or noted == digest


def _translated_by(scored: Scored) -> str | None:
    """The digest in the last line of ``hat generate``, which is its result."""
    if scored.translations is None:
        return None
    found = _SIGNED.search(read_log(scored.translations).rstrip().rpartition("\n")[2])
    return found[1] if found else None
