"""Torch's modules one by one, as training runs them and as HAT measured: nothing is packed."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from hat.engines.base import DUMMY_WORD, END_IDX, UNKNOWN_IDX, Passes
from hat.engines.torch_engine import TorchEngine, check_device, check_int8_device, set_threads

if TYPE_CHECKING:
    from torch import Tensor

    from hat.models.super_transformer import SuperTransformer
    from hat.translation.beam import BeamSettings, Hypothesis


class EagerEngine(TorchEngine):
    """The modules themselves."""

    name: ClassVar[str] = "eager"
    about: ClassVar[str] = "torch's modules, as they are trained"

    def load(self, small: "SuperTransformer", *, device: str = "cpu") -> Any:
        """See ``hat.engines.base.Engine``."""
        from hat.models.extract import extract
        from hat.models.precision import at_precision

        settings = self.settings
        set_threads(settings)
        range_of_int8 = None
        if settings.precision == "int8":
            check_int8_device(device)
            range_of_int8 = self.settings.in_int8()
        check_device(device)
        copy = at_precision(extract(small, small.arch), settings.precision, range_of_int8)
        return EagerRunnable(copy.to(device).eval())


class EagerRunnable:
    """See ``hat.engines.base.Runnable``."""

    def __init__(self, model: "SuperTransformer") -> None:
        from hat.engines.steps import StepRunnable
        from hat.translation.eager_runner import EagerRunner

        self._model = model
        self._steps = StepRunnable(EagerRunner(model))
        config = model.config
        self.vocab_size = config.tgt_vocab_size
        self.takes: tuple[int, int] | None = (config.src_vocab_size, config.max_source_positions)

    def search(
        self, settings: "BeamSettings", *, eos_idx: int = END_IDX, unk_idx: int = UNKNOWN_IDX
    ) -> "Callable[[Tensor], list[list[Hypothesis]]]":
        """See ``Runnable.search``."""
        return self._steps.search(settings, eos_idx=eos_idx, unk_idx=unk_idx)

    def forced(self, src_tokens: "Tensor", prev_output_tokens: "Tensor") -> "Tensor":
        """See ``Runnable.forced``."""
        return self._steps.forced(src_tokens, prev_output_tokens)

    def passes(self, src_tokens: "Tensor", *, beam: int, steps: int) -> Passes:
        """See ``Runnable.passes``: what HAT times, down to keys of the source for each hypothesis.

        Logits are computed; log-probabilities are not.
        """
        import torch

        from hat.models.decoder import DecoderCache

        model, device = self._model, src_tokens.device
        lengths = torch.full((len(src_tokens),), src_tokens.size(1), device=device)
        hypotheses = len(src_tokens) * beam
        target = torch.full((hypotheses, steps), DUMMY_WORD, device=device)
        target[:, 0] = END_IDX
        beams = torch.arange(len(src_tokens), device=device).repeat_interleave(beam)
        order = torch.arange(hypotheses, device=device)

        @torch.inference_mode()
        def encode() -> Any:
            return model.encoder(src_tokens, lengths)

        with torch.inference_mode():
            memory = encode().index_select(beams)

        @torch.inference_mode()
        def decode() -> None:
            cache = DecoderCache()
            for step in range(1, steps + 1):
                model.decoder(target[:, :step], memory, cache)
                cache.reorder(order, same_sources=True)

        return Passes(encode, decode)
