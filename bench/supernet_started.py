r"""Whether a short training from inherited slices ranks better than the slices alone.

    python bench/supernet_started.py conlang --column sandwich-started.time.seed1 \
        --supernet runs/recipes/sandwich.time.seed1/checkpoint_last.pt --out runs/started

Every architecture of ``--inherited`` (``supernet_recipes.py`` writes it) begins with the weights
that it inherits and is trained alone for ``--share`` of the ground truth's updates, with a whole
schedule: a tenth of it warms up, and the rate falls to nothing. Its score is the cross-entropy of
the validation set afterwards, in bits per token. When all are done, they become a column of that
file, which ``ranking.py`` compares with all others. What is done is kept in ``OUT`` and not done
again.
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from truth_recipes import RECIPES
from truth_training import Recipe, subset_losses

import hat
from hat.arch.config import SubTransformerConfig
from hat.arch.hat_yaml import arch_to_mapping, write_arch
from hat.cli.console import set_up_logging
from hat.conditions import file_digest, mapping_digest, what_differs
from hat.errors import ConfigError
from hat.fairseq_plugin.arguments import parse_call
from hat.fairseq_plugin.loading import build_task
from hat.files import write_json, write_text
from hat.ground_truth import arch_table


def started_loss(
    recipe: Recipe, arch: SubTransformerConfig, supernet: Path, updates: int, folder: Path
) -> float:
    """Trains an architecture from the slices of a SuperTransformer and returns its loss."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yml = folder / "arch.yml"
    write_arch(yml, arch)
    options = {
        **recipe.options(folder, seed=1),
        "max_update": updates,
        "warmup_updates": updates // 10,
        "save_interval_updates": 0,
    }
    hat.train(yml, sub_configs=recipe.training, init_from_supernet=str(supernet), **options)
    args = parse_call("started", options, configs=yml, sub_configs=recipe.training)
    last = folder / "checkpoint_last.pt"
    (loss,) = subset_losses(build_task(args), [last], arch, "valid", recipe.device)
    shutil.rmtree(folder)
    return loss


def main() -> None:
    """Trains all, keeps each, and adds the column."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=RECIPES)
    parser.add_argument("--supernet", type=Path, required=True)
    parser.add_argument("--column", required=True, help="NAME.BUDGET.seedN")
    parser.add_argument("--share", type=float, default=0.1, help="of the ground truth's updates")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--inherited", type=Path, help="the table of this task by default")
    options = parser.parse_args()
    set_up_logging("WARNING")
    torch.set_num_threads(1)
    recipe = RECIPES[options.task]
    table = options.inherited or Path(f"docs/results/data/inherited_{options.task}.csv")
    archs = [arch for _, arch, _ in arch_table.read(table)]
    updates = round(recipe.updates * options.share)
    conditions = {
        **recipe.conditions(),
        "max-update": updates,
        "supernet": file_digest(options.supernet),
        "architectures": mapping_digest({str(i): arch_to_mapping(a) for i, a in enumerate(archs)}),
    }
    kept = options.out / f"{options.column}.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    found = {"conditions": conditions, "losses": {}}
    if kept.exists():
        found = json.loads(kept.read_text(encoding="utf-8"))
        if changes := what_differs(found["conditions"], conditions):
            raise ConfigError(f"{kept}: holds losses under other conditions: {changes}")
    losses: dict[str, float] = found["losses"]
    for index, arch in enumerate(archs):
        if str(index) not in losses:
            folder = options.out / options.column
            losses[str(index)] = started_loss(recipe, arch, options.supernet, updates, folder)
            write_json(kept, found)
            print(f"{len(losses)} of {len(archs)}: {losses[str(index)]:.4f}", flush=True)
    columns: dict[str, list[str]] = {}
    for _, _, row in arch_table.read(table):  # as it is by now: another column may be new
        for name, text in row.items():
            columns.setdefault(name, []).append(text)
    columns[options.column] = [f"{losses[str(index)]:.6f}" for index in range(len(archs))]
    write_text(table, arch_table.text_of(archs, columns))


if __name__ == "__main__":
    main()
