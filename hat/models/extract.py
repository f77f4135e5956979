"""Cutting one SubTransformer out of a SuperTransformer as a model of its own."""

import torch
from torch import Tensor

from hat.arch.config import SubTransformerConfig
from hat.models.super_transformer import SuperTransformer


def extract(model: SuperTransformer, arch: SubTransformerConfig) -> SuperTransformer:
    """Returns a true-size copy of ``arch`` that holds its own weights only.

    Its logits are those of ``model`` set to ``arch``. It stands on the same device, in the same
    precision and mode as ``model``, shares no memory with it, and ``model`` keeps the
    architecture it was set to. The copy can run every SubTransformer that fits into ``arch``.

    Raises:
        ConfigError: if ``model`` does not hold ``arch``.
    """
    model.config.check(arch, within=model.size)
    parameter = next(model.parameters())
    copy = SuperTransformer(model.config, size=arch)
    copy.to(device=parameter.device, dtype=parameter.dtype)
    source = model.state_dict()
    with torch.no_grad():
        for name, target in copy.state_dict().items():
            target.copy_(_leading(_full(source, name, model.config.qkv_dim), target.shape))
    return copy.train(model.training)


def _full(source: dict[str, Tensor], name: str, qkv_dim: int) -> Tensor:
    """The full-size counterpart of parameter ``name``.

    Cross-attention has one weight where encoder and decoder are equally wide and three where they
    are not, and that may differ between a model and its extract.
    """
    if name in source:
        return source[name]
    owner, _, kind = name.rpartition(".")
    if kind == "in_proj_weight":
        parts = [source[f"{owner}.{part}_proj_weight"] for part in "qkv"]
        width = min(part.size(1) for part in parts)
        return torch.cat([part[:, :width] for part in parts])
    index = ("q_proj_weight", "k_proj_weight", "v_proj_weight").index(kind)
    return source[f"{owner}.in_proj_weight"].narrow(0, index * qkv_dim, qkv_dim)


def _leading(weight: Tensor, shape: torch.Size) -> Tensor:
    return weight[tuple(slice(size) for size in shape)]
