"""epsinas for SubTransformers as a ``Scorer``: thousands a second, no weights, no data."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hat.arch.config import SubTransformerConfig
from hat.arch.space import SearchSpace
from hat.errors import ConfigError
from hat.models.config import SuperTransformerConfig
from hat.scoring.collapsed.transformer import CollapsedTransformer, TokenBatch, balanced_weights
from hat.scoring.epsinas import ScoringRule, epsinas

READ_OUTS = ("both", "decoder", "encoder", "geometric")
"""Which outputs are scored; ``both`` is the mean of the scores of the two, ``geometric`` their
geometric mean."""

TOKENS = {"normal": TokenBatch.random, "quantiles": TokenBatch.quantiles}
"""How the numbers of the tokens are made."""

_PRE_NORM = {
    (False, False): "none",
    (True, False): "encoder",
    (False, True): "decoder",
    (True, True): "both",
}
"""How signatures say which sides are pre-norm."""

_CHUNK = 32
"""Architectures at once; more of them no longer fit into a core's cache."""


class EpsinasScorer:
    """Scores SubTransformers of one space on one batch of random tokens.

    The docstring of ``hat.scoring.collapsed.transformer`` explains the choices behind the defaults.
    Higher is better. The scores of one scorer are comparable with each other; with those of
    another only if the signatures are equal.
    """

    name = "epsinas"
    higher_is_better = True

    def __init__(
        self,
        space: SearchSpace,
        *,
        qkv_dim: int,
        seed: int = 0,
        sentences: int = 16,
        length: int = 24,
        weights: tuple[float, float] | None = None,
        norm: str = "tokens",
        read_out: str = "both",
        tokens: str = "normal",
        rule: ScoringRule | None = None,
        encoder_normalize_before: bool = False,
        decoder_normalize_before: bool = False,
    ) -> None:
        """Draws the batch.

        Args:
            space: where the architectures come from; sets the constants.
            qkv_dim: joint width of all heads.
            seed: of the random tokens.
            sentences: sentences of the batch, on both sides.
            length: tokens of each.
            weights: the pair of constants; ``balanced_weights(space)`` if None.
            norm: one of ``NORMS``; all but ``tokens`` are for comparison.
            read_out: one of ``READ_OUTS``.
            tokens: one of ``TOKENS``.
            rule: which outputs can be scored.
            encoder_normalize_before: whether the space's encoders are pre-norm.
            decoder_normalize_before: whether its decoders are.

        Raises:
            ConfigError: if a choice is unknown, the batch is empty or the pair is not ascending.
        """
        if read_out not in READ_OUTS:
            raise ConfigError(f"unknown read-out {read_out!r}; known are {', '.join(READ_OUTS)}")
        if tokens not in TOKENS:
            raise ConfigError(f"unknown kind of tokens {tokens!r}; known are {', '.join(TOKENS)}")
        if min(sentences, length) < 1 or sentences * length < 3:
            raise ConfigError(
                f"epsinas needs at least 3 tokens, but {sentences} sentences of {length} were given"
            )
        self.weights = balanced_weights(space) if weights is None else weights
        low, high = self.weights
        if not 0.0 <= low < high:
            raise ConfigError(
                f"the constants of epsinas must be 0 <= low < high, but found {low:g} and {high:g}"
            )
        self._batch = TOKENS[tokens](
            np.random.default_rng(seed), sentences=sentences, length=length
        )
        # With all weights zero the blocks do nothing, and normalising the input once more or less
        # only scales it: the output is the input. A gain that is filled with zero has no output.
        self._low_is_input = low == 0.0 and norm != "tokens-filled"
        self._network = CollapsedTransformer(
            self._batch,
            (high,) if self._low_is_input else (low, high),
            qkv_dim=qkv_dim,
            encoder_layers=space.max_encoder_layers,
            norm=norm,
            encoder_normalize_before=encoder_normalize_before,
            decoder_normalize_before=decoder_normalize_before,
        )
        self._read_out = read_out
        self._rule = rule or ScoringRule()
        self.signature_parts: dict[str, object] = {
            "score": "epsinas",
            "weights": f"{low:.3e},{high:.3e}",
            "batch": f"{tokens}-{sentences}x{length}",
            "seed": seed,
            "norm": norm,
            "pre_norm": _PRE_NORM[encoder_normalize_before, decoder_normalize_before],
            "readout": read_out,
            "rule": str(self._rule),
            "qkv": qkv_dim,
        }
        """What ``hat.signature.signature`` needs to make a score repeatable."""

    @classmethod
    def of_model(cls, space: SearchSpace, config: SuperTransformerConfig, *, seed: int = 0) -> Self:
        """Returns the scorer for the SubTransformers of one SuperTransformer."""
        return cls(
            space,
            qkv_dim=config.qkv_dim,
            seed=seed,
            encoder_normalize_before=config.encoder_normalize_before,
            decoder_normalize_before=config.decoder_normalize_before,
        )

    def score(self, archs: Sequence[SubTransformerConfig]) -> NDArray[np.float64]:
        """Returns float64 (N,); NaN where an architecture cannot be scored."""
        scores = np.empty(len(archs))
        for start in range(0, len(archs), _CHUNK):
            chunk = [archs[index] for index in range(start, min(start + _CHUNK, len(archs)))]
            scores[start : start + len(chunk)] = self._score_chunk(chunk)
        return scores

    def _score_chunk(self, archs: Sequence[SubTransformerConfig]) -> NDArray[np.float64]:
        encoded, decoded = self._network.outputs(archs)
        scores = []
        if self._read_out != "decoder":
            scores.append(self._compare(encoded, self._batch.source))
        if self._read_out != "encoder":
            scores.append(self._compare(decoded, self._batch.target))
        if self._read_out == "geometric":
            geometric: NDArray[np.float64] = np.sqrt(scores[0] * scores[1])
            return geometric
        mean: NDArray[np.float64] = np.mean(scores, axis=0)
        return mean

    def _compare(
        self, outputs: NDArray[np.float64], tokens: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """outputs: (N, W, M), tokens: (B, length), M of them -> scores (N,)."""
        high = outputs[:, -1]
        if self._low_is_input:
            low = np.broadcast_to(tokens.reshape(-1), high.shape)
        else:
            low = outputs[:, 0]
        return epsinas(low, high, self._rule)
