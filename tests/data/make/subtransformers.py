"""Tables of SubTransformers: with BLEU and with costs, as the papers' authors publish them.

BLEU and latency are made up. Parameters and FLOPs are those of ``PlainTransformer``: the weights
that it uses, the matrix products and scalings that it does.
"""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.data.make.files import write, write_lines
from tests.data.make.plain import PlainTransformer, weight_shapes

SPACES: dict[str, dict[str, Any]] = {
    "wmt14.en-de": {"ffn": [3072, 2048, 1024], "heads": [8, 4], "length": 30},
    "iwslt14.de-en": {"ffn": [2048, 1024, 512], "heads": [4, 2], "length": 23},
}
"""Choices of HAT's spaces, and the sentence that its tables count FLOPs for."""

WIDTHS, QKV, LAYERS, WORDS = [640, 512], 512, 6, 1000


def make(folder: Path) -> None:
    rng = np.random.default_rng(6)
    _write_bleu_table(folder / "llmas" / "seed_arch_bleu.wmt14ende.csv", rng)
    rows = ["task,hardware,latency,params_millions,flops_giga,bleu,sacrebleu,name"]
    for task, space in SPACES.items():
        home = folder / "hat" / "configs" / task / "subtransformer"
        _write_common(home / "common.yml", task, space)
        for number in range(2):
            config = _config(space, rng)
            name = f"MADE_{task.replace('.', '').replace('-', '')}_cpu@{number}s"
            params, flops = _cost(config, space)
            rows.append(
                f"{task},CPU,{number}s,{params / 1e6:.2f},{flops / 1e9:.2f},20.0,19.0,{name}"
            )
            _write_yaml(home / f"{name}.yml", config)
    write_lines(folder / "hat" / "published_subtransformers.csv", rows)


def _config(space: dict[str, Any], rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """A SubTransformer in HAT's nested spelling; the encoder has all its layers, as in HAT."""

    def one(choices: list[int]) -> int:
        return int(rng.choice(choices))

    depth = one([1, 2, 3, 4, 5, 6])
    return {
        "encoder": {
            "encoder_embed_dim": one(WIDTHS),
            "encoder_layer_num": LAYERS,
            "encoder_ffn_embed_dim": [one(space["ffn"]) for _ in range(LAYERS)],
            "encoder_self_attention_heads": [one(space["heads"]) for _ in range(LAYERS)],
        },
        "decoder": {
            "decoder_embed_dim": one(WIDTHS),
            "decoder_layer_num": depth,
            "decoder_ffn_embed_dim": [one(space["ffn"]) for _ in range(depth)],
            "decoder_self_attention_heads": [one(space["heads"]) for _ in range(depth)],
            "decoder_ende_attention_heads": [one(space["heads"]) for _ in range(depth)],
            "decoder_arbitrary_ende_attn": [one([-1, 1, 2]) for _ in range(depth)],
        },
    }


def _keys(config: dict[str, dict[str, Any]], ending: str) -> dict[str, Any]:
    """HAT's keys in its YAML files, which end with ``-subtransformer``, or in its tables."""
    found = {}
    for key, value in {**config["encoder"], **config["decoder"]}.items():
        lists = "-all" if isinstance(value, list) else ""
        found[key.replace("_", "-") + lists + ending] = value
    return found


def _write_yaml(path: Path, config: dict[str, dict[str, Any]]) -> None:
    keys = _keys(config, "-subtransformer")
    write_lines(path, [f"{key}: {json.dumps(value)}" for key, value in keys.items()])


def _write_common(path: Path, task: str, space: dict[str, Any]) -> None:
    arch = "transformersuper_wmt_en_de" if "wmt" in task else "transformersuper_iwslt_de_en"
    lines = ["train-subtransformer: True", f"arch: {arch}", f"data: data/binary/{task}"]
    lines += ["share-all-embeddings: True"] if "wmt" in task else []
    for side in ("encoder", "decoder"):
        lines += [
            f"{side}-embed-dim: {WIDTHS[0]}",
            f"{side}-ffn-embed-dim: {space['ffn'][0]}",
            f"{side}-layers: {LAYERS}",
            f"{side}-attention-heads: {space['heads'][0]}",
        ]
    write_lines(path, [*lines, f"qkv-dim: {QKV}"])


def _cost(config: dict[str, dict[str, Any]], space: dict[str, Any]) -> tuple[int, int]:
    """Parameters, and FLOPs at two a multiplication, without embeddings and output layer."""
    shapes = weight_shapes(WIDTHS[0], space["ffn"][0], QKV, LAYERS, WORDS)
    weights = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    model = PlainTransformer(weights, WIDTHS[0], LAYERS, config)
    tokens = torch.empty((1, space["length"]), dtype=torch.int64, device="meta")
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        model.decode(tokens, tokens, model.encode(tokens))
    last_layer = 2 * space["length"] * config["decoder"]["decoder_embed_dim"] * WORDS
    return model.params, counter.get_total_flops() + 2 * model.scalings - last_layer


def _write_bleu_table(path: Path, rng: np.random.Generator) -> None:
    """Deeper decoders translate better; what other supernets say follows with noise."""
    columns = {
        "scratch_test_BLEU": 0.1,
        "scratch_valid_BLEU": 0.2,
        "HAT_test_BLEU": 0.5,
        "HAT_valid_BLEU": 0.6,
    }
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["task", "arch", *columns, "scratch_num_parameters_without_embedding_weights"])
    for _ in range(24):
        space = SPACES["wmt14.en-de"]
        config = _config(space, rng)
        quality = 24 + 0.8 * config["decoder"]["decoder_layer_num"]
        bleu = [round(quality + noise * rng.standard_normal(), 2) for noise in columns.values()]
        arch = json.dumps(_keys(config, ""))
        writer.writerow(["wmt14ende", arch, *bleu, _cost(config, space)[0]])
    write(path, text.getvalue())
