"""``--scorer tuned-loss`` and ``calibrated-loss``: the inherited loss, repaired by a few updates.

Inherited weights serve all architectures at once, and not all equally well: a depth or width that
the SuperTransformer's training favoured looks better than it would be after a training of its own.
A few updates of its own take away most of what an architecture suffers by sharing.

Networks with batch normalisation are repaired without any training: their running means and
variances, which are of a mixture of architectures, are estimated anew (Yu and Huang, ICCV 2019;
Yu et al., "BigNAS", ECCV 2020). Layer normalisation has no such statistics: it takes mean and
variance from each token as it comes. What is shared in it are gains and biases, and these can be
fitted to one architecture, which is ``--tune-what norms``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from hat.nas.scorers.base import Arch, SearchScorer
from hat.nas.supernet import Supernet
from hat.settings import Above, AtLeast, AtMost, Settings, Shown

if TYPE_CHECKING:
    from hat.models.super_transformer import SuperTransformer
    from hat.scoring.batches import Batch

_TRAIN = "train"


@dataclass(frozen=True, kw_only=True)
class TuneSettings(Settings):
    """The updates of its own that an architecture gets before it is scored."""

    tune_updates: Annotated[int, AtLeast(1), Shown("N")] = 10
    """updates of an architecture's own, each on a batch of --max-tokens of the training data"""

    tune_lr: Annotated[float, Above(0), AtMost(1)] = 5e-4
    """learning rate of the first of them; it falls to nothing"""

    tune_what: Literal["all", "norms"] = "all"
    """which weights move: all, or gains and biases of the layer norms only"""


@dataclass(frozen=True, kw_only=True)
class CalibrationSettings(TuneSettings):
    """How a depth is calibrated."""

    calibrate_archs: Annotated[int, AtLeast(1), Shown("N")] = 4
    """for --scorer calibrated-loss: architectures of every decoder depth that are tuned"""


class TunedLoss(SearchScorer):
    """The validation loss after a few updates of an architecture's own, in bits per token."""

    Settings: ClassVar[type] = TuneSettings
    name = "tuned-loss"
    higher_is_better = False

    def __init__(self, settings: TuneSettings, supernet: Supernet) -> None:
        """Args: settings: of the updates; supernet: the weights and both splits of the data."""
        self.settings = settings
        self._supernet = supernet

    @classmethod
    def build(cls, settings: TuneSettings, supernet: Supernet) -> Self:
        """Loads the validation data and draws the training batches, the same for everybody.

        Raises:
            DataError: if one of the splits is missing.
        """
        built = cls(settings, supernet)
        assert built._batches and supernet.validation
        return built

    @cached_property
    def _batches(self) -> "Sequence[Batch]":
        from hat.fairseq_plugin.loading import training_batches

        supernet = self._supernet
        return training_batches(
            supernet.task,
            _TRAIN,
            supernet.model.config,
            count=self.settings.tune_updates,
            max_tokens=supernet.max_tokens,
            seed=supernet.seed,
            device=supernet.device,
        )

    @cached_property
    def _model(self) -> "SuperTransformer":
        """In float32 on the device, whatever the scores are computed in."""
        import copy

        return copy.deepcopy(self._supernet.model).to(self._supernet.device)

    def score(self, archs: Sequence[Arch]) -> NDArray[np.float64]:
        """Returns bits per token, float64 (N,)."""
        from hat.machine.instructions import float_type
        from hat.nas.tuning import tuned

        scores = np.empty(len(archs))
        for index, arch in enumerate(archs):
            small = tuned(
                self._model,
                arch,
                self._batches,
                lr=self.settings.tune_lr,
                norms_only=self.settings.tune_what == "norms",
                label_smoothing=self._supernet.label_smoothing,
            ).to(float_type(self._supernet.precision))
            scores[index] = self._supernet.loss.of(small).score([arch])[0]
        return scores

    def signature(self) -> dict[str, Any]:
        """Returns what decides the scores: the training data, too."""
        from hat.fairseq_plugin.data_folder import subset_digest

        digest = subset_digest(self._supernet.task, _TRAIN)
        return {**super().signature(), f"content of data ({_TRAIN})": digest}


class CalibratedLoss(SearchScorer):
    """The inherited loss, less what a few updates take away at an architecture's decoder depth.

    Some architectures of every depth are tuned, and the mean gain of a depth is taken off the
    inherited loss of all architectures of that depth. It costs as many tunings as there are depths
    times ``--calibrate-archs``, once, and nothing more for each candidate. It repairs what depends
    on depth and nothing else.
    """

    Settings: ClassVar[type] = CalibrationSettings
    name = "calibrated-loss"
    higher_is_better = False

    def __init__(self, settings: CalibrationSettings, tuned_loss: TunedLoss) -> None:
        """Args: settings: how many are tuned; tuned_loss: tunes and scores."""
        self.settings = settings
        self._tuned = tuned_loss

    @classmethod
    def build(cls, settings: CalibrationSettings, supernet: Supernet) -> Self:
        """Loads both splits of the data; what is calibrated is calibrated when it is needed."""
        return cls(settings, TunedLoss.build(settings, supernet))

    @cached_property
    def gains(self) -> dict[int, float]:
        """What tuning takes off the loss at each decoder depth, in bits per token."""
        from dataclasses import replace

        supernet = self._tuned._supernet
        rng = np.random.default_rng((supernet.seed, 3))
        found = {}
        for depth in supernet.space.decoder_layer_nums:
            space = replace(supernet.space, decoder_layer_nums=(depth,))
            archs = [space.sample(rng) for _ in range(self.settings.calibrate_archs)]
            found[depth] = float((supernet.loss.score(archs) - self._tuned.score(archs)).mean())
        return found

    def score(self, archs: Sequence[Arch]) -> NDArray[np.float64]:
        """Returns bits per token, float64 (N,)."""
        gains = [self.gains[arch.decoder.num_layers] for arch in archs]
        scores: NDArray[np.float64] = self._tuned._supernet.loss.score(archs) - np.array(gains)
        return scores

    def signature(self) -> dict[str, Any]:
        """Returns what decides the scores: the training data, too."""
        return {**self._tuned.signature(), "score": self.name}
