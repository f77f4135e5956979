"""``hat pipeline FILE``: the five stages and the scoring of one task from one YAML file.

A step runs when its command or the content of a file it reads has changed since it last ran
here, or when what it wrote is gone; otherwise it is skipped. The exit code is 3 where a winner,
measured at the end, does not keep its limit.
"""

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hat.cli.console import command, print_result
from hat.cli.flags import add_flags
from hat.cli.help import Parser
from hat.errors import ConfigError, HatError
from hat.files import check_writable
from hat.machine.signals import InterruptedStepError
from hat.pipeline.run import Pipeline
from hat.pipeline.settings import PipelineSettings
from hat.pipeline.steps import CommandError

LIMIT_MISSED = 3
"""Exit code when all steps ran and a winner, measured, does not keep its limit."""

_OWN = ("yml", "dry_run", "only", "begin", "changes", "architecture", "test")


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Entry point of ``hat pipeline``."""
    words = list(argv or [])
    end = words.index("--") if "--" in words else len(words)
    options, flags = _parser().parse_args(words[:end]), words[end + 1 :]
    given = {key: value for key, value in vars(options).items() if key not in _OWN}
    pipeline = Pipeline(options.yml, **given)
    chosen = {
        "only": options.only,
        "begin": options.begin,
        "changes": options.changes,
        "architecture": options.architecture,
        "flags": flags,
    }
    if options.begin and options.only:
        raise ConfigError("--from is for all steps from one on, --only for single ones: give one")
    if options.test and (options.only or flags or not options.architecture):
        raise ConfigError("--test needs --architecture, and takes neither --only nor flags")
    if options.dry_run:
        test = (options.test, options.architecture)
        steps = pipeline.test_steps(*test) if options.test else pipeline.steps(**chosen)
        is_whole = not options.only and not options.test
        lines = pipeline.preview(steps, begin=options.begin, by_rates=not options.test)
        print("\n".join([*lines[:1], *_elsewhere(pipeline), *lines[1:]]))
        if not options.test:
            pipeline.check(steps, whole=is_whole)
            which = "all steps" if is_whole else "these steps" if len(steps) > 1 else "this step"
            print(f"all settings of {which} are right")
        return
    # Of single steps, standard output is what their commands print, and nothing else.
    try:
        if options.test:
            pipeline.test(options.test, options.architecture, say=_to_stderr)
        elif options.only:
            pipeline.run(**chosen, by_hand=True, say=_to_stderr)
        else:
            _whole(pipeline, chosen)
    except InterruptedStepError as error:
        print(f"\n{error}", file=sys.stderr)
        raise SystemExit(error.code) from None
    except CommandError as error:
        if options.test or options.only:  # its command has said what was wrong
            raise SystemExit(error.code) from None
        raise


def _whole(pipeline: Pipeline, chosen: Mapping[str, Any]) -> None:
    steps = pipeline.steps(**chosen)
    base = Path() if pipeline.settings.base is None else pipeline.base
    check_writable(base / pipeline.plan.run_dir / "page.html")
    first = pipeline.preview(steps, begin=chosen["begin"])[0]
    print("\n".join([first, *_elsewhere(pipeline)]), flush=True)
    pipeline.check(steps)
    done = pipeline.run(**chosen)
    report = done.report
    assert report is not None, "all steps ran"
    print(f"\n{report.text}\n")
    models = {name: found["folder"] for name, found in done.steps.items() if "folder" in found}
    width = max(17, *map(len, (*report.files, *models)))
    for name, path in {**report.files, **models}.items():
        print(f"{name:<{width}} {_seen(base / path)}")
    _write_page(base / pipeline.plan.run_dir, width)
    for path in list(models.values())[:1]:
        print(f"now: hat translate {shlex.quote(_seen(base / path))}, which reads text")
    for sentence in report.missed:
        print(f"\033[31m{sentence}\033[0m" if sys.stdout.isatty() else sentence)
    for sentence in (*report.unsettled, *report.untrained):
        print(sentence)
    print_result(
        {
            "report": str(report.files["report"]),
            "keeps_limit": False if report.missed else None if report.unsettled else True,
            "signature": report.signature,
        }
    )
    if report.missed:
        raise SystemExit(LIMIT_MISSED)


def _change(text: str) -> tuple[str, str, str]:
    """Step, setting and value of ``STEP.KEY=VALUE``."""
    name, equals, value = text.partition("=")
    step, dot, setting = name.rpartition(".")
    if not (step and dot and setting and equals and value):
        raise argparse.ArgumentTypeError(f"expected STEP.KEY=VALUE, but found {text!r}")
    return step, setting.replace("_", "-"), value


def _write_page(run_dir: Path, width: int = 17) -> None:
    """Writes the page to decide from; a run that is done stays done if that fails."""
    from hat.page.write import write_page  # with torch, which a pipeline does without

    try:
        print(f"{'page':<{width}} {_seen(write_page([run_dir])[0])}")
    except HatError as error:
        print(f"the page of the run could not be written: {error}", file=sys.stderr)


def _elsewhere(pipeline: Pipeline) -> list[str]:
    """A line that says where commands and paths hold from, unless it is here."""
    if pipeline.settings.base is None or pipeline.base.resolve() == Path.cwd():
        return []
    return [f"commands and paths below hold from {_seen(pipeline.base)}"]


def _seen(path: Path) -> str:
    """A path as it is opened from here: short if it lies below this folder."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="hat pipeline",
        usage="hat pipeline FILE [--only STEP ...] [OPTIONS] [-- FLAGS OF THE STEP'S COMMAND]",
        description=__doc__,
    )
    parser.add_argument(
        "yml", metavar="FILE", help="pipeline file, such as configs/numbers.en-fr/pipeline.yml"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would run, and how; run nothing"
    )
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="STEP", help="these steps; shows what they print"
    )
    parser.add_argument(
        "--from",
        dest="begin",
        metavar="STEP",
        help="run this step and all after it, up to date or not",
    )
    parser.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        type=_change,
        metavar="STEP.KEY=VALUE",
        help="a setting that wins over the files of a step: evo-search.evo-iter=5",
    )
    parser.add_argument(
        "--architecture",
        type=Path,
        metavar="YML",
        help="with --only or --test: a SubTransformer in place of what the search found",
    )
    parser.add_argument(
        "--test", type=Path, metavar="CHECKPOINT", help="translate and score with --architecture"
    )
    add_flags(parser, PipelineSettings, "settings, in place of the file's", only_given=True)
    return parser
