"""How fast a SuperTransformer trains: beside an older hat, and beside fairseq's own Transformer.

    python bench/training.py [--before REVISION] [--precisions fp32 bf16] [--threads 1] [--rounds 6]

Prints the rates at which this machine multiplies matrices, then for each contender the target
tokens it trains on per second of CPU and of wall time, and which share of the machine's rate its
products alone would reach (padding is not counted as work). Contenders are processes of their own
that take turns of a few updates on the same batches, so what else the machine does hits all alike;
ratios are the median over the rounds of the ratio within a round.

The size is that of ``configs/multi30k.en-de``: width 256/192, feed-forward 1024/512/256, 6+6
layers. The text is random, 7,872 words by Zipf's law, with sentences as long as Multi30k's.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
SPACE = ROOT / "configs" / "multi30k.en-de" / "supertransformer" / "space_cpu.yml"
VOCABULARY, SENTENCES, MAX_TOKENS = 7872, 12_000, 2048
WARM_UP = 4

STOCK = {
    "arch": "transformer",
    "task": "translation",
    "source-lang": "en",
    "target-lang": "de",
    **{f"{side}-embed-dim": 256 for side in ("encoder", "decoder")},
    **{f"{side}-ffn-embed-dim": 1024 for side in ("encoder", "decoder")},
    **{f"{side}-layers": 6 for side in ("encoder", "decoder")},
    **{f"{side}-attention-heads": 4 for side in ("encoder", "decoder")},
    "dropout": 0.1,
    "optimizer": "adam",
    "adam-betas": "(0.9, 0.98)",
    "clip-norm": 1.0,
    "weight-decay": 0.0001,
    "criterion": "label_smoothed_cross_entropy",
    "label-smoothing": 0.1,
    "lr": 0.0015,
    "seed": 1,
}
STOCK_SWITCHES = ("share-all-embeddings", "encoder-normalize-before", "decoder-normalize-before")


def write_corpus(folder: Path, vocabulary: int = VOCABULARY) -> None:
    """Writes random sentence pairs as fairseq's binary data."""
    from fairseq.data import Dictionary, indexed_dataset

    rng = np.random.default_rng(0)
    words = Dictionary()
    for index in range(vocabulary - len(words)):
        words.add_symbol(f"w{index}", n=vocabulary - index)
    chances = 1.0 / np.arange(10, vocabulary - 4 + 10)
    chances /= chances.sum()
    source = np.clip(rng.normal(14, 4.5, SENTENCES).round(), 4, 40).astype(int)
    target = np.clip((source + rng.normal(1, 2.5, SENTENCES)).round(), 4, 40).astype(int)
    for language, lengths in (("en", source), ("de", target)):
        words.save(str(folder / f"dict.{language}.txt"))
        prefix = folder / f"train.en-de.{language}"
        builder = indexed_dataset.make_builder(f"{prefix}.bin", "mmap", vocab_size=len(words))
        tokens = rng.choice(vocabulary - 4, size=int(lengths.sum()), p=chances) + 4
        for sentence in np.split(tokens, np.cumsum(lengths)[:-1]):
            builder.add_item(torch.tensor([*sentence, words.eos()]))
        builder.finalize(f"{prefix}.idx")


def _python_path() -> list[str]:
    return [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]


@dataclass
class Contender:
    """A process that trains when told to."""

    name: str
    precision: str
    tree: Path
    settings: dict[str, Any]
    turns: list[dict[str, float]] = field(default_factory=list)
    process: Any = None

    def start(self, variables: Mapping[str, str] | None = None) -> None:
        """Starts the process, with these in its environment, too; it is ready after a turn."""
        threads = str(self.settings["threads"])
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "bench" / "training_worker.py")],
            cwd=self.tree,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(self.tree), *_python_path()]),
                "OMP_NUM_THREADS": threads,
                **(variables or {}),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._say(json.dumps(self.settings))

    def turn(self, updates: int) -> dict[str, float]:
        """Has it make some updates."""
        self._say(str(updates))
        answer: dict[str, float] = json.loads(self.process.stdout.readline() or "null")
        if answer is None:
            raise SystemExit(f"error: the contender {self.name!r} has died")
        return answer

    def _say(self, line: str) -> None:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def per_second(self, amount: str, clock: str) -> list[float]:
        """Of each turn."""
        return [turn[amount] / turn[clock] for turn in self.turns]


def matrix_rate(dtype: torch.dtype, seconds: float = 0.3) -> float:
    """GFLOP/s of CPU time of this thread, products of 1024 x 1024."""
    left, right = (torch.randn(1024, 1024).to(dtype) for _ in range(2))
    out = torch.empty_like(left)
    torch.mm(left, right, out=out)
    start, count = time.thread_time(), 0
    while time.thread_time() - start < seconds:
        torch.mm(left, right, out=out)
        count += 1
    return 2 * 1024**3 * count / (time.thread_time() - start) / 1e9


def contenders(args: argparse.Namespace, data: Path, before: Path | None) -> list[Contender]:
    """All of them, those of one precision side by side."""
    found = []
    stock = [f"--{name}={value}" for name, value in STOCK.items()]
    stock += [f"--{name}" for name in (*STOCK_SWITCHES, "use-old-adam")]
    for precision in args.precisions:
        flags = [f"--max-tokens={MAX_TOKENS}", "--no-save", f"--save-dir={data}/save"]
        flags += ["--required-batch-size-multiple=1"]
        space = data / f"space_{precision}.yml"
        lines = SPACE.read_text().splitlines()
        kept = [line for line in lines if not line.startswith(("bf16", "data:"))]
        space.write_text("\n".join([*kept, f"data: {data}", ""]))
        if precision == "bf16":
            flags.append("--bf16")
        ours = [f"--configs={space}", *flags]
        for threads in args.threads:
            options = {"threads": threads, "keeps_memory": True, "largest": False, "words": ours}
            suffix = f", {threads} threads" if threads > 1 else ""

            def add(name: str, tree: Path = ROOT, **changes: Any) -> None:
                if args.only and not name.startswith(args.only):
                    return
                settings = {**options, **changes}  # noqa: B023
                found.append(Contender(name + suffix, precision, tree, settings))  # noqa: B023

            add("supernet")
            if before is not None:
                add("supernet before", before)
            add("largest", largest=True)
            add(
                "fairseq's Transformer",
                words=[str(data), *stock, *flags],
                keeps_memory=False,
                largest=True,
                stock=True,
            )
    return found


def checkout(revision: str, folder: Path) -> Path:
    """Puts the tree of a revision into ``folder``."""
    folder.mkdir()
    archive = subprocess.run(
        ["git", "archive", revision], cwd=ROOT, check=True, capture_output=True
    ).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    return folder


def spread(values: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):7.0f} [{min(values):.0f} .. {max(values):.0f}]"


def report(all_of_them: list[Contender], rates: dict[str, list[float]]) -> dict[str, Any]:
    """Prints the tables and returns their medians."""
    medians: dict[str, Any] = {"gflops": {}}
    for precision, values in rates.items():
        medians["gflops"][precision] = statistics.median(values)
        print(f"this machine, {precision}: {spread(values)} GFLOP/s on one thread")
    print(f"{'':32}{'tokens per CPU second':>26}{'per second':>26}  system  share   peak MB")
    for one in all_of_them:
        operations = one.per_second("operations", "cpu_s")
        rate = medians["gflops"][one.precision]
        share = statistics.median(operations) / rate / 1e9
        system = statistics.median(t["system_s"] / t["cpu_s"] for t in one.turns)
        cpu, wall = (one.per_second("tokens", clock) for clock in ("cpu_s", "wall_s"))
        print(
            f"{one.name + ', ' + one.precision:32}{spread(cpu):>26}{spread(wall):>26}"
            f"{system:8.0%}{share:7.0%}{one.turns[-1]['peak_mb']:10.0f}"
        )
        medians[f"{one.name}, {one.precision}"] = {
            "tokens_per_cpu_s": round(statistics.median(cpu), 1),
            "tokens_per_s": round(statistics.median(wall), 1),
            "share": round(share, 3),
            "loss": one.turns[-1]["loss"],
        }
    by_name = {(one.name, one.precision): one for one in all_of_them}
    for (name, precision), one in by_name.items():
        for other in (f"{name} before", name.replace("largest", "fairseq's Transformer")):
            against = by_name.get((other, precision))
            if against is not None and against is not one:
                print(f"{name}, {precision}: {ratio(one, against)} times {other}")
        single = by_name.get((name.split(",")[0], precision))
        if single is not None and single is not one:
            print(f"{name}, {precision}: {ratio(one, single, 'wall_s')} times one thread")
        wide = by_name.get((name, "fp32"))
        if precision == "bf16" and wide is not None:
            print(f"{name}: bf16 {ratio(one, wide)} times fp32")
    return medians


def ratio(one: Contender, other: Contender, clock: str = "cpu_s") -> str:
    """Of their tokens per second, median and range over the rounds."""
    pairs = zip(one.per_second("tokens", clock), other.per_second("tokens", clock), strict=True)
    values = [a / b for a, b in pairs]
    return f"{statistics.median(values):.2f} [{min(values):.2f} .. {max(values):.2f}]"


def main() -> None:
    """Times all contenders."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", metavar="REVISION", help="git revision to compare with")
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--only", help="only contenders whose names begin like this")
    parser.add_argument("--updates", type=int, default=5, help="updates of a turn")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        write_corpus(data)
        before = None if args.before is None else checkout(args.before, data / "before")
        everyone = contenders(args, data, before)
        for one in everyone:
            one.start()
        for one in everyone:
            one.turn(WARM_UP)
        rates: dict[str, list[float]] = {precision: [] for precision in args.precisions}
        for _ in range(args.rounds):
            for precision in args.precisions:
                dtype = torch.float32 if precision == "fp32" else torch.bfloat16
                rates[precision].append(matrix_rate(dtype))
            for one in everyone:
                one.turns.append(one.turn(args.updates))
        for one in everyone:
            one.process.stdin.close()
        print(json.dumps(report(everyone, rates)))


if __name__ == "__main__":
    main()
