"""How the time of an update grows with width, depth, vocabulary, threads and processes.

    python bench/growth.py [--out docs/results/growth.png] [--rounds 4] [--updates 3]

Trains Transformers of one size each, the largest SubTransformer of its space, as ``hat train``
does, on random text (see ``training.py``), 2,048 tokens an update. From the middle size (width 256,
feed-forward four times that, 3+3 layers, 7,872 words, one thread) one thing is changed at a time.
Of one thread, processor time counts, so that other programs disturb little; of several threads or
processes, the time that passes. The line "products" is what the matrix products alone would take
at this machine's rate.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pictures import picture
from training import MAX_TOKENS, SPACE, VOCABULARY, Contender, write_corpus

from hat.machine.instructions import in_hardware
from hat.machine.rates import machine_name, rates

WIDTH, LAYERS = 256, 3
AXES: dict[str, tuple[int, ...]] = {
    "width": (64, 128, 256, 512),
    "layers a side": (1, 2, 3, 6),
    "words": (2048, VOCABULARY, 32768),
    "threads": (1, 2),
    "processes side by side": (1, 2),
}
MIDDLE = {
    "width": WIDTH,
    "layers a side": LAYERS,
    "words": VOCABULARY,
    "threads": 1,
    "processes side by side": 1,
}


@dataclass(frozen=True)
class Size:
    """One point of an axis, and the processes that train it."""

    axis: str
    value: int
    precision: str
    processes: Sequence[Contender]

    @property
    def clock(self) -> str:
        """Whose time counts."""
        return "wall_s" if self.axis in ("threads", "processes side by side") else "cpu_s"


def space_lines(width: int, layers: int) -> list[str]:
    """The file of ``training.py``'s space, with one choice for every size."""
    # One encoder layer cannot be attended to together with an earlier one.
    sizes: dict[str, Any] = {"qkv-dim": width, "decoder-arbitrary-ende-attn-choice": [-1]}
    for side in ("encoder", "decoder"):
        for key, value in (("embed", width), ("ffn-embed", 4 * width)):
            sizes[f"{side}-{key}-dim"] = value
            name = f"{side}-embed-choice" if key == "embed" else f"{side}-{key}-dim-choice"
            sizes[name] = [value]
        sizes[f"{side}-layers"] = layers
        sizes[f"{side}-layer-num-choice"] = [layers]
    lines = []
    for line in SPACE.read_text(encoding="utf-8").splitlines():
        key = line.partition(":")[0]
        if key not in ("bf16", "data"):
            lines.append(f"{key}: {sizes[key]}" if key in sizes else line)
    return lines


def sizes(folder: Path, precisions: Sequence[str]) -> Iterator[Size]:
    """Everything that is timed, not yet started."""
    for vocabulary in AXES["words"]:
        (folder / str(vocabulary)).mkdir()
        write_corpus(folder / str(vocabulary), vocabulary)
    for precision in precisions:
        for axis, values in AXES.items():
            for value in values:
                at = {**MIDDLE, axis: value}
                data = folder / str(at["words"])
                space = data / f"{at['width']}x{at['layers a side']}.yml"
                lines = space_lines(at["width"], at["layers a side"])
                space.write_text("\n".join([*lines, f"data: {data}", ""]), encoding="utf-8")
                words = [f"--configs={space}", f"--max-tokens={MAX_TOKENS}", "--no-save"]
                words += ["--bf16"] if precision == "bf16" else []
                settings = {
                    "threads": at["threads"],
                    "keeps_memory": True,
                    "largest": True,
                    "words": words,
                }
                yield Size(
                    axis,
                    value,
                    precision,
                    [
                        Contender(axis, precision, Path.cwd(), settings)
                        for _ in range(at["processes side by side"])
                    ],
                )


def turn(size: Size, updates: int) -> dict[str, float]:
    """Has all processes of a size make updates at once; milliseconds and operations of one."""
    with ThreadPoolExecutor(len(size.processes)) as pool:
        done = list(pool.map(lambda one: one.turn(updates), size.processes))
    return {
        "ms": 1e3 * max(each[size.clock] for each in done) / updates,
        "operations": statistics.mean(each["operations"] for each in done) / updates,
    }


def timed(size: Size, rounds: int, updates: int) -> dict[str, Any]:
    """A line of the result: medians and range over the rounds."""
    for one in size.processes:
        one.start()
    turn(size, updates)
    turns = [turn(size, updates) for _ in range(rounds)]
    for one in size.processes:
        one.process.stdin.close()
        one.process.wait()
    ms = [each["ms"] for each in turns]
    per_second = rates().gflops[size.precision] * 1e9
    floor = 1e3 * statistics.median(each["operations"] for each in turns) / per_second
    return {
        "axis": size.axis,
        "value": size.value,
        "precision": size.precision,
        "ms": round(statistics.median(ms), 1),
        "least": round(min(ms), 1),
        "most": round(max(ms), 1),
        "products_ms": round(floor / (size.value if size.axis == "threads" else 1), 1),
    }


def plot(found: Sequence[dict[str, Any]], path: Path) -> None:
    """A panel for each axis, milliseconds of an update."""
    with picture(path, ncols=len(AXES), figsize=(15, 3.6)) as (figure, panels):
        for axis, panel in zip(AXES, panels, strict=True):
            draw(panel, [one for one in found if one["axis"] == axis])
            panel.set_xlabel(axis)
        panels[0].set_ylabel("an update, ms")
        lines = panels[0].get_legend_handles_labels()
        figure.legend(*lines, loc="outside lower center", ncols=4)


def draw(panel: Any, found: Sequence[dict[str, Any]]) -> None:
    """What was found along one axis: a line with bars, and dotted its products, by precision."""
    for precision, colour in (("fp32", "C0"), ("bf16", "C1")):
        points = [one for one in found if one["precision"] == precision]
        if not points:
            continue
        values, ms = [p["value"] for p in points], [p["ms"] for p in points]
        bars = [[p["ms"] - p["least"] for p in points], [p["most"] - p["ms"] for p in points]]
        panel.errorbar(values, ms, bars, fmt="o-", color=colour, label=precision)
        products = [p["products_ms"] for p in points]
        panel.plot(values, products, ":", color=colour, label=f"{precision}, products")
        short = [f"{value / 1000:.0f}k" if value >= 1000 else str(value) for value in values]
        panel.set_xticks(values, short)
    panel.minorticks_off()
    panel.set_ylim(bottom=0)
    panel.grid(alpha=0.3)


def main() -> None:
    """Times all sizes, one after the other, and draws them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--updates", type=int, default=3, help="of a round")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{machine_name()}; {rates()}")
    precisions = ["fp32", "bf16"] if in_hardware("bf16") else ["fp32"]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes(Path(folder), precisions):
            found.append(timed(size, options.rounds, options.updates))
            print(json.dumps(found[-1]), flush=True)
    if options.out is not None:
        plot(found, options.out)


if __name__ == "__main__":
    main()
