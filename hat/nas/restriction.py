"""What it costs that a search may attend to fewer encoder layers than its SuperTransformer can.

CTranslate2 runs no decoder that attends to several encoder layers, so a search for it is held to
``decoder-arbitrary-ende-attn-choice: [-1]``. The winner with the spans that the SuperTransformer
was trained with, and all else alike, says what that part of the space is worth: at least so much,
since other architectures might gain more.
"""

from collections.abc import Callable
from dataclasses import replace
from math import isnan

import numpy as np

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_to_mapping, space_to_options
from hat.nas.build import Built, build_scorer
from hat.report.document import Section
from hat.report.tables import Column, csv_table, markdown_table

Arch = SubTransformerConfig

_KEY = "decoder-arbitrary-ende-attn-choice"
_FLAGS = "decoder-arbitrary-ende-attn-all-subtransformer"

_DRAWN = 8
"""Of all combinations of spans so many are drawn; those with one span for all layers come first."""


def variants(winner: Arch, spans: tuple[int, ...], rng: np.random.Generator) -> list[Arch]:
    """Returns the winner with other spans, all else alike, none of them twice.

    Args:
        winner: what a search found.
        spans: that a layer may have.
        rng: draws combinations.
    """
    depth = winner.decoder.num_layers
    choices = [(span,) * depth for span in spans]
    choices += [tuple(rng.choice(spans, depth).tolist()) for _ in range(_DRAWN)]
    archs = [replace(winner, decoder=replace(winner.decoder, ende_spans=each)) for each in choices]
    return [each for each in dict.fromkeys(archs) if each != winner]


def restriction_section(built: Built, winner: Arch, say: Callable[[str], None]) -> Section | None:
    """Scores the winner with the spans that the search left out; None if it left out none.

    Args:
        built: the search.
        winner: what it found.
        say: takes lines of progress.
    """
    space, trained = built.supernet.space, built.supernet.trained_spans
    if set(trained) <= set(space.decoder_ende_spans):
        return None
    truth = build_scorer("inherited-loss", built.supernet, built.settings)
    say(f"| scoring the winner by {truth.name} with the spans that the space leaves out")
    others = variants(winner, trained, np.random.default_rng(built.supernet.seed))
    own, *scores = truth.score([winner, *others]).tolist()
    ranked = sorted(zip(scores, others, strict=True), key=lambda each: (isnan(each[0]), each[0]))
    best = ranked[0][0]
    searched, whole = (
        space_to_options(each)[_KEY] for each in (space, replace(space, decoder_ende_spans=trained))
    )
    costs = f"costs at least {own - best:.4f}" if best < own else "costs nothing that these show"
    text = (
        f"The search was held to `{_KEY}: {searched}`; the SuperTransformer was trained with "
        f"{whole}. As it is the winner has an {truth.name} of {own:.4f}. With {len(others)} other "
        f"choices of these, all else alike, it is {best:.4f} at best: the restriction {costs}. "
        "What those would take in an engine that can run them is another matter."
    )
    columns: list[Column[tuple[float, Arch]]] = [
        Column("attends to", lambda each: str(arch_to_mapping(each[1])[_FLAGS])),
        Column(truth.name, lambda each: each[0], ".4f"),
    ]
    return Section(
        title="What does the restriction of the space cost?",
        text=text,
        table=markdown_table(ranked, columns),
        csv=("restriction.csv", csv_table(ranked, columns)),
    )
