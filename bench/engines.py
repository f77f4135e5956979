"""Does one engine's latency tell another's? Random architectures, timed in every engine in turn.

    OMP_NUM_THREADS=1 python bench/engines.py measure ROWS.csv [--count 40] [--restricted 20]
    python bench/engines.py report ROWS.csv [--report FILE.md]

Of each search space ``--count`` architectures are drawn, and ``--restricted`` more of those that
CTranslate2 can represent (decoder-arbitrary-ende-attn-choice: [-1]). Weights are random, as
latency does not depend on them. An architecture is loaded into all engines, and they take turns:
a round is one encoding and one decoding in each, beam 5, one sentence, one thread. The first round
warms up; of the others the median counts, so that what disturbs the machine disturbs all alike.
Machines change their speed between architectures, too. So each round times the space's largest
architecture in the torch engine as well, and all times are told at the speed at which that one
takes its median over all architectures.

Rows are written after each architecture; a run that is cut off goes on. ``ROWS.csv.json`` holds
what they depend on: a run under other conditions is refused.
"""

import argparse
import csv
import json
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_to_mapping, load_space
from hat.arch.space import SearchSpace
from hat.conditions import mapping_digest, what_differs
from hat.engines import ENGINES
from hat.engines.base import DUMMY_WORD, Passes
from hat.errors import ConfigError
from hat.files import write_json
from hat.latency.metrics import kendall_tau
from hat.machine.rates import machine_name, rates
from hat.models.config import SuperTransformerConfig
from hat.models.network import NetworkSettings, network_config
from hat.models.super_transformer import SuperTransformer
from hat.yaml_reader import read_mapping

ROOT = Path(__file__).resolve().parents[1]

SPACES = {
    "wmt14": (ROOT / "configs/wmt14.en-de/supertransformer/space0.yml", 32768, 30),
    "multi30k": (ROOT / "configs/multi30k.en-de/supertransformer/space_cpu.yml", 7872, 15),
}
"""Search space, words of each dictionary, tokens of source and target."""

CONTENDERS = (
    ("eager", "fp32"),
    ("torch", "fp32"),
    ("torch", "bf16"),
    ("torch", "int8"),
    ("onnxruntime", "fp32"),
    ("onnxruntime", "int8"),
    ("ctranslate2", "fp32"),
    ("ctranslate2", "int8"),
)

REFERENCE = "reference"
"""What every round times, too: the largest architecture in ``CONTENDERS[1]``."""

COLUMNS = ("space", "row", "arch", "contender", "encoder_ms", "decoder_ms", "total_ms", "spread")


def network_of(path: Path, words: int) -> tuple[SuperTransformerConfig, SearchSpace]:
    """The SuperTransformer and the search space of a YAML file."""
    options = {key.replace("-", "_"): entry.value for key, entry in read_mapping(path).items()}
    settings = NetworkSettings(arch=options["arch"], vocab_size=(words,))
    return network_config(settings, options, say=lambda line: None), load_space(path)


def drawn(
    space: SearchSpace, count: int, restricted: int, seed: int
) -> Iterator[tuple[int, SubTransformerConfig]]:
    """Architectures with their numbers: of the whole space, then with spans of one."""
    rng = np.random.default_rng(seed)
    for row in range(count + restricted):
        arch = space.sample(rng)
        if row >= count:
            spans = (1,) * arch.decoder.num_layers
            arch = replace(arch, decoder=replace(arch.decoder, ende_spans=spans))
        yield row, arch


def loaded(
    small: SuperTransformer,
    length: int,
    beam: int,
    contenders: Sequence[tuple[str, str]] = CONTENDERS,
) -> dict[str, Passes]:
    """What to time, by contender; without engines that cannot represent the network."""
    found = {}
    for name, precision in contenders:
        part: Any = ENGINES.load(name)
        engine = part.build(part.Settings(precision=precision, threads=1))
        try:
            engine.check(small.config, small.arch)
        except ConfigError:
            continue
        source = torch.full((1, length), DUMMY_WORD)
        runnable = engine.load(small)
        found[f"{name} {precision}"] = runnable.passes(source, beam=beam, steps=length)
    return found


def reference(config: SuperTransformerConfig, space: SearchSpace, length: int, beam: int) -> Passes:
    """The passes that tell how fast the machine is."""
    torch.manual_seed(0)
    largest = SuperTransformer(config, size=space.largest()).eval()
    return loaded(largest, length, beam, CONTENDERS[1:2])[" ".join(CONTENDERS[1])]


def timed(
    passes: dict[str, Passes], fixed: Passes, rounds: int
) -> dict[str, tuple[list[float], list[float]]]:
    """Milliseconds of encoder and decoder in each round but the first, by contender.

    All are told at the speed at which ``fixed``, the reference, takes its median of these rounds.
    """
    every = {**passes, REFERENCE: fixed}
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in every}
    for round_ in range(rounds + 1):
        for name, each in every.items():
            started = time.perf_counter()
            each.encode()
            between = time.perf_counter()
            each.decode()
            ended = time.perf_counter()
            encoder, decoder = 1e3 * (between - started), 1e3 * (ended - between)
            if round_:
                times[name][0].append(encoder)
                times[name][1].append(decoder - encoder if each.is_whole else decoder)
    took = np.sum(times[REFERENCE], axis=0)
    speed = np.median(took) / took
    return {
        name: (list(speed * encoder), list(speed * decoder))
        if name != REFERENCE
        else times[REFERENCE]
        for name, (encoder, decoder) in times.items()
    }


def measure(options: argparse.Namespace) -> None:
    """Measures what is not there yet."""
    torch.set_num_threads(1)
    conditions = conditions_of(options)
    note = options.rows.with_name(f"{options.rows.name}.json")
    if options.rows.exists():
        before = json.loads(note.read_text(encoding="utf-8"))["conditions"]
        if before != conditions:
            raise SystemExit(f"{options.rows}: {what_differs(before, conditions)}")
    else:
        options.rows.parent.mkdir(parents=True, exist_ok=True)
        found = {"conditions": conditions, "rates": str(rates()), "machine": machine_name()}
        write_json(note, found)
        options.rows.write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
    done = {(row["space"], int(row["row"])) for row in read(options.rows)}
    for name in options.spaces:
        path, words, length = SPACES[name]
        config, space = network_of(path, words)
        fixed = reference(config, space, length, options.beam)
        for row, arch in drawn(space, options.count, options.restricted, options.seed):
            if (name, row) in done:
                continue
            started = time.perf_counter()
            torch.manual_seed(row)
            passes = loaded(SuperTransformer(config, size=arch).eval(), length, options.beam)
            times = timed(passes, fixed, options.rounds)
            append(options.rows, list(rows_of(name, row, arch, times)))
            print(f"{name} {row}: {time.perf_counter() - started:.1f} s", flush=True)


def conditions_of(options: argparse.Namespace) -> dict[str, Any]:
    """What the rows depend on."""
    engines = {}
    for name, precision in CONTENDERS:
        part: Any = ENGINES.load(name)
        engine = part.build(part.Settings(precision=precision, threads=1))
        engines[f"{name} {precision}"] = mapping_digest(engine.signature())
    return {
        "seed": options.seed,
        "count": options.count,
        "restricted": options.restricted,
        "rounds": options.rounds,
        "beam": options.beam,
        "machine": machine_name(),
        "reference": " ".join(CONTENDERS[1]),
        **engines,
    }


def rows_of(
    space: str,
    row: int,
    arch: SubTransformerConfig,
    times: dict[str, tuple[list[float], list[float]]],
) -> Iterator[dict[str, Any]]:
    """The lines of one architecture."""
    digest = mapping_digest(arch_to_mapping(arch))
    for contender, (encoder, decoder) in times.items():
        totals = [a + b for a, b in zip(encoder, decoder, strict=True)]
        low, middle, high = np.percentile(totals, [25, 50, 75])
        yield {
            "space": space,
            "row": row,
            "arch": digest,
            "contender": contender,
            "encoder_ms": f"{statistics.median(encoder):.4f}",
            "decoder_ms": f"{statistics.median(decoder):.4f}",
            "total_ms": f"{middle:.4f}",
            "spread": f"{(high - low) / middle:.4f}",
        }


def append(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Adds the lines of an architecture, all at once."""
    text = "".join(",".join(str(row[name]) for name in COLUMNS) + "\n" for row in rows)
    with open(path, "a", encoding="utf-8") as stream:
        stream.write(text)


def read(path: Path) -> list[dict[str, str]]:
    """The lines that are there. An architecture whose lines are cut off is measured again."""
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    return list(csv.DictReader(whole.splitlines()))


def reference_ms(rows: Sequence[Mapping[str, str]], space: str) -> float:
    """What the reference of a space takes: its median over the architectures of ``rows``."""
    return statistics.median(
        float(row["total_ms"])
        for row in rows
        if row["space"] == space and row["contender"] == REFERENCE
    )


def at_one_speed(
    rows: Sequence[Mapping[str, str]], space: str, fixed_ms: float
) -> list[dict[str, str]]:
    """The rows of a space, totals at the speed at which the reference takes ``fixed_ms``."""
    own = [row for row in rows if row["space"] == space]
    took = {row["arch"]: float(row["total_ms"]) for row in own if row["contender"] == REFERENCE}
    return [
        {**row, "total_ms": f"{float(row['total_ms']) * fixed_ms / took[row['arch']]:.4f}"}
        for row in own
        if row["contender"] != REFERENCE
    ]


def report(options: argparse.Namespace) -> None:
    """Prints Markdown: medians, ratios to torch fp32 and their spread, Kendall's tau."""
    rows = read(options.rows)
    note = json.loads(options.rows.with_name(f"{options.rows.name}.json").read_text())
    lines = [f"Machine: {note['machine']}. {note['rates']}", ""]
    for space in dict.fromkeys(row["space"] for row in rows):
        table: dict[str, dict[int, float]] = {}
        fixed_ms = reference_ms(rows, space)
        for row in at_one_speed(rows, space, fixed_ms):
            table.setdefault(row["contender"], {})[int(row["row"])] = float(row["total_ms"])
        lines += [f"## {space}", "", *ratios(table), "", *taus(table), ""]
    text = "\n".join(lines)
    print(text)
    if options.report is not None:
        options.report.write_text(text, encoding="utf-8")


def ratios(table: dict[str, dict[int, float]]) -> list[str]:
    """Latencies, and how many times as fast as torch fp32 each is: median, least and most."""
    lines = [
        "| engine | architectures | ms, median | times as fast as torch fp32: median "
        "| least | most | most / least |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, of_rows in table.items():
        speed = [table["torch fp32"][row] / ms for row, ms in of_rows.items()]
        low, high = min(speed), max(speed)
        lines.append(
            f"| {name} | {len(of_rows)} | {statistics.median(of_rows.values()):.1f} "
            f"| {statistics.median(speed):.2f} | {low:.2f} | {high:.2f} | {high / low:.2f} |"
        )
    return lines


def taus(table: dict[str, dict[int, float]]) -> list[str]:
    """Kendall's tau between each two engines, over the architectures that both have."""
    names = list(table)
    cells = {}
    for left, right in combinations(names, 2):
        common = sorted(table[left].keys() & table[right].keys())
        values = [np.array([table[name][row] for row in common]) for name in (left, right)]
        cells[left, right] = cells[right, left] = f"{kendall_tau(*values):.2f}"
    lines = [f"| Kendall's tau | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for left in names:
        row = [cells.get((left, right), "") for right in names]
        lines.append(f"| {left} | {' | '.join(row)} |")
    return lines


def main() -> None:
    """Measures or reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("measure", "report"))
    parser.add_argument("rows", type=Path, help="CSV file of the rows")
    parser.add_argument("--spaces", nargs="+", choices=tuple(SPACES), default=list(SPACES))
    parser.add_argument("--count", type=int, default=40, help="architectures of each space")
    parser.add_argument("--restricted", type=int, default=20, help="more with spans of one")
    parser.add_argument("--rounds", type=int, default=9, help="timed rounds")
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, help="Markdown file to write")
    options = parser.parse_args()
    {"measure": measure, "report": report}[options.what](options)


if __name__ == "__main__":
    main()
