"""Fills a network with one constant, the only preparation that epsinas needs."""

import torch
from torch import nn


def fill_with_constant(network: nn.Module, weight: float, *, bias: float = 0.0) -> None:
    """Sets every weight to ``weight`` and every bias to ``bias``, in place.

    Scales of normalisation layers count as weights, as in the authors' code. Embeddings stay as
    they are: a constant embedding would make all tokens equal. A parameter is a bias if its name
    ends with ``bias``.
    """
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Embedding):
                continue
            for name, parameter in module.named_parameters(recurse=False):
                parameter.fill_(bias if name.endswith("bias") else weight)
