"""How fast a SuperTransformer trains on a GPU, beside fairseq's own Transformer of the same size.

    python bench/training_gpu.py [--sizes small base] [--max-tokens 4096 32768] [--rounds 5]

Prints the rates at which the card multiplies matrices of 8,192 x 8,192, then for each contender the
target tokens it trains on per second, which share of the card's rate its products alone would
reach (padding is not counted as work), and the peak of torch's allocator. As in ``training.py``,
contenders are processes of their own that take turns on the same batches, and ratios are the median
over the rounds of the ratio within a round.

``small`` is Multi30k's space for CPUs (width 256, feed-forward 1024), ``base`` that for GPUs
(width 512, feed-forward 2048, as in HAT's spaces for IWSLT), both with 6+6 layers; the text is
random, sentences as long as Multi30k's, with 7,872 and 32,768 words.
"""

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from training import ROOT, Contender, ratio, spread, write_corpus

from hat.cli.console import one_sentence
from hat.errors import ConfigError
from hat.measuring.gpu_rates import product_rates
from hat.yaml_reader import plain, read_mapping

SPACES = ROOT / "configs" / "multi30k.en-de" / "supertransformer"
WARM_UP = 8

_SHARED = {
    *("encoder-embed-dim", "decoder-embed-dim", "encoder-ffn-embed-dim", "decoder-ffn-embed-dim"),
    *("encoder-layers", "decoder-layers", "encoder-attention-heads", "decoder-attention-heads"),
    *("encoder-normalize-before", "decoder-normalize-before", "share-all-embeddings", "dropout"),
    *("optimizer", "adam-betas", "clip-norm", "weight-decay", "criterion", "label-smoothing"),
}
"""Keys of a space's file that fairseq's Transformer has, too."""


@dataclass(frozen=True)
class Size:
    """Of networks and vocabulary."""

    space: Path
    vocabulary: int


SIZES = {
    "small": Size(SPACES / "space_cpu.yml", 7872),
    "base": Size(SPACES / "space_gpu.yml", 32_768),
}


def contenders(size: Size, data: Path, precision: str, max_tokens: int) -> list[Contender]:
    """A SuperTransformer, its largest SubTransformer, and fairseq's Transformer like that."""
    flags = [
        f"--max-tokens={max_tokens}",
        "--no-save",
        f"--save-dir={data}/save",
        "--num-workers=0",
    ]
    flags += ["--required-batch-size-multiple=1", *(["--bf16"] if precision == "bf16" else [])]
    entries = {key: plain(entry.node, key) for key, entry in read_mapping(size.space).items()}
    own = {"max-tokens", "bf16", "fp16", "data", "required-batch-size-multiple"}
    lines = size.space.read_text().splitlines()
    space = data / f"space_{precision}_{max_tokens}.yml"
    kept = [line for line in lines if line.partition(":")[0] not in own]
    space.write_text("\n".join([*kept, f"data: {data}", ""]))
    stock = [str(data), "--arch=transformer", "--task=translation", "--use-old-adam"]
    stock += ["--source-lang=en", "--target-lang=de", "--seed=1", "--lr=0.001"]
    for key in sorted(_SHARED & set(entries)):
        value = entries[key]
        stock += [f"--{key}"] if value is True else [f"--{key}={value}"]
    common = {"threads": 1, "keeps_memory": True}
    ours = {**common, "words": [f"--configs={space}", *flags]}
    return [
        Contender("supernet", precision, ROOT, {**ours, "largest": False}),
        Contender("largest", precision, ROOT, {**ours, "largest": True}),
        Contender(
            "fairseq's Transformer",
            precision,
            ROOT,
            {**common, "words": [*stock, *flags], "largest": True, "stock": True},
        ),
    ]


def main() -> None:
    """Times all contenders, one size of networks and batches after the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--max-tokens", nargs="+", type=int, default=[4096, 32_768])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--updates", type=int, default=8, help="updates of a turn")
    args = parser.parse_args()
    if not torch.cuda.is_available():
        raise ConfigError("torch finds no GPU here")
    rates = product_rates(args.precisions, size=8192)
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, TFLOP/s: {rates}")
    medians: dict[str, Any] = {"tflops": rates}
    for name in args.sizes:
        with tempfile.TemporaryDirectory() as folder:
            write_corpus(Path(folder), SIZES[name].vocabulary)
            for max_tokens in args.max_tokens:
                everyone = [
                    one
                    for precision in args.precisions
                    for one in contenders(SIZES[name], Path(folder), precision, max_tokens)
                ]
                turns(everyone, args.rounds, args.updates)
                print(f"{name}, {max_tokens} tokens a batch")
                medians[f"{name}, {max_tokens}"] = report(everyone, rates)
    print(json.dumps(medians))


def turns(everyone: list[Contender], rounds: int, updates: int) -> None:
    """Has all of them train in turn."""
    for one in everyone:
        one.start()
    for one in everyone:
        one.turn(WARM_UP)
    for _ in range(rounds):
        for one in everyone:
            one.turns.append(one.turn(updates))
    for one in everyone:
        one.process.stdin.close()
        one.process.wait()


def report(everyone: list[Contender], rates: dict[str, float]) -> dict[str, Any]:
    """Prints a table and returns its medians."""
    medians: dict[str, Any] = {}
    by_name = {(one.name, one.precision): one for one in everyone}
    for (name, precision), one in by_name.items():
        tokens = one.per_second("tokens", "wall_s")
        share = statistics.median(one.per_second("operations", "wall_s")) / rates[precision] / 1e12
        memory = one.turns[-1]["gpu_mb"]
        stock = ratio(one, by_name["fairseq's Transformer", precision], "wall_s")
        print(
            f"  {name + ', ' + precision:32}{spread(tokens)} tokens/s{share:7.1%} of the rate"
            f"{memory:8.0f} MB, {stock} times fairseq's, loss {one.turns[-1]['loss']:.3f}"
        )
        medians[f"{name}, {precision}"] = {
            "tokens_per_s": round(statistics.median(tokens)),
            "share": round(share, 4),
            "gpu_mb": round(memory),
        }
        if precision == "bf16" and (name, "fp32") in by_name:
            wide = ratio(one, by_name[name, "fp32"], "wall_s")
            print(f"  {'':32}bf16 {wide} times fp32")
    return medians


if __name__ == "__main__":
    with one_sentence(sys.argv):
        main()
