"""A few updates of one architecture's own, on the weights that it inherits."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hat.arch.config import SubTransformerConfig
from hat.models.extract import extract
from hat.models.super_transformer import SuperTransformer
from hat.modules.layer_norm import LayerNormSuper
from hat.modules.vocabulary_loss import vocabulary_loss
from hat.scoring.batches import Batch


def tuned(
    model: SuperTransformer,
    arch: SubTransformerConfig,
    batches: Sequence[Batch],
    *,
    lr: float,
    norms_only: bool,
    label_smoothing: float,
) -> SuperTransformer:
    """Returns a true-size copy of ``arch`` that was trained on ``batches``, one update on each.

    The updates are Adam's with HAT's betas; the learning rate falls in a straight line from ``lr``
    towards nothing. There is no dropout, so nothing is left to chance: two architectures are
    compared after the same updates.

    Args:
        model: the SuperTransformer, in float32 on the device of the batches; it is not changed.
        arch: what is cut out.
        batches: training data.
        lr: of the first update.
        norms_only: whether only the gains and biases of the layer norms move.
        label_smoothing: of the loss.
    """
    small = extract(model, arch).eval()
    parameters: list[Tensor] = _norms(small) if norms_only else list(small.parameters())
    small.requires_grad_(False)
    for weight in parameters:
        weight.requires_grad_(True)
    adam = torch.optim.Adam(parameters, lr=lr, betas=(0.9, 0.98), eps=1e-8)
    for number, batch in enumerate(batches):
        for group in adam.param_groups:
            group["lr"] = lr * (1 - number / len(batches))
        adam.zero_grad()
        with torch.enable_grad():
            _loss(small, batch, label_smoothing).backward()  # type: ignore[no-untyped-call]
        adam.step()
    return small


def _norms(model: SuperTransformer) -> list[Tensor]:
    norms = (module for module in model.modules() if isinstance(module, LayerNormSuper))
    return [parameter for norm in norms for parameter in nn.Module.parameters(norm)]


def _loss(model: SuperTransformer, batch: Batch, label_smoothing: float) -> Tensor:
    """Nats per token."""
    encoder_out = model.encoder(batch.src_tokens, batch.src_lengths)
    features = model.decoder.extract_features(batch.prev_output_tokens, encoder_out)
    found = vocabulary_loss(
        features,
        model.decoder.output_weight,
        batch.target,
        smoothing=label_smoothing,
        ignore_index=model.config.padding_idx,
    )
    return found.loss / max(1, found.tokens)
