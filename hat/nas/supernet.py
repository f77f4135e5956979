"""A trained SuperTransformer with its data: what scorers of inherited weights read."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hat.arch.space import SearchSpace

if TYPE_CHECKING:
    from hat.models.super_transformer import SuperTransformer
    from hat.scoring.batches import Batch


@dataclass(frozen=True, kw_only=True)
class Supernet:
    """A SuperTransformer, where and how exactly it is run, and its validation data."""

    space: SearchSpace
    model: "SuperTransformer"
    """On the CPU in single precision, as it was loaded; never changed by scorers."""

    task: Any
    """fairseq's task: dictionaries and data."""

    device: str
    precision: str
    """The number format in which inherited weights are run: ``fp32``, ``bf16`` or ``fp16``."""

    valid_subset: str
    max_tokens: int
    """Of a validation batch."""

    label_smoothing: float
    src_len: int
    """Tokens of the sentence that work is counted of."""

    seed: int

    @cached_property
    def network(self) -> "SuperTransformer":
        """A copy on the device and in the precision of this supernet."""
        import torch

        # Losses are summed in float32 whatever the precision of the network.
        dtypes = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
        return copy.deepcopy(self.model).to(self.device, dtypes[self.precision])

    @cached_property
    def validation(self) -> "Sequence[Batch]":
        """The batches of the validation subset, on the device."""
        from hat.fairseq_plugin.loading import validation_batches

        return validation_batches(
            self.task,
            self.valid_subset,
            self.model.config,
            max_tokens=self.max_tokens,
            device=self.device,
        )
