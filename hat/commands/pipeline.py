"""``hat pipeline TASK.yml``: the five stages and the scoring of one task from one YAML file.

A step runs when its command or the content of a file it reads has changed since it last ran
here, or when what it wrote is gone; otherwise it is skipped.
"""

import argparse
import platform
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hat.arch.hat_yaml import load_space, write_arch
from hat.cli.console import command, print_result
from hat.cli.options import check_keys, read_config_files, read_yaml
from hat.conditions import file_digest
from hat.errors import ConfigError
from hat.files import write_json, write_text
from hat.pipeline.steps import Runner, Step
from hat.report.tables import Column, markdown_table, text_table
from hat.signature import signature
from hat.yaml_reader import Entry

_FILES = (
    "preprocess",
    "supertransformer",
    "latency-dataset",
    "latency-predictor",
    "evo-search",
    "subtransformer",
)
_FILE_KEYS = ("scorer-table", "retrain-configs", "retrain-ref")
"""Keys of a search's YAML file that name files."""

_REQUIRED = ("task", "run-dir", "data", *_FILES)
_CHOICES = {"device": ("cpu", "gpu"), "metric": ("normal", "sacre")}
"""What there is to choose from; the first is the default."""

_KEYS = (*_REQUIRED, *_CHOICES, "preprocess-arguments", "retrain-largest", "minutes")


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``hat pipeline``."""
    parser = argparse.ArgumentParser(prog="hat pipeline", description=__doc__)
    parser.add_argument("yml", help="pipeline file, such as configs/numbers.en-fr/pipeline.yml")
    parser.add_argument("--dry-run", action="store_true", help="say what would run, run nothing")
    options = parser.parse_args(argv)
    plan = Plan(read_yaml(options.yml), options.yml)
    runner = Runner(plan.run_dir, f"{platform.machine()} {platform.node()} {plan.device}")
    _announce(plan, runner)
    if options.dry_run:
        return
    results = {}
    for step in plan.steps():
        if step.name == "evaluate-largest-inherited":
            write_arch(plan.largest_yml, plan.space.largest(), "The largest SubTransformer.")
        results[step.name] = dict(runner.run(step).result)
    _report(plan, results)


class Plan:
    """The steps of one pipeline file. Paths in it hold from the folder it is run in."""

    def __init__(self, entries: Mapping[str, Entry], where: str) -> None:
        """Checks the file.

        Raises:
            ConfigError: naming a key that is missing or wrong, or a file that is not there.
        """
        check_keys(entries, _KEYS)
        self._values: dict[str, str] = {}
        for key in (*_REQUIRED, *(key for key in _CHOICES if key in entries)):
            if key not in entries:
                raise ConfigError(f"{where}: {key} is missing")
            self._values[key] = _word(entries[key])
        for key in _FILES:
            if not Path(self._values[key]).is_file():
                raise ConfigError(
                    f"{entries[key].where}: {key}: {self._values[key]} does not exist "
                    f"in {Path.cwd()}"
                )
        self.task: str = self._values["task"]
        self.run_dir = Path(self._values["run-dir"])
        self.device: str = self._one_of("device", entries)
        self.metric: str = self._one_of("metric", entries)
        extra = entries.get("preprocess-arguments")
        self._preprocess_arguments = extra.texts() if extra else ()
        again = entries.get("retrain-largest")
        self._retrains_largest = again is not None and again.switch()
        minutes = entries["minutes"].block() if "minutes" in entries else {}
        self.minutes: dict[str, float] = {k: entry.number() for k, entry in minutes.items()}
        self.space = load_space(self._values["supertransformer"])
        self._files_of_search = self._named_by_search()
        self.best_yml = self.run_dir / "best.yml"
        self.largest_yml = self.run_dir / "largest.yml"
        self._names = [step.name for step in self.steps()]
        for name, entry in minutes.items():
            if name not in self._names:
                raise ConfigError(f"{entry.where}: there is no step {name!r}")

    def _named_by_search(self) -> list[Path]:
        """Further files that the search's YAML files name; it depends on what is in them."""
        entries = read_config_files([self._values["supertransformer"], self._values["evo-search"]])
        return [Path(entries[key].text()) for key in _FILE_KEYS if key in entries]

    def _one_of(self, key: str, entries: Mapping[str, Entry]) -> str:
        value = self._values.get(key, _CHOICES[key][0])
        if value not in _CHOICES[key]:
            choices = ", ".join(_CHOICES[key])
            raise ConfigError(f"{entries[key].where}: {key} is one of {choices}, not {value!r}")
        return value

    def results(self) -> dict[str, Path]:
        """Returns the files in which the stages leave what the next ones build on."""
        return {
            "architecture": self.best_yml,
            "retrained": self.run_dir / "subtransformer" / "checkpoint_best.pt",
            "supertransformer": self.run_dir / "supertransformer" / "checkpoint_best.pt",
            "latencies": self.run_dir / "latency.csv",
            "predictor": self.run_dir / "predictor.pt",
        }

    def steps(self) -> list[Step]:
        """Returns all steps in order."""
        values, run = self._values, self.run_dir
        data = Path(values["data"])
        task_dir = Path(values["preprocess"]).parent
        supernet = run / "supertransformer" / "checkpoint_best.pt"
        csv, predictor = run / "latency.csv", run / "predictor.pt"
        retrained = run / "subtransformer" / "checkpoint_best.pt"
        device_flag = "--latcpu" if self.device == "cpu" else "--latgpu"
        steps = [
            self._step(
                "preprocess",
                "make, tokenise and binarise the text",
                [_bash(), values["preprocess"], *self._preprocess_arguments],
                reads=[values["preprocess"], "configs/common.sh"],
                writes=[data],
            ),
            self._step(
                "train-supertransformer",
                "train all SubTransformers at once, with shared weights",
                [
                    *_script("train.py"),
                    f"--configs={values['supertransformer']}",
                    "--save-dir",
                    str(supernet.parent),
                ],
                reads=[values["supertransformer"], data],
                writes=[supernet],
                work_dir=supernet.parent,
            ),
            self._step(
                "latency-dataset",
                "measure SubTransformers on this machine",
                [
                    *_script("latency_dataset.py"),
                    f"--configs={values['latency-dataset']}",
                    "--lat-dataset-path",
                    str(csv),
                ],
                # Of the data the sizes of its dictionaries count: the output layer is as wide.
                reads=[values["latency-dataset"], data],
                writes=[csv],
                depends_on_machine=True,
            ),
            self._step(
                "latency-predictor",
                "fit a predictor to the measurements",
                [
                    *_script("latency_predictor.py"),
                    f"--configs={values['latency-predictor']}",
                    "--lat-dataset-path",
                    str(csv),
                    "--ckpt-path",
                    str(predictor),
                ],
                reads=[values["latency-predictor"], csv],
                writes=[predictor],
            ),
            self._step(
                "evo-search",
                "search for the best SubTransformer under the latency limit",
                [
                    *_script("evo_search.py"),
                    f"--configs={values['supertransformer']}",
                    f"--evo-configs={values['evo-search']}",
                    "--restore-file",
                    str(supernet),
                    "--ckpt-path",
                    str(predictor),
                    "--write-config-path",
                    str(self.best_yml),
                ],
                reads=[
                    values["supertransformer"],
                    values["evo-search"],
                    supernet,
                    predictor,
                    data,
                    *self._files_of_search,
                ],
                writes=[self.best_yml],
                work_dir=self.best_yml.with_suffix(".search"),
            ),
            self._train("train-subtransformer", "the winner", self.best_yml, retrained),
            self._measure("measure-best", "the winner", self.best_yml, device_flag),
            self._evaluate("evaluate-best-inherited", supernet, self.best_yml, task_dir),
            self._evaluate("evaluate-best-retrained", retrained, self.best_yml, task_dir),
            self._evaluate("evaluate-largest-inherited", supernet, self.largest_yml, task_dir),
            self._measure("measure-largest", "the largest one", self.largest_yml, device_flag),
        ]
        if self._retrains_largest:
            checkpoint = run / "largest" / "checkpoint_best.pt"
            name = "evaluate-largest-retrained"
            steps += [
                self._train("train-largest", "the largest one", self.largest_yml, checkpoint),
                self._evaluate(name, checkpoint, self.largest_yml, task_dir),
            ]
        return steps

    def _step(
        self,
        name: str,
        about: str,
        words: Sequence[str],
        *,
        reads: Sequence[str | Path],
        writes: Sequence[Path],
        work_dir: Path | None = None,
        depends_on_machine: bool = False,
    ) -> Step:
        minutes = getattr(self, "minutes", {}).get(name)
        return Step(
            name=name,
            about=about,
            command=tuple(words),
            inputs=tuple(Path(path) for path in reads),
            outputs=tuple(writes),
            work_dir=work_dir,
            depends_on_machine=depends_on_machine,
            minutes=None if minutes is None else float(minutes),
        )

    def _train(self, name: str, what: str, yml: Path, checkpoint: Path) -> Step:
        common = self._values["subtransformer"]
        return self._step(
            name,
            f"train {what} from scratch",
            [
                *_script("train.py"),
                f"--configs={yml}",
                f"--sub-configs={common}",
                "--save-dir",
                str(checkpoint.parent),
            ],
            reads=[yml, common, self._values["data"]],
            writes=[checkpoint],
            work_dir=checkpoint.parent,
        )

    def _measure(self, name: str, what: str, yml: Path, device_flag: str) -> Step:
        settings = self._values["latency-dataset"]
        return self._step(
            name,
            f"measure {what}",
            [*_script("train.py"), f"--configs={yml}", f"--sub-configs={settings}", device_flag],
            reads=[yml, settings, self._values["data"]],
            writes=[],
            depends_on_machine=True,
        )

    def _evaluate(self, name: str, checkpoint: Path, yml: Path, task_dir: Path) -> Step:
        script = task_dir / "test.sh"
        gpu = "cpu" if self.device == "cpu" else "0"
        what, weights = name.removeprefix("evaluate-").split("-")
        return self._step(
            name,
            f"translate the test set with the {what} one, {weights} weights, and score",
            [_bash(), str(script), str(checkpoint), str(yml), self.metric, gpu, "test"],
            reads=[
                script,
                "configs/common.sh",
                *sorted(task_dir.glob("subtransformer/common*.yml")),
                checkpoint,
                yml,
                self._values["data"],
            ],
            writes=[],
        )


def _word(entry: Entry) -> str:
    """A text that stands in command lines: there a dash would make an option of it."""
    text = entry.text()
    if text.startswith("-"):
        raise ConfigError(f"{entry.where}: {entry.key} cannot begin with a dash: {text!r}")
    return text


def _script(name: str) -> list[str]:
    return [sys.executable, name]


def _bash() -> str:
    found = shutil.which("bash")
    if found is None:
        raise ConfigError("the pipeline needs bash, which is not installed")
    return found


def _announce(plan: Plan, runner: Runner) -> None:
    expected = [runner.expected_seconds(step) for step in plan.steps()]
    known = sum(seconds for seconds in expected if seconds is not None)
    unknown = sum(seconds is None for seconds in expected)
    more = f", plus {unknown} steps that never ran here" if unknown else ""
    print(f"{plan.task}: {len(expected)} steps, about {known / 60:.1f} min of work{more}")


def _report(plan: Plan, results: Mapping[str, Mapping[str, Any]]) -> None:
    search = results["evo-search"]
    rows = [
        _Row("found by the search", "best", results, search["predicted_ms"]),
        _Row("largest", "largest", results, None),
    ]
    arch = plan.best_yml.read_text(encoding="utf-8")
    text = signature(
        task=plan.task,
        space=plan.space.fingerprint(),
        limit_ms=search["limit_ms"],
        metric=plan.metric,
        **{name: file_digest(path) for name, path in plan.results().items()},
        score=results["evaluate-best-retrained"].get("signature"),
    )
    written = {
        "report": plan.run_dir / "report.md",
        **plan.results(),
        "trials": plan.best_yml.with_suffix(".search") / "trials.jsonl",
        "logs": plan.run_dir / "logs",
    }
    body = f"# {plan.task}\n\n{markdown_table(rows, _COLUMNS)}\n\n```yaml\n{arch}```\n\n{text}\n"
    write_text(written["report"], body)
    write_json(plan.run_dir / "results.json", {"signature": text, "steps": dict(results)})
    print(f"\n{arch}\n{text_table(rows, _COLUMNS)}\n")
    for name, path in written.items():
        print(f"{name:<17} {path}")
    print_result({"report": str(written["report"]), "signature": text})


@dataclass(frozen=True)
class _Row:
    """One SubTransformer of the closing table."""

    title: str
    name: str
    results: Mapping[str, Mapping[str, Any]]
    predicted_ms: float | None

    def measured_ms(self) -> float:
        return float(self.results[f"measure-{self.name}"]["latency_ms"])

    def score(self, weights: str, metric: str) -> float | None:
        found = self.results.get(f"evaluate-{self.name}-{weights}")
        return None if found is None else float(found[metric])


_COLUMNS: list[Column[_Row]] = [
    Column("SubTransformer", lambda row: row.title),
    Column("predicted ms", lambda row: row.predicted_ms, ".2f"),
    Column("measured ms", lambda row: row.measured_ms(), ".2f"),
    Column("BLEU inherited", lambda row: row.score("inherited", "bleu"), ".2f"),
    Column("BLEU retrained", lambda row: row.score("retrained", "bleu"), ".2f"),
    Column("chrF retrained", lambda row: row.score("retrained", "chrf"), ".2f"),
    Column("exact retrained", lambda row: row.score("retrained", "exact_match"), ".1%"),
]
