"""Searches for each engine under the same limit, and what each winner takes in every engine.

    OMP_NUM_THREADS=1 python bench/engine_searches.py ROWS.csv [--report FILE.md]

``ROWS.csv`` is what ``bench/engines.py measure`` wrote. A latency predictor is fitted to the rows
of each engine. Then HAT's evolutionary search looks for the best architecture under a limit, once
for each seed and for each engine that the limit binds: the smallest architecture keeps it, the
largest does not. There are limits in milliseconds, the same for all engines, and limits that are a
share of what the largest architecture takes in each engine: those of a user who knows one factor
between engines. The search goes by ``--scorer``, which needs no training; for Multi30k by inherited
loss if ``--restore-file`` names its SuperTransformer.

CTranslate2 needs decoders that attend to the last encoder layer only, so where it takes part the
other engines' searches are made in that part of the space, too. All winners are measured in all
engines in turn, as the rows were; ``engine_searches_report.py`` makes the tables.

Winners and measurements are kept in ``ROWS.csv.searches``. A run that is cut off goes on; one under
other conditions is refused.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import engines
import torch
from engine_searches_ground import Ground, spans, supernet_of
from engine_searches_report import SPANS_OF_ONE, Case, Found, Study

from hat.arch.hat_yaml import arch_to_mapping
from hat.conditions import file_digest, mapping_digest, what_differs
from hat.errors import HatError
from hat.files import append_text, repair_lines, write_json, write_text
from hat.json_reader import read_object, read_objects
from hat.nas.settings import FREE_SCORERS
from hat.search.operators import GeneOperators
from hat.version import __version__

OF_ROWS = ("seed", "count", "restricted", "rounds", "beam")
"""Conditions of the rows that are ours, too."""

OF_SEARCHES = ("search_rounds", "population", "confidence")


def cases(
    ends: Mapping[str, tuple[float, float]], budgets: int, shares: Sequence[float]
) -> dict[str, Case]:
    """Limits by name; those that bind fewer than two engines are left out.

    Args:
        ends: what the smallest and the largest architecture take, by engine.
        budgets: how many limits in milliseconds. They are evenly spaced by their ratio, from where
            a second engine begins to where the last but one ends.
        shares: of the largest architecture's latency.
    """
    low = sorted(least for least, _ in ends.values())[1]
    high = sorted(most for _, most in ends.values())[-2]
    wanted = {}
    for place in range(budgets):
        limit = float(f"{low * (high / low) ** ((place + 0.5) / budgets):.2g}")
        wanted[f"{limit:g} ms"] = dict.fromkeys(ends, limit)
    for share in shares:
        limits = {name: share * most for name, (_, most) in ends.items()}
        wanted[f"{100 * share:g}% of the largest"] = limits
    found = {}
    for case, limits in wanted.items():
        left_out = {}
        for name, (least, most) in ends.items():
            if limits[name] <= least:
                left_out[name] = "its smallest architecture misses it"
            elif limits[name] >= most:
                left_out[name] = "its largest architecture keeps it"
        bound = {name: limit for name, limit in limits.items() if name not in left_out}
        if len(bound) > 1:
            found[case] = Case(bound, left_out)
    return found


def studied(ground: Ground) -> Study:
    """Searches and measures what is not there yet."""
    options, narrow = ground.options, ground.restricted
    kept = ground.folder / "winners.jsonl"
    kept.touch()
    repair_lines(kept)
    known = {line["key"]: line for line in read_objects(kept, "a winner")}
    corners = [arch for space in ground.spaces for arch in (space.smallest(), space.largest())]
    of_rows = [ground.archs[int(row["row"])] for row in ground.rows]
    again = next((arch for arch in of_rows if spans(arch) == 1), of_rows[0])
    times = ground.measured([*corners, again])
    ends = {}
    for name in ground.engines:
        small, large = corners[2:] if name in narrow else corners[:2]
        ends[name] = (times[small][name], times[large][name])
    chosen = cases(ends, options.budgets, options.shares)
    found: dict[str, dict[str, list[Found]]] = {case: {} for case in chosen}
    for case, label, name in searches(chosen, narrow):
        for seed in range(1, options.seeds + 1):
            limit = chosen[case].limits[name]
            key = f"{ground.name}, {label}, {limit:.6g} ms, seed {seed}"
            if key not in known:
                started = time.perf_counter()
                one = ground.search(name, limit, seed, restricted=label != name or name in narrow)
                known[key] = {"key": key, **one.to_json()}
                append_text(kept, json.dumps(known[key]) + "\n")
                print(f"{key}: {time.perf_counter() - started:.1f} s", flush=True)
            found[case].setdefault(label, []).append(Found.of(known[key], key))
    winners = [one.arch for case in found.values() for own in case.values() for one in own]
    times |= ground.measured([arch for arch in winners if arch is not None])
    number = str(ground.archs.index(again))
    before = {row["contender"]: row["total_ms"] for row in ground.rows if row["row"] == number}
    return Study(
        name=ground.name,
        scorer=ground.scorer.name,
        higher_is_better=ground.scorer.higher_is_better,
        operators=GeneOperators(ground.spaces[0]),
        fits={
            name: (fit.predictor.kind, count, fit.cv_error_percent or 0.0)
            for name, (fit, count) in ground.fits.items()
        },
        ends=ends,
        drift={name: times[again][name] / float(ms) for name, ms in before.items()},
        cases=chosen,
        found=found,
        times=times,
        spread=ground.spread(),
    )


def searches(chosen: Mapping[str, Case], narrow: frozenset[str]) -> Iterator[tuple[str, str, str]]:
    """All of them: case, what is searched for, and engine; with those in spans of one."""
    for case, each in chosen.items():
        for name in each.limits:
            yield case, name, name
            if name not in narrow and narrow & each.limits.keys():
                yield case, name + SPANS_OF_ONE, name


def begun(options: argparse.Namespace) -> tuple[Path, dict[str, Any]]:
    """Opens the folder of winners and measurements; returns it with the note of the rows."""
    note = read_object(options.rows.with_name(f"{options.rows.name}.json"), "a note of rows")
    then = note["conditions"]
    now = engines.conditions_of(argparse.Namespace(**{name: then[name] for name in OF_ROWS}))
    if differ := what_differs(then, now):
        raise SystemExit(f"{options.rows}: {differ}")
    restored = options.restore_file
    conditions = {
        "rows": file_digest(options.rows),
        "hat": __version__,
        "scorer": options.scorer,
        "restore-file": None if restored is None else file_digest(restored),
        **{name: getattr(options, name) for name in OF_SEARCHES},
    }
    folder = options.folder or options.rows.with_name(f"{options.rows.name}.searches")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "conditions.json"
    if path.exists() and (differ := what_differs(read_object(path, "conditions"), conditions)):
        raise SystemExit(f"{folder}: holds other searches: {differ}; choose another --folder")
    write_json(path, conditions)
    return folder, note


def grounds(
    options: argparse.Namespace, folder: Path, conditions: Mapping[str, Any]
) -> Iterator[Ground]:
    """The spaces of the rows, one after the other."""
    rows = engines.read(options.rows)
    for name in dict.fromkeys(row["space"] for row in rows):
        supernet = supernet_of(name, options.restore_file if name == "multi30k" else None)
        counts = (conditions["count"], conditions["restricted"], conditions["seed"])
        archs = tuple(arch for _, arch in engines.drawn(supernet.space, *counts))
        fixed_ms = engines.reference_ms(rows, name)
        own = tuple(engines.at_one_speed(rows, name, fixed_ms))
        for row in own:
            if mapping_digest(arch_to_mapping(archs[int(row["row"])])) != row["arch"]:
                raise SystemExit(f"{options.rows}: row {row['row']} of {name} was drawn otherwise")
        more = {**vars(options), **{key: conditions[key] for key in OF_ROWS}}
        yield Ground(name, folder, argparse.Namespace(**more), own, fixed_ms, archs, supernet)


def main() -> None:
    """Searches, measures and reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path, help="what bench/engines.py measured")
    parser.add_argument("--report", type=Path, help="Markdown file to write")
    parser.add_argument("--scorer", default="params", choices=tuple(FREE_SCORERS))
    parser.add_argument("--restore-file", type=Path, help="Multi30k's SuperTransformer")
    parser.add_argument("--budgets", type=int, default=4, help="limits in milliseconds")
    parser.add_argument("--shares", type=float, nargs="*", default=[0.5], help="limits as shares")
    parser.add_argument("--seeds", type=int, default=3, help="searches of each engine and limit")
    parser.add_argument("--search-rounds", type=int, default=30, help="as many as HAT's")
    parser.add_argument("--population", type=int, default=125, help="of a search; HAT's is 125")
    parser.add_argument("--confidence", type=float, default=0.95, help="hat's --latency-confidence")
    parser.add_argument("--folder", type=Path, help="of winners (default: ROWS.csv.searches)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    try:
        folder, note = begun(options)
        lines = [
            "# Searches for each engine: all tables",
            "",
            "Written by `bench/engine_searches.py`, whose first lines say what is done; "
            "[engines](engines.md) says what it means.",
            "",
            f"Machine: {note['rates']}",
            "",
            f"Searches: {options.search_rounds} rounds of HAT's evolution, population "
            f"{options.population}, seeds 1 to {options.seeds}; a candidate fits if its latency "
            f"stays under the limit with {100 * options.confidence:g}% confidence.",
        ]
        for ground in grounds(options, folder, note["conditions"]):
            lines += ["", *studied(ground).lines()]
    except HatError as error:
        raise SystemExit(str(error)) from None
    text = "\n".join([*lines, ""])
    print(text, end="")
    if options.report is not None:
        write_text(options.report, text)


if __name__ == "__main__":
    main()
