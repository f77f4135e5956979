"""Is the search worth it? What it picks, beside what costs nothing, all trained from scratch.

    python bench/verdict.py choose conlang --predictor P.pt --supernets sandwich S1.pt S2.pt ...
    python bench/ground_truth.py conlang --among docs/results/data/verdict_conlang.csv \
        --table docs/results/data/verdict_conlang_trained.csv
    OMP_NUM_THREADS=1 python bench/verdict.py measure conlang
    python bench/verdict.py report conlang --page docs/results/ranking.md --picture FILE.png

``choose`` searches under each limit, a share of the largest architecture's predicted latency. By
inherited loss it searches once for each seed, with the SuperTransformer of that seed (if there are
fewer, they come round again), by HAT's evolution and by random search among as many candidates. By
the free counts it searches once: decoder depth, then parameters; parameters; FLOPs. Each is
``hat.search`` with its defaults, which are HAT's. ``ground_truth.py`` trains the choices with the
recipe of the ground truth; ``measure`` times them in turn, in rounds. ``report`` adds successive
halving among all that was chosen under a limit: each seed chooses by its validation losses, and
the other seeds judge. What two ways chose is trained once and counts for both.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from engines import network_of
from ranking import TABLES, replace_part
from truth_recipes import RECIPES
from truth_training import Recipe
from verdict_report import Choice, draw, judge

import hat
from hat.cli.console import one_sentence, set_up_logging
from hat.conditions import file_digest, what_differs
from hat.errors import ConfigError
from hat.files import write_json, write_text
from hat.ground_truth import arch_table
from hat.ground_truth.table import read_truth
from hat.json_reader import read_object
from hat.machine.rates import machine_name, rates
from hat.nas.settings import SearchSettings
from hat.numerals import real, whole

SHARES = (0.35, 0.5, 0.7)
COUNTS = ("decoder_depth_then_params", "params", "flops")
SEARCHES = ("evolution", "random")
COLUMNS = ("way", "limit_ms", "search_seed", "predicted_ms", "score")
ROUNDS = 7
"""In which every architecture is timed once."""


def read_choices(path: Path) -> list[Choice]:
    """Reads what ``choose`` wrote."""
    return [
        Choice(
            arch=arch,
            way=row["way"],
            limit_ms=real(row["limit_ms"]),
            search_seed=whole(row["search_seed"]),
            predicted_ms=real(row["predicted_ms"]),
            score=real(row["score"]),
        )
        for _, arch, row in arch_table.read(path, COLUMNS)
    ]


def write_choices(path: Path, choices: Sequence[Choice]) -> None:
    """Writes a line for each."""
    columns = {
        "way": [each.way for each in choices],
        "limit_ms": [f"{each.limit_ms:.4f}" for each in choices],
        "search_seed": [str(each.search_seed) for each in choices],
        "predicted_ms": [f"{each.predicted_ms:.4f}" for each in choices],
        "score": [f"{each.score:.6f}" for each in choices],
    }
    write_text(path, arch_table.text_of([each.arch for each in choices], columns))


def wanted(options: argparse.Namespace) -> Iterator[tuple[str, float, int, str, str, Path]]:
    """Way, share, seed, algorithm, scorer and checkpoint of each search; what is free comes first.

    Then come the seeds, so that what is there after a while compares all ways.
    """
    for share in SHARES:
        for count in COUNTS:
            yield count, share, 1, "evolution", count, Path(options.supernets[0][1])
    for seed in range(1, options.seeds + 1):
        for share in SHARES:
            for name, *files in options.supernets:
                for algorithm in options.algorithms:
                    file = Path(files[(seed - 1) % len(files)])
                    yield f"{algorithm}, {name}", share, seed, algorithm, "inherited-loss", file


def choose(options: argparse.Namespace, recipe: Recipe, path: Path) -> None:
    """Makes the searches that are missing."""
    conditions: dict[str, Any] = {
        "hat": hat.__version__,
        "predictor": file_digest(options.predictor),
        "supernets": {
            name: [file_digest(Path(file)) for file in files] for name, *files in options.supernets
        },
    }
    if options.rounds != SearchSettings.evo_iter:
        conditions["rounds"] = options.rounds
    note = path.with_suffix(".json")
    if note.exists() and (differ := what_differs(read_object(note, "conditions"), conditions)):
        raise ConfigError(f"{path}: its searches were made under other conditions: {differ}")
    write_json(note, conditions)
    found = read_choices(path) if path.exists() else []
    predictor = hat.load_predictor(options.predictor)
    largest_ms = float(predictor.predict_ms([recipe.read_space().largest()])[0])
    done = {(each.way, each.limit_ms, each.search_seed) for each in found}
    options.scratch.mkdir(parents=True, exist_ok=True)
    for way, share, seed, algorithm, scorer, file in wanted(options):
        limit = round(share * largest_ms, 4)
        if (way, limit, seed) in done:
            continue
        outcome = hat.search(
            hat.load_supernet(recipe.space, restore_file=file, seed=seed, cpu=True),
            hat.LatencySettings(
                ckpt_path=(options.predictor,), latency_constraint=(f"{limit:.4f}",)
            ),
            SearchSettings(search_algorithm=algorithm, scorer=scorer, evo_iter=options.rounds),
            hat.FinishSettings(measure_finalists=0, contest_seeds=(), rank_sample=0),
            write_config_path=options.scratch / f"{way.replace(', ', '_')}_{share}_{seed}.yml",
            set_aside=True,
            say=lambda line: None,
        )
        assert outcome is not None
        (predicted,) = predictor.predict_ms([outcome.arch])
        choice = Choice(outcome.arch, way, limit, seed, float(predicted), outcome.score)
        found.append(choice)
        write_choices(path, found)
        print(f"{way}, {limit:.2f} ms, seed {seed}: {outcome.score:.4f}", flush=True)


def measure(options: argparse.Namespace, recipe: Recipe, path: Path) -> None:
    """Times all choices on this machine, in rounds that take each once."""
    archs = list(dict.fromkeys(each.arch for each in read_choices(path)))
    config, _ = network_of(recipe.space, recipe.num_words)
    workload = hat.Workload(
        src_len=recipe.src_len,
        decode_steps=recipe.decode_steps,
        num_threads=1,
        runs=20,
    )
    times: list[list[str]] = []
    for turn in range(1, ROUNDS + 1):
        samples = [
            hat.measure_subtransformer(config, arch, workload, say=lambda line: None).sample
            for arch in archs
        ]
        times.append([f"{sample.total_ms:.4f}" for sample in samples])
        print(f"round {turn} of {ROUNDS}", flush=True)
    columns = {f"ms_{turn}": row for turn, row in enumerate(times, start=1)}
    write_text(latency_file(path), arch_table.text_of(archs, columns))
    note = {"machine": machine_name(), "rates": str(rates()), "workload": workload.tag()}
    write_json(latency_file(path).with_suffix(".json"), note)


def latency_file(path: Path) -> Path:
    """Where the measurements of the choices in ``path`` lie."""
    return path.with_name(f"{path.stem}_latency.csv")


def report(options: argparse.Namespace, path: Path) -> None:
    """Prints the tables, or puts them into a page, and draws the picture."""
    choices = read_choices(path)
    table = read_truth(path.with_name(f"{path.stem}_trained.csv"))
    latency = {
        arch: [real(text) for text in row.values()]
        for _, arch, row in arch_table.read(latency_file(path))
    }
    verdict = judge(choices, table, latency)
    text = "\n".join(verdict.lines())
    if options.page is None:
        print(text)
    else:
        replace_part(options.page, f"verdict.py {options.task}", text)
    if options.picture is not None:
        draw(options.picture, verdict)


def main() -> None:
    """Does one of the three."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("choose", "measure", "report"))
    parser.add_argument("task", choices=RECIPES)
    parser.add_argument("--predictor", type=Path, help="of latency on this machine")
    parser.add_argument(
        "--supernets", nargs="+", action="append", metavar=("NAME", "FILE"), default=[]
    )
    parser.add_argument("--seeds", type=int, default=5, help="searches of each way")
    parser.add_argument(
        "--algorithms", nargs="+", choices=SEARCHES, default=list(SEARCHES), help="that go by it"
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=SearchSettings.evo_iter,
        help="of a search, each of a hundred new candidates (default: HAT's)",
    )
    parser.add_argument("--choices", type=Path, help="CSV file; default: in docs/results/data")
    parser.add_argument("--scratch", type=Path, default=Path("runs/verdict"))
    parser.add_argument("--page", type=Path, help="put the tables there instead of printing them")
    parser.add_argument("--picture", type=Path, help="PNG file: latency against BLEU")
    options = parser.parse_args()
    set_up_logging("WARNING")
    recipe = RECIPES[options.task]
    path = options.choices or TABLES / f"verdict_{options.task}.csv"
    if options.what == "choose":
        if options.predictor is None or not options.supernets:
            raise ConfigError("choose needs --predictor and --supernets")
        choose(options, recipe, path)
    elif options.what == "measure":
        measure(options, recipe, path)
    else:
        report(options, path)


if __name__ == "__main__":
    with one_sentence(sys.argv):
        main()
