"""Trains a SuperTransformer by each recipe and writes what given architectures inherit.

    python bench/supernet_recipes.py --configs SPACE.yml --archs TABLE.csv --out runs/recipes

``--archs`` is a CSV file with an architecture a line, its columns being HAT's YAML keys (others are
left alone). ``OUT/inherited.csv`` gets the same architectures and a column for each
SuperTransformer: ``RECIPE.BUDGET.seedN``, the label-smoothed validation loss in bits per token.
``RECIPE-average`` is that of the moving average of its weights. ``--variants`` adds what repairs
it, ``RECIPE-tuned`` and ``RECIPE-calibrated`` (``--scorer tuned-loss`` and ``calibrated-loss``).

Every recipe is trained with two budgets. ``updates`` is the number of updates of the file. ``time``
is as many updates as take the processor time of that many uniform ones: what an update costs is
measured first, interleaved, and kept (``OUT/costs.json``; see ``supernet_cost.py``). Warm-up and
schedule are scaled with the number of updates. What is done is not done again, and a training that
was stopped goes on.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from supernet_cost import ALPHA, DISTILLED, HALF_DISTILLED, SANDWICH, UNIFORM, measure

import hat
from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_to_mapping
from hat.cli.console import set_up_logging
from hat.cli.options import read_yaml
from hat.conditions import file_digest, mapping_digest, what_differs
from hat.errors import ConfigError
from hat.files import write_json, write_text
from hat.ground_truth import arch_table
from hat.nas.scorers import SCORERS

RECIPES: dict[str, tuple[str, ...]] = {
    "uniform": UNIFORM,
    "balanced": ("--sampling-strategy", "balanced"),
    "progressive": ("--sampling-strategy", "progressive"),
    "sandwich": SANDWICH,
    "uniform-half-kl": (*UNIFORM, *HALF_DISTILLED),
    "sandwich-kl": (*SANDWICH, *DISTILLED),
    "sandwich-alpha": (*SANDWICH, *ALPHA),
}
"""Each keeps a moving average beside its weights."""

VARIANTS = {
    "last": "inherited-loss",
    "average": "inherited-loss",
    "tuned": "tuned-loss",
    "calibrated": "calibrated-loss",
}
"""What is made of a SuperTransformer's weights, and the scorer that does."""

AVERAGE = ("--store-ema", "--ema-decay", "0.99")


def check_conditions(options: argparse.Namespace, archs: Sequence[SubTransformerConfig]) -> None:
    """Notes what the folder's losses are of, or refuses a folder with those of something else.

    The data and further options of a training are checked by ``hat train`` itself.

    Raises:
        ConfigError: naming what differs.
    """
    now = {
        "architectures": mapping_digest({str(i): arch_to_mapping(a) for i, a in enumerate(archs)}),
        "configs": file_digest(options.configs),
        "updates": options.updates,
        "warm-up": options.warm_up,
        "flags": " ".join(options.flags),
    }
    path = options.out / "conditions.json"
    if path.exists():
        changes = what_differs(json.loads(path.read_text(encoding="utf-8")), now)
        if changes:
            raise ConfigError(f"{options.out}: holds losses under other conditions: {changes}")
    write_json(path, now)


def costs(options: argparse.Namespace) -> dict[str, float]:
    """What an update of each recipe costs beside a uniform one; measured once."""
    path = options.out / "costs.json"
    if not path.exists():
        chosen = {name: RECIPES[name] for name in dict.fromkeys(["uniform", *options.recipes])}
        seconds = measure(options.configs, options.blocks, chosen)
        base = np.array(seconds["uniform"])
        found = {name: float(np.median(np.array(s) / base)) for name, s in seconds.items()}
        write_json(path, found)
    content: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    return content


def train(options: argparse.Namespace, recipe: str, updates: int, seed: int, folder: Path) -> Path:
    """Trains, or goes on training, and returns the last checkpoint."""
    warm_up = round(updates * options.warm_up)
    words = [sys.executable, "-m", "hat.cli", "train", f"--configs={options.configs}"]
    words += ["--save-dir", str(folder), "--seed", str(seed), *RECIPES[recipe], *AVERAGE]
    words += ["--max-update", str(updates), "--warmup-updates", str(warm_up), *options.flags]
    with open(folder.with_suffix(".log"), "wb") as log:
        subprocess.run(words, check=True, stdout=log, stderr=log)
    return folder / "checkpoint_last.pt"


def columns(
    options: argparse.Namespace, archs: Sequence[SubTransformerConfig]
) -> Iterator[tuple[str, list[float]]]:
    """Trains each SuperTransformer and scores all architectures with its weights.

    Losses that are there are not computed again, nor is a SuperTransformer needed for them.
    """
    ratio = costs(options) if "time" in options.budgets else {}
    full = int(read_yaml(options.configs)["max-update"].text())
    full = options.updates or full
    for seed in options.seeds:
        for budget in options.budgets:
            for recipe in options.recipes:
                updates = full if budget == "updates" else max(1, round(full / ratio[recipe]))
                name = f"{recipe}.{budget}.seed{seed}"
                kept = options.out / "losses" / f"{name}.json"
                found = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
                if missing := [which for which in options.variants if which not in found]:
                    folder = options.out / name
                    folder.parent.mkdir(parents=True, exist_ok=True)
                    print(f"{name}: {updates} updates", flush=True)
                    checkpoint = train(options, recipe, updates, seed, folder)
                    for which in missing:
                        found[which] = score(options.configs, checkpoint, archs, which)
                        write_json(kept, {**found, "updates": updates})
                for which in options.variants:
                    variant = recipe if which == "last" else f"{recipe}-{which}"
                    yield f"{variant}.{budget}.seed{seed}", found[which]


def score(
    configs: str, checkpoint: Path, archs: Sequence[SubTransformerConfig], which: str
) -> list[float]:
    """The loss of each architecture in bits per token, by a variant of its inherited weights."""
    supernet = hat.load_supernet(
        configs, restore_file=checkpoint, restore_ema=which == "average", cpu=True
    )
    scorer = SCORERS.load(VARIANTS[which])
    losses: list[float] = scorer.build(scorer.Settings(), supernet).score(archs).tolist()
    return losses


def main() -> None:
    """Trains all, and writes the table after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configs", required=True, help="a SuperTransformer's training")
    parser.add_argument("--archs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument(
        "--budgets", nargs="+", choices=("updates", "time"), default=["updates", "time"]
    )
    parser.add_argument(
        "--variants", nargs="+", choices=VARIANTS, default=["last", "average"], metavar="VARIANT"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--updates", type=int, help="of the first budget (default: the file's)")
    parser.add_argument("--warm-up", type=float, default=1 / 6, help="part of all updates")
    parser.add_argument("--blocks", type=int, default=4, help="of supernet_cost.py")
    parser.add_argument("flags", nargs="*", help="behind --: further flags for hat train")
    options = parser.parse_args()
    set_up_logging("WARNING")
    archs = [arch for _, arch, _ in arch_table.read(options.archs)]
    check_conditions(options, archs)
    found: dict[str, list[str]] = {}
    for name, losses in columns(options, archs):
        found[name] = [f"{loss:.6f}" for loss in losses]
        write_text(options.out / "inherited.csv", arch_table.text_of(archs, found))


if __name__ == "__main__":
    main()
