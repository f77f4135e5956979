"""Whether a start from inherited slices saves training: BLEU and loss after so many updates.

    hat train --configs=configs/numbers.en-fr/supertransformer/space0.yml --save-dir runs/super
    python bench/supernet_start.py --supernet runs/super/checkpoint_best.pt --out runs/start

Each architecture is trained from scratch and from the SuperTransformer's slices, with every number
of updates of ``--updates``, each with its whole schedule (a fifth of it warms up, the rate falls to
nothing at the end), and every seed. ``results.csv`` in the folder has a line per training: updates,
CPU seconds of the training, validation loss in bits per token, BLEU of the test set. What is done
is not done again.
"""

import argparse
import csv
import io
import json
import resource
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hat.arch.hat_yaml import load_space, write_arch
from hat.files import write_text
from hat.pipeline.steps import Outcome, Runner, Step, this_machine
from hat.retraining.finalists import Training, train_and_score

CONFIGS = "configs/numbers.en-fr"


class TimedRunner(Runner):
    """Notes how much processor time each step took, and what it printed last."""

    def __init__(self, folder: Path, machine: str) -> None:
        super().__init__(folder, machine)
        self.cpu: dict[str, float] = {}
        self.results: dict[str, Any] = {}

    def run(self, step: Step, *, again: bool = False) -> Outcome:
        """Runs the step, if it is not up to date."""
        before = _cpu_seconds()
        outcome = super().run(step, again=again)
        kind = step.name.partition(".")[0]
        self.cpu[kind] = _cpu_seconds() - before
        self.results[kind] = outcome.result
        return outcome


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def architectures(space_yml: Path, out: Path, names: Sequence[str]) -> dict[str, Path]:
    """Draws an architecture with the deepest decoder, one with the shallowest, or both."""
    space = load_space(space_yml)
    found = {}
    depths = {"deep": space.decoder_layer_nums[0], "shallow": space.decoder_layer_nums[-1]}
    for name in names:
        depth = depths[name]
        rng = np.random.default_rng(5)
        smaller = replace(space, decoder_layer_nums=(depth,))
        path = out / name / "arch.yml"
        write_arch(path, smaller.sample(rng), f"{name}, drawn with seed 5")
        found[name] = path
    return found


def trainings(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Trains, translates and scores one after the other."""
    data = Path("data/binary/numbers_en_fr")
    training = Training(
        configs=(Path(options.sub_configs),),
        data=(data,),
        seeds=options.seeds,
        subset="test",
        metric="normal",
        target_lang="fr",
        beam=5,
        lenpen=1.0,
        on_cpu=True,
    )
    names = architectures(Path(options.space), options.out, options.architectures)
    for updates in options.updates:
        for name, yml in names.items():
            for start in ("scratch", "supernet"):
                for seed in options.seeds:
                    key = f"{name}.{start}.{updates}.seed{seed}"
                    done = options.out / "done" / f"{key}.json"
                    if done.exists():
                        yield json.loads(done.read_text())
                        continue
                    flags = ["--max-update", str(updates), "--warmup-updates", str(updates // 5)]
                    flags += ["--validate-interval", "1", "--num-workers", "0"]
                    if start == "supernet":
                        flags += ["--init-from-supernet", str(options.supernet)]
                    home = options.out / f"{name}.{start}.{updates}"
                    runner = TimedRunner(options.out, this_machine())
                    scored = train_and_score(
                        runner, home, yml, seed, replace(training, train_flags=tuple(flags))
                    )
                    row = {
                        "architecture": name,
                        "start": start,
                        "updates": updates,
                        "seed": seed,
                        "cpu_seconds": round(runner.cpu["train"], 1),
                        "valid_loss": runner.results["train"]["best_loss"],
                        "bleu": scored["bleu"],
                    }
                    write_text(done, json.dumps(row))
                    yield row


def main() -> None:
    """Trains all, and writes the table after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--supernet", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--space", default=f"{CONFIGS}/supertransformer/space0.yml")
    parser.add_argument("--sub-configs", default=f"{CONFIGS}/subtransformer/common.yml")
    parser.add_argument(
        "--architectures", nargs="+", choices=("deep", "shallow"), default=["deep", "shallow"]
    )
    parser.add_argument("--updates", type=int, nargs="+", default=[50, 100, 200, 400])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    rows = []
    for row in trainings(options):
        rows.append(row)
        text = io.StringIO()
        writer = csv.DictWriter(text, list(row), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(options.out / "results.csv", text.getvalue())
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
