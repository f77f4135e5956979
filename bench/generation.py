"""How fast sentences are translated: hat, fairseq over the same modules, other engines.

    OMP_NUM_THREADS=1 python bench/generation.py [--batch 128 1] [--rounds 5]

All translate the same sentences with the same weights, in turn; a turn is one batch of many or a
row of batches of few, as a text is translated. Weights are random, but the end
becomes likelier with the position, so that sentences end around the twentieth token, each at
another step, and words are drawn from sharp distributions, as with trained weights. Times
are CPU time of all threads of this process, so that other processes disturb little; the first
round is not counted. ONNX Runtime and CTranslate2 take part if they are installed.

Before them stand the rates at which this machine multiplies matrices. The floor is the time of
the products with weights, in the steps that were really taken, at the best of these rates.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from fairseq.data import Dictionary
from fairseq.sequence_generator import SequenceGenerator
from torch import Tensor

from hat.arch.config import DecoderConfig, EncoderConfig, SubTransformerConfig
from hat.engines import ENGINES
from hat.errors import ConfigError
from hat.fairseq_plugin.model import TransformerSuperModel
from hat.machine.instructions import product_rates
from hat.models.config import SuperTransformerConfig
from hat.models.extract import extract
from hat.models.super_transformer import SuperTransformer
from hat.modules.positions import LearnedPositions
from hat.translation.beam import BeamSearch, BeamSettings
from hat.translation.linear import PackedLinear
from hat.translation.torch_runner import TorchRunner

PAD, EOS = 1, 2
WORDS = (8, 24)
"""Source tokens of a sentence, from and to."""

IN_A_ROW = 8
"""Sentences of a turn, at least. Weights that another contender has driven out of the caches come
back with the first of them, and a text has more than one."""


def subtransformer() -> SubTransformerConfig:
    """The mid configuration: 6 + 6 layers, widths 256 and 192."""
    inner = (1024, 512, 1024, 512, 1024, 256)
    return SubTransformerConfig(
        encoder=EncoderConfig(embed_dim=256, ffn_dims=inner, self_heads=(4,) * 6),
        decoder=DecoderConfig(
            embed_dim=192,
            ffn_dims=inner,
            self_heads=(4,) * 6,
            ende_heads=(4,) * 6,
            ende_spans=(1,) * 6,
        ),
    )


def random_model(arch: SubTransformerConfig, vocab_size: int, seed: int) -> TransformerSuperModel:
    """A network of this size whose sentences end after some tens of tokens."""
    torch.manual_seed(seed)
    config = SuperTransformerConfig(
        src_vocab_size=vocab_size,
        tgt_vocab_size=vocab_size,
        encoder_embed_dim=256,
        encoder_ffn_dim=1024,
        encoder_layers=6,
        encoder_heads=4,
        decoder_embed_dim=256,
        decoder_ffn_dim=1024,
        decoder_layers=6,
        decoder_heads=4,
        qkv_dim=256,
        share_all_embeddings=True,
        decoder_learned_pos=True,
        max_target_positions=128,
    )
    model = TransformerSuperModel(config, arch=arch).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.07)
        words = model.decoder.embed_tokens.weight
        words.normal_(std=0.2)
        # One coordinate says through all layers how long the sentence is; the end listens to it.
        words[:, 0] = 0.0
        words[EOS, 0] = 6.0
        positions = model.decoder.embed_positions
        assert isinstance(positions, LearnedPositions)
        positions.weight[:, 0] = 0.3 * (torch.arange(len(positions.weight)) - 12.0)
        for name, parameter in model.decoder.named_parameters():
            if name.endswith(("out_proj.weight", "fc2.weight")):
                parameter[0] = 0.0
            elif name.endswith("norm.weight"):
                parameter[0] = 1.6
    return model


def sentences(count: int, vocab_size: int, seed: int) -> Tensor:
    """(count, S) tokens, padded on the left, similar lengths."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(*WORDS, count)
    table = torch.full((count, int(lengths.max())), PAD)
    for row, length in zip(table, lengths.tolist(), strict=True):
        row[-length:] = torch.tensor([*rng.integers(4, vocab_size, length - 1), EOS])
    return table


def batches(count: int, vocab_size: int, seed: int) -> list[Tensor]:
    """What a turn translates: batches of ``count`` sentences, each as long as its longest."""
    found = []
    for begin in range(-(-IN_A_ROW // count)):
        found.append(sentences(count, vocab_size, seed + begin))
    return found


def best_of(search: Callable[[Tensor], Any], sources: list[Tensor]) -> list[tuple[int, ...]]:
    """The best hypothesis of every sentence."""
    return [found[0].tokens for source in sources for found in search(source)]


def engine_run(
    name: str, small: SuperTransformer, sources: list[Tensor], settings: BeamSettings
) -> Callable[[], list[tuple[int, ...]]] | None:
    """Translates in another engine; None if that is not installed."""
    part: Any = ENGINES.load(name)
    engine = part.build(part.Settings(threads=torch.get_num_threads()))
    try:
        search = engine.load(small).search(settings)
    except ConfigError:
        return None
    return lambda: best_of(search, sources)


class CountedProducts:
    """Counts the products with weights that ``PackedLinear`` does."""

    def __init__(self) -> None:
        self.flops = 0

    def __enter__(self) -> "CountedProducts":
        self._plain = PackedLinear.__call__, PackedLinear.added_to
        call, added_to = self._plain

        def counted(linear: PackedLinear, x: Tensor) -> Tensor:
            y = call(linear, x)
            self.flops += 2 * x.numel() * y.size(1)
            return y

        def counted_sum(linear: PackedLinear, residual: Tensor, x: Tensor) -> Tensor:
            self.flops += 2 * x.numel() * residual.size(1)
            return added_to(linear, residual, x)

        PackedLinear.__call__, PackedLinear.added_to = counted, counted_sum  # type: ignore
        return self

    def __exit__(self, *_: object) -> None:
        PackedLinear.__call__, PackedLinear.added_to = self._plain  # type: ignore


def packed_rate() -> float:
    """GFLOP/s of oneDNN's products with packed weights: the fastest of a few."""
    linear = PackedLinear(torch.randn(1024, 256), torch.zeros(1024))
    x, best = torch.randn(640, 256), float("inf")
    for _ in range(20):
        started = time.perf_counter()
        linear(x)
        best = min(best, time.perf_counter() - started)
    return 2 * x.numel() * 1024 / best / 1e9


def main() -> None:
    """Times all contenders and prints a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, nargs="+", default=[128, 1], help="sentences at once")
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds of the first batch")
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--max-len-b", type=int, default=40)
    parser.add_argument("--vocab", type=int, default=7872)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    threads = torch.get_num_threads()
    with torch.inference_mode():
        rates = {**product_rates("fp32", "bf16"), "fp32 packed": packed_rate()}
        shown = ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items())
        print(f"this machine, {threads} thread(s), GFLOP/s: {shown}")
        results = [_batch(count, options, rates) for count in options.batch]
    print(json.dumps({"gflops": rates, "threads": threads, "results": results}))


def _batch(count: int, options: argparse.Namespace, rates: dict[str, float]) -> dict[str, Any]:
    arch = subtransformer()
    model = random_model(arch, options.vocab, options.seed)
    small = extract(model, arch)
    settings = BeamSettings(beam=options.beam, max_len_b=options.max_len_b)
    sources = batches(count, options.vocab, options.seed)
    words = Dictionary()
    for index in range(options.vocab - len(words)):
        words.add_symbol(f"w{index}")
    limits = {"beam_size": settings.beam, "max_len_a": 0, "max_len_b": settings.max_len_b}
    generator = SequenceGenerator([model], words, **limits)
    net_inputs = [
        {"src_tokens": source, "src_lengths": source.ne(PAD).sum(1)} for source in sources
    ]
    search = BeamSearch(TorchRunner(small), settings)
    contenders: dict[str, Callable[[], list[tuple[int, ...]]]] = {
        "fairseq": lambda: [
            tuple(best[0]["tokens"].tolist())
            for net_input in net_inputs
            for best in generator.generate([model], {"net_input": net_input})
        ],
        "hat": lambda: best_of(search, sources),
    }
    for engine in ("onnxruntime", "ctranslate2"):
        run = engine_run(engine, small, sources, settings)
        if run is not None:
            contenders[engine] = run
    with CountedProducts() as products:
        found = contenders["hat"]()
    lengths = [len(tokens) for tokens in found]
    length = statistics.mean(lengths)
    print(
        f"\nbatch {count}, {len(found)} sentences a turn, beam {settings.beam}: best hypotheses "
        f"have {length:.1f} tokens ({min(lengths)} to {max(lengths)})"
    )
    for name, run in contenders.items():
        same = sum(ours == theirs for ours, theirs in zip(found, run(), strict=True))
        print(f"  best hypotheses of {name}: {same} of {len(found)} as hat's")
    times: dict[str, list[float]] = {name: [] for name in contenders}
    # A row of short turns takes the time of one of many sentences.
    for _ in range(options.rounds * (1 if count > IN_A_ROW else 3)):
        for name, run in contenders.items():
            started = time.process_time()
            run()
            times[name].append(time.process_time() - started)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    floor = products.flops / max(rates["fp32"], rates["fp32 packed"]) / 1e9
    result: dict[str, Any] = {"batch": count, "tokens": length, "floor_s": floor}
    for name, median in medians.items():
        low, high = min(times[name]), max(times[name])
        print(
            f"{name:12} {len(found) / median:8.1f} sentences/s  {1e3 * median:8.1f} ms "
            f"[{1e3 * low:.1f} .. {1e3 * high:.1f}]  {100 * floor / median:5.1f} % of the floor  "
            f"{ratio(times, name, 'hat')} times hat's time, "
            f"{ratio(times, 'fairseq', name)} times as fast as fairseq"
        )
        result[name] = {"ms": 1e3 * median}
    return result


def ratio(times: dict[str, list[float]], one: str, other: str) -> str:
    """Of the times of two contenders, median and range over the rounds."""
    found = [a / b for a, b in zip(times[one], times[other], strict=True)]
    return f"{statistics.median(found):.2f} [{min(found):.2f} .. {max(found):.2f}]"


if __name__ == "__main__":
    main()
