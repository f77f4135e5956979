"""What a pipeline leaves in its folder, and what is what there: ``run.json``, for who reads it.

Paths in it hold from the folder, so that it may be moved. What belongs to other hardware stays when
one kind's turn comes; what the file of the pipeline no longer names goes.
"""

from pathlib import Path
from typing import Any

from hat.errors import DataError
from hat.files import write_json
from hat.json_reader import read_object
from hat.pipeline.building import Builder
from hat.pipeline.candidate import Candidate, Found, Training
from hat.pipeline.evaluation import translations
from hat.pipeline.layout import Layout
from hat.pipeline.plan import Plan
from hat.pipeline.stages import LATENCIES, SPACE, TRAINING, WINNER
from hat.versioned import check_not_newer

INDEX = "run.json"
FORMAT = "hat-run-1"

_LISTS = ("datasets", "searches", "trainings")


def write_index(plan: Plan) -> None:
    """Writes the index of a plan's run beside what an earlier one says of other hardware."""
    hardware = plan.file.variant(*WINNER)
    path = plan.run_dir / INDEX
    known = _known(path)
    own = _index(plan)
    lists = {
        name: [
            *(each for each in known.get(name, []) if each.get("hardware") != hardware),
            *({"hardware": hardware, **each} for each in own[name]),
        ]
        for name in _LISTS
    }
    write_json(path, {"format": FORMAT, "task": plan.settings.task, **lists})


def _known(path: Path) -> dict[str, Any]:
    try:
        found = read_object(path, "the index of a run")
    except DataError:
        return {}
    check_not_newer(found.get("format"), FORMAT, path)
    lists = [found.get(name) for name in _LISTS] if found.get("format") == FORMAT else [None]
    right = all(isinstance(e, list) and all(isinstance(x, dict) for x in e) for e in lists)
    return found if right else {}


def _index(plan: Plan) -> dict[str, list[dict[str, Any]]]:
    build = Builder(plan)
    super_step = build.label("train-supertransformer", "", SPACE)
    trainings = [{"step": super_step, "title": "SuperTransformer"}]
    for which in (*(found.best for found in plan.found), *plan.largest):
        trainings += [_training(build, which, one) for one in which.trainings]
    return {
        "datasets": [
            {
                "dataset": _inside(plan, target.latencies),
                "predictor": _inside(plan, target.predictor),
                "step": build.label("latency-dataset", target.suffix, LATENCIES),
            }
            for target in plan.targets
        ],
        "searches": [_search(build, found) for found in plan.found],
        "trainings": trainings,
    }


def _search(build: Builder, found: Found) -> dict[str, Any]:
    plan, target = build.plan, found.target
    variant = plan.file.variant(*WINNER)
    name = ", ".join(found.names) + (f" ({variant[1:]})" if variant else "")
    return {
        "name": name if found.names else found.best.yml.stem,
        "folder": _inside(plan, found.best.yml.with_suffix(".search")),
        "dataset": _inside(plan, target.latencies),
        "compared": build.label("compare-latencies", target.suffix, WINNER),
        "best": _candidate(build, found.best),
        "largest": _candidate(build, target.largest),
    }


def _candidate(build: Builder, which: Candidate) -> dict[str, Any]:
    """Its file, and the steps that scored it with the translations that they read."""
    subset = build.plan.settings.subset

    def scored(weights: str, suffix: str, checkpoint: Path) -> dict[str, str]:
        stage = f"evaluate-{which.name}-{weights}"
        log = translations(checkpoint, which.yml, subset)
        return {
            "step": build.label(stage, suffix, build.scored_from(which, weights)),
            "translations": _inside(build.plan, log),
        }

    return {
        "yml": _inside(build.plan, which.yml),
        "inherited": [scored("inherited", which.suffix, build.plan.supernet)],
        "retrained": [scored("retrained", t.suffix, t.checkpoint) for t in which.trainings],
    }


def _training(build: Builder, which: Candidate, one: Training) -> dict[str, str]:
    made_from = (*which.made_from, *TRAINING)
    variant = build.plan.file.variant(*made_from)[1:]
    words = [*which.suffix.split(".")[1:], one.told.removeprefix(", "), variant]
    told = ", ".join(word.replace("_", " ") for word in words if word)
    title = "the winner" if which.name == "best" else "the largest"
    return {
        "step": build.label(f"train-{which.noun}", one.suffix, made_from),
        "title": f"{title} ({told})" if told else title,
    }


def _inside(plan: Layout, path: Path) -> str:
    return path.relative_to(plan.run_dir).as_posix()
