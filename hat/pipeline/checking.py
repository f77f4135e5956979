"""Checks every setting of every step before the first one runs: what is wrong is found at once."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from hat.arch.hat_yaml import write_arch
from hat.errors import ConfigError
from hat.pipeline import commands
from hat.pipeline.plan import Plan
from hat.pipeline.steps import Step

_CHECK = (sys.executable, "-m", "hat.cli.check")


def check_steps(plan: Plan, steps: Sequence[Step], *, whole: bool = True) -> None:
    """Lets each command of hat read its files and flags as it will, in one process, and stop.

    SubTransformers that will be found are taken for the largest one. Of steps that are not the
    whole pipeline others may still make what they read.

    Raises:
        ConfigError: naming the first step with something wrong, and how many more there are; or a
            file that no step makes and that is not there.
    """
    if whole:
        _check_inputs(plan, steps)
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for place, target in enumerate(plan.targets):
            stand_in = Path(folder) / f"arch{place}.yml"
            about = "Stands in for one that is not there yet."
            write_arch(stand_in, plan.space_of(target).largest(), about)
            found[target.largest.yml] = stand_in
            found |= {each.best.yml: stand_in for each in plan.found if each.target is target}
        asked = {
            step.name: [_replaced(word, found) for word in words]
            for step in steps
            if (words := commands.words_of(step.command)) is not None
        }
        wrong = wrong_commands(asked)
    if wrong:
        name = next(iter(wrong))
        alike = [other for other in wrong if wrong[other] == wrong[name]]
        others = [other for other in wrong if other not in alike]
        more = f" (wrong, too: {', '.join(others)})" if others else ""
        raise ConfigError(f"step {name}: {wrong[name]}{more}")


def wrong_commands(asked: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Asks a process of its own what is wrong with commands: see ``hat.cli.check``.

    Raises:
        ConfigError: if it ends otherwise than with an answer; what it said is shown.
    """
    done = subprocess.run(
        _CHECK,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    if done.returncode != 0:  # a bug: its traceback says which
        sys.stderr.write(done.stderr)
        raise ConfigError("the settings could not be checked; see above")
    answer: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _check_inputs(plan: Plan, steps: Sequence[Step]) -> None:
    made = {largest.yml for largest in plan.largest}
    for step in steps:
        for path in step.inputs:
            if path not in made and not path.exists() and not _is_log(plan, path):
                raise ConfigError(f"step {step.name} reads {path}, which is not there")
        made |= set(step.outputs)


def _is_log(plan: Plan, path: Path) -> bool:
    return path.parent == plan.run_dir / "logs"


def _replaced(word: str, found: Mapping[Path, Path]) -> str:
    for path, stand_in in found.items():
        if word == str(path) or word.endswith(f"={path}"):
            return word.removesuffix(str(path)) + str(stand_in)
    return word
