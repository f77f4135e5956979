"""What the process that measures memory has imported before any network is opened."""

import importlib.util

import torch

import hat.engines.eager
import hat.engines.torch_engine
import hat.measuring.memory
import hat.models.saved
import hat.translation.beam
import hat.translation.torch_runner

for _engine in ("onnxruntime", "ctranslate2"):
    if importlib.util.find_spec(_engine) is not None:
        importlib.import_module(_engine)

__all__ = ["hat", "torch"]
