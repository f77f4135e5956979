"""How good are translations? BLEU the two ways HAT reports it, chrF and exact match.

- ``normal``: BLEU of tokenised text with split compounds, not smoothed, as ``fairseq-score`` and
  multi-bleu compute it. It depends on the tokenisation: compare it within one task only.
- ``sacre``: sacreBLEU (Post, 2018) of plain text, which brings its own tokenisation.

Both come from sacrebleu's own functions, with sacrebleu's signature.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from hat.errors import ConfigError, DataError
from hat.numerals import number_of
from hat.text.compound_split import split_compounds

METRICS = ("normal", "sacre")


@dataclass(frozen=True, kw_only=True)
class TranslationScore:
    """The scores of a set of translations. Larger is better in each."""

    metric: str
    """``normal`` or ``sacre``: how BLEU was computed."""

    bleu: float
    """0..100."""

    chrf: float
    """0..100."""

    exact_match: float
    """Share of the translations that equal their reference, 0..1."""

    sentences: int
    """How many translations were scored."""

    bleu_details: str
    """BLEU with its n-gram precisions, brevity penalty and lengths."""

    signature: str
    """sacrebleu's signature of BLEU; ``|split:compounds`` is added for ``normal``."""

    chrf_signature: str
    """sacrebleu's signature of chrF."""


def score_translations(
    hypotheses: Sequence[str], references: Sequence[str], *, metric: str = "normal"
) -> TranslationScore:
    """Scores translations against one reference each.

    Args:
        hypotheses: translations, without BPE. Tokenised for ``normal``, plain for ``sacre``.
        references: as many references, in the same form.
        metric: ``normal`` or ``sacre``.

    Raises:
        ConfigError: if the metric is unknown.
        DataError: if there are no translations, or more or fewer than references.
    """
    if metric not in METRICS:
        raise ConfigError(f"the metric must be {' or '.join(METRICS)}, but found {metric!r}")
    if len(hypotheses) != len(references):
        raise DataError(
            f"{number_of(len(hypotheses), 'translation')}, "
            f"but {number_of(len(references), 'reference')}"
        )
    if not hypotheses:
        raise DataError("there are no translations to score")
    if metric == "normal":
        # force: sacrebleu warns that tokenised text is given, which is the point here.
        bleu = BLEU(tokenize="none", smooth_method="none", force=True)
        split = [split_compounds(line) for line in hypotheses]
        bleu_score = bleu.corpus_score(split, [[split_compounds(line) for line in references]])
        signature = f"{bleu.get_signature()}|split:compounds"
    else:
        bleu = BLEU()
        bleu_score = bleu.corpus_score(hypotheses, [references])
        signature = str(bleu.get_signature())
    chrf = CHRF()
    chrf_score = chrf.corpus_score(hypotheses, [references])
    equal = sum(ours == right for ours, right in zip(hypotheses, references, strict=True))
    return TranslationScore(
        metric=metric,
        bleu=float(bleu_score.score),
        chrf=float(chrf_score.score),
        exact_match=equal / len(hypotheses),
        sentences=len(hypotheses),
        bleu_details=str(bleu_score),
        signature=signature,
        chrf_signature=str(chrf.get_signature()),
    )
