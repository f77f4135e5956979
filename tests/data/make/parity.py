"""Checkpoints in HAT's format with the numbers that their SubTransformers give.

The weights are random. One file is a zip archive, as today's torch writes, the other is of the
older kind that HAT's torch wrote. Both hold meters of an old fairseq, whose classes are not here.
"""

import argparse
import io
import itertools
import json
import sys
import types
from collections import OrderedDict
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.data.make.files import write
from tests.data.make.plain import PAD, PlainTransformer, weight_shapes

QKV, FULL, FFN, LAYERS = 8, 8, 8, 3
SMALL = {"embed": 6, "ffn": 4}
BUNDLES = {"mini_random": (True, [3]), "small_unshared_enclayers": (False, [3, 2, 1])}
"""Name -> whether all embeddings are shared, and the depths of the encoder."""
NUM_CONFIGS, VOCABULARY = 5, 24


def make(folder: Path) -> None:
    for seed, (name, (shared, depths)) in enumerate(BUNDLES.items()):
        rng = np.random.default_rng(seed)
        weights = _weights(rng, shared=shared)
        write(folder / "hat/parity" / f"{name}.pt", _checkpoint(weights, shared, depths))
        tensors = _batch(rng)
        configs = []
        for index, config in enumerate(_configs(rng, depths)):
            numbers, found = _numbers(weights, config, tensors)
            configs.append(numbers)
            tensors |= {f"{key}_{index}": value for key, value in found.items()}
        packed = io.BytesIO()
        np.savez_compressed(packed, **tensors)
        write(folder / "hat/parity" / f"{name}_tensors.npz", packed.getvalue())
        text = json.dumps({"name": name, "configs": configs})
        write(folder / "hat/parity" / f"{name}_meta.json", text)


def _weights(rng: np.random.Generator, *, shared: bool) -> dict[str, Tensor]:
    """Every parameter, norms and biases too, away from its usual start; by HAT's names."""
    shapes = weight_shapes(FULL, FFN, QKV, LAYERS, VOCABULARY)
    if not shared:
        shapes["decoder.embed_out"] = (VOCABULARY, FULL)
    weights = {}
    for name, shape in shapes.items():
        value = 0.3 * rng.standard_normal(shape) + ("norm.weight" in name)
        weights[name] = torch.tensor(value.round(3), dtype=torch.float32)
    for side in ("encoder", "decoder"):
        weights[f"{side}.embed_tokens.weight"][PAD] = 0
    if shared:
        weights["decoder.embed_tokens.weight"] = weights["encoder.embed_tokens.weight"]
    return weights


def _configs(rng: np.random.Generator, depths: list[int]) -> list[dict[str, Any]]:
    """SubTransformers in HAT's nested spelling; the last two are the largest and the smallest."""

    def config(choose: Any) -> dict[str, Any]:
        def each(choices: list[int], count: int) -> list[int]:
            return [choose(choices) for _ in range(count)]

        depth = choose(depths)
        layers = choose([3, 2, 1])
        return {
            "encoder": {
                "encoder_embed_dim": choose([FULL, SMALL["embed"]]),
                "encoder_layer_num": depth,
                "encoder_ffn_embed_dim": each([FFN, SMALL["ffn"]], depth),
                "encoder_self_attention_heads": each([4, 2], depth),
            },
            "decoder": {
                "decoder_embed_dim": choose([FULL, SMALL["embed"]]),
                "decoder_layer_num": layers,
                "decoder_ffn_embed_dim": each([FFN, SMALL["ffn"]], layers),
                "decoder_self_attention_heads": each([4, 2], layers),
                "decoder_ende_attention_heads": each([4, 2], layers),
                # HAT's lists are padded to the full depth here.
                "decoder_arbitrary_ende_attn": each([2, 1, -1], LAYERS),
            },
        }

    def chance(choices: list[int]) -> int:
        return int(rng.choice(choices))

    return [
        *(config(chance) for _ in range(NUM_CONFIGS - 2)),
        config(lambda choices: choices[0]),
        config(lambda choices: choices[-1]),
    ]


def _batch(rng: np.random.Generator) -> dict[str, Any]:
    """Four sentences: left-padded sources, targets shifted by the end of sentence (2)."""
    lengths = [6, 4, 5, 2]
    width = max(lengths) + 1
    source, target, previous = (np.full((len(lengths), width), PAD) for _ in range(3))
    for row, length in enumerate(lengths):
        source[row, width - length - 1 :] = [*rng.integers(4, VOCABULARY, length), 2]
        words = rng.integers(4, VOCABULARY, width - 1 - row)
        target[row, : len(words) + 1] = [*words, 2]
        previous[row, : len(words) + 1] = [2, *words]
    return {
        "src_tokens": source,
        "src_lengths": np.array(lengths) + 1,
        "prev_output_tokens": previous,
        "target": target,
    }


def _numbers(
    weights: dict[str, Tensor], config: dict[str, Any], batch: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Loss, gradient norms, parameters and features; encoder output and logits."""
    # float64 leaves the rounding to the one who is compared with it.
    doubles: dict[int, Tensor] = {id(w): w.double().requires_grad_() for w in weights.values()}
    named = {name: doubles[id(weight)] for name, weight in weights.items()}
    model = PlainTransformer(named, FULL, LAYERS, config)
    source, previous, target = (
        torch.from_numpy(batch[name]) for name in ("src_tokens", "prev_output_tokens", "target")
    )
    encoded = model.encode(source)
    logits = model.decode(previous, source, encoded)
    loss, nll_loss = (
        F.cross_entropy(
            logits.flatten(0, 1),
            target.flatten(),
            ignore_index=PAD,
            reduction="sum",
            label_smoothing=smoothing,
        )
        for smoothing in (0.1, 0.0)
    )
    loss.backward()
    norms, seen = {}, set()
    for name, weight in named.items():
        if weight.grad is not None and id(weight) not in seen:
            seen.add(id(weight))
            norms[name] = round(weight.grad.norm().item(), 7)
    numbers = {
        "config": config,
        "params_no_embed": model.params,
        "loss_sum": loss.item(),
        "nll_loss_sum": nll_loss.item(),
        "sample_size": int(target.ne(PAD).sum()),
        "features": _features(config),
        "grad_norms": norms,
    }
    last = encoded[-1].detach().transpose(0, 1)
    arrays = {"encoder_out": last, "logits": logits.detach()}
    return numbers, {name: value.numpy().astype(np.float32) for name, value in arrays.items()}


def _features(config: dict[str, Any]) -> list[float]:
    """The ten latency features: widths, depths, averages over layers."""
    features: list[float] = []
    for side in ("encoder", "decoder"):
        for key, value in config[side].items():
            spans = [{-1: 1}.get(v, v + 1) for v in value] if "arbitrary" in key else value
            features.append(float(np.mean(spans)))
    return features


def _checkpoint(weights: dict[str, Tensor], shared: bool, depths: list[int]) -> bytes:
    """A training state as HAT's fairseq saved it."""
    module = types.ModuleType("fairseq.meters")
    for name in ("AverageMeter", "StopwatchMeter", "TimeMeter"):
        setattr(module, name, type(name, (), {"__module__": module.__name__}))
    meters = {}
    for number, name in enumerate(("train_loss", "wps", "train_wall")):
        kind = {0: "AverageMeter", 1: "TimeMeter", 2: "StopwatchMeter"}[number]
        meters[name] = getattr(module, kind)()
        vars(meters[name]).update(val=0.5, sum=1.5, count=3)
    marker = torch.zeros(1)
    model = OrderedDict(weights)
    for side in ("encoder", "decoder"):
        model[f"{side}.version"] = torch.tensor([3.0])
        model[f"{side}.embed_positions._float_tensor"] = marker
    content = {
        "args": argparse.Namespace(**_options(shared, depths)),
        "model": model,
        "optimizer_history": [{"criterion_name": "LabelSmoothedCrossEntropyCriterion"}],
        "extra_state": {"train_iterator": {"epoch": 1}, "val_loss": None, "train_meters": meters},
        "last_optimizer_state": None,
    }
    packed = io.BytesIO()
    stand_ins = {"fairseq": types.ModuleType("fairseq"), "fairseq.meters": module}
    with mock.patch.dict(sys.modules, stand_ins):
        torch.save(content, packed, _use_new_zipfile_serialization=shared)
    return packed.getvalue()


def _options(shared: bool, depths: list[int]) -> dict[str, Any]:
    sizes = {
        "embed_dim": FULL,
        "ffn_embed_dim": FFN,
        "layers": LAYERS,
        "attention_heads": 4,
        "normalize_before": False,
        "learned_pos": False,
        "embed_choice": [FULL, SMALL["embed"]],
        "ffn_embed_dim_choice": [FFN, SMALL["ffn"]],
        "self_attention_heads_choice": [4, 2],
    }
    options = {
        f"{side}_{key}": value
        for side, (key, value) in itertools.product(("encoder", "decoder"), sizes.items())
    }
    return options | {
        "arch": "transformersuper_wmt_en_de" if shared else "transformersuper_iwslt_de_en",
        "encoder_layer_num_choice": depths,
        "decoder_layer_num_choice": [3, 2, 1],
        "decoder_ende_attention_heads_choice": [4, 2],
        "decoder_arbitrary_ende_attn_choice": [2, 1, -1],
        "qkv_dim": QKV,
        "share_all_embeddings": shared,
        "share_decoder_input_output_embed": shared,
        "activation_fn": "relu",
        "max_source_positions": 64,
        "max_target_positions": 64,
        "no_token_positional_embeddings": False,
    }
