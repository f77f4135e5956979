"""Whether ``torch.compile`` speeds up the training of a layer whose shape changes every update.

    OMP_NUM_THREADS=1 python bench/compiled_layer.py [--shapes 6] [--rounds 5]

One encoder layer of a SuperTransformer (width 256, feed-forward 1,024), forward and backward, over
2,048 tokens. Each shape is another architecture (width, feed-forward width, heads) with another
length of sentences, as every update brings them. The first pass of a shape is timed by itself, for
it compiles; the passes after it take turns with the plain layer. ``static`` compiles for the very
shape, ``dynamic`` asks for code that other lengths can share. There is no dropout: torch 2.13
cannot compile that of ``hat/modules/dropout.py``, which reads wide random numbers as narrow ones.
Times are wall-clock seconds of the first pass and milliseconds of processor time of the others.
Prints the shapes, then after how many passes of a shape compiling has paid.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from hat.machine.rates import machine_name, rates
from hat.modules.encoder_layer import EncoderLayerSuper

TOKENS, WIDTHS, FFN_WIDTHS, HEADS = 2048, (256, 192), (1024, 512, 256), (4, 2)
LENGTHS = (9, 11, 13, 15, 17, 19, 21, 24, 27, 31)


def passes(layer: Callable[[Tensor], Tensor], x: Tensor) -> Callable[[], None]:
    """One forward and backward pass of a layer that is called on x (B, S, E)."""

    def run() -> None:
        layer(x).sum().backward()  # type: ignore[no-untyped-call]

    return run


def milliseconds(run: Callable[[], None]) -> float:
    """Processor time of one call."""
    started = time.process_time()
    run()
    return 1e3 * (time.process_time() - started)


def main() -> None:
    """Prints a line for each shape and kind, then the sums."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shapes", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{machine_name()}; {rates()}; torch {torch.__version__}, seed {options.seed}")
    rng = np.random.default_rng(options.seed)
    torch.manual_seed(options.seed)
    plain = EncoderLayerSuper(256, 1024, num_heads=4, qkv_dim=256).train()
    compiled = {
        "static": torch.compile(plain, dynamic=False),
        "dynamic": torch.compile(plain, dynamic=True),
    }
    torch._dynamo.config.recompile_limit = 1000
    worth: dict[str, list[float]] = {name: [] for name in compiled}
    for _ in range(options.shapes):
        width, ffn, heads = (int(rng.choice(each)) for each in (WIDTHS, FFN_WIDTHS, HEADS))
        length = int(rng.choice(LENGTHS))
        plain.set_sample_config(
            embed_dim=width, ffn_dim=ffn, self_heads=heads, dropout_scale=width / 256
        )
        x = torch.randn(TOKENS // length, length, width, requires_grad=True)
        for name, layer in compiled.items():
            mine, stock = passes(layer, x), passes(plain, x)
            started = time.perf_counter()
            mine()
            first = time.perf_counter() - started
            stock()
            times = [(milliseconds(mine), milliseconds(stock)) for _ in range(options.rounds)]
            fast, slow = (statistics.median(each) for each in zip(*times, strict=True))
            gain = slow - fast
            paid = first * 1e3 / gain if gain > 0 else float("inf")
            worth[name].append(paid)
            shape = f"width {width}, feed-forward {ffn}, {heads} heads, {x.size(0)} x {length}"
            print(
                f"{shape}, {name}: first pass {first:.1f} s, then {fast:.1f} ms, "
                f"plain {slow:.1f} ms; {after(paid)}",
                flush=True,
            )
    for name, paid_after in worth.items():
        print(f"{name}, median: {after(statistics.median(paid_after))}")


def after(passes_of_shape: float) -> str:
    """When compiling has paid, in words."""
    if passes_of_shape == float("inf"):
        return "compiling never pays"
    return f"compiling has paid after {passes_of_shape:,.0f} passes"


if __name__ == "__main__":
    main()
