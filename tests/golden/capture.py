"""Gets at the parser of a command without knowing where it is built: by calling the command.

Every command is called as a user calls it, through ``hat.cli``. It is stopped at the moment when
it has parsed its arguments or is about to print its help, before it does any work. Only the
functions at the end of this file know a module of hat by its name.
"""

import argparse
import contextlib
import importlib.util
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import configargparse

ROOT = Path(__file__).resolve().parents[2]

Main = Callable[[Sequence[str]], None]


@dataclass
class Parsed:
    """The parser of a command, and the options that it made of the command line."""

    parser: argparse.ArgumentParser
    options: argparse.Namespace
    rest: list[str]
    """Words that the parser did not know and the command looks at itself."""


class _Stop(BaseException):
    """Carries what was found out of a command. Not an Exception: commands may catch those."""

    def __init__(self, found: Any) -> None:
        self.found = found


def help_parser(main: Main, words: Sequence[str]) -> argparse.ArgumentParser | str:
    """Asks for ``--help-all``.

    Returns:
        The parser that would have printed its help, or the text where a command prints its own.
    """

    def stop(self: argparse.ArgumentParser, file: Any = None) -> None:
        raise _Stop(self)

    printed = io.StringIO()
    with (
        mock.patch.object(argparse.ArgumentParser, "print_help", stop),
        contextlib.redirect_stdout(printed),
    ):
        try:
            main([*words, "--help-all"])
        except _Stop as end:
            parser: argparse.ArgumentParser = end.found
            return parser
    return printed.getvalue()


def parsed(main: Main, words: Sequence[str]) -> Parsed:
    """Calls a command and stops it when it has parsed its arguments."""
    try:
        with _stopped_after_parsing():
            main(words)
    except _Stop as end:
        found: Parsed = end.found
        return found
    except SystemExit as end:
        raise AssertionError(f"{' '.join(words)}: ended with exit code {end.code}") from end
    raise AssertionError(f"{' '.join(words)}: ran to its end without parsing its arguments")


@contextlib.contextmanager
def _stopped_after_parsing() -> Iterator[None]:
    from fairseq import options as fairseq_options

    by_fairseq = fairseq_options.parse_args_and_arch
    by_argparse = argparse.ArgumentParser.parse_args
    by_configargparse = configargparse.ArgumentParser.parse_known_args
    in_fairseq = False

    def parse_args_and_arch(parser: Any, words: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal in_fairseq
        in_fairseq = True
        try:
            result = by_fairseq(parser, words, *args, **kwargs)
        finally:
            in_fairseq = False
        if isinstance(result, tuple):  # the pass that lets fairseq add its options
            return result
        raise _Stop(Parsed(parser, result, []))

    def parse_args(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = by_argparse(self, *args, **kwargs)
        if in_fairseq:
            return result
        raise _Stop(Parsed(self, result, []))

    def parse_known_args(self: Any, *args: Any, **kwargs: Any) -> Any:
        result, rest = by_configargparse(self, *args, **kwargs)
        raise _Stop(Parsed(self, result, rest))

    with (
        mock.patch.object(fairseq_options, "parse_args_and_arch", parse_args_and_arch),
        mock.patch.object(argparse.ArgumentParser, "parse_args", parse_args),
        mock.patch.object(configargparse.ArgumentParser, "parse_known_args", parse_known_args),
    ):
        yield


def script_main(path: Path) -> Main:
    """Imports a script of the root folder and returns its ``main``."""
    spec = importlib.util.spec_from_file_location(f"root_script_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    main: Main = module.main
    return main


def fairseqs_own(kind: str) -> argparse.ArgumentParser:
    """fairseq's parser of ``kind`` with the selectors of HAT's YAML files, without hat."""
    from fairseq import options

    selectors = "--task translation"
    if kind == "training":
        selectors += (
            " --arch transformer --criterion label_smoothed_cross_entropy"
            " --optimizer adam --lr-scheduler cosine"
        )
    parser: argparse.ArgumentParser = getattr(options, f"get_{kind}_parser")()
    words = ["data", *selectors.split(), *(["--lr", "1"] if kind == "training" else [])]
    options.parse_args_and_arch(parser, words, parse_known=True)
    return parser


def hat(words: Sequence[str]) -> None:
    """Runs ``hat WORDS``."""
    from hat.cli.main import main

    main(words)


def commands() -> dict[str, tuple[str, ...]]:
    """All commands and sub-commands that have a parser of their own: name -> words."""
    from hat.cli.main import COMMANDS

    found: dict[str, tuple[str, ...]] = {}
    for name in COMMANDS:
        text = help_parser(hat, [name]) if name == "latency" else ""
        tools = re.search(r"\{(.*?)\}", text) if isinstance(text, str) else None
        if tools is None:
            found[name] = (name,)
        else:  # this one hands on to its tools
            found |= {f"{name} {tool}": (name, tool) for tool in tools[1].split(",")}
    return found


def command_line_help() -> str:
    """The text of ``hat --help`` without the version."""
    from hat.version import __version__

    return str(help_parser(hat, [])).replace(__version__, "VERSION")


def public_names() -> list[str]:
    """What ``import hat`` offers."""
    import hat as package

    return sorted(package.__all__)


def pipeline_steps(path: str) -> dict[str, dict[str, Any]]:
    """The steps of a pipeline file: what each runs and writes."""
    import hat as package
    from hat.pipeline.steps import printable

    return {
        step.name: {
            "command": _command(printable(step.command)),
            "outputs": [str(output) for output in step.outputs],
        }
        for step in package.Pipeline(path).steps()
    }


def called(words: Sequence[str]) -> list[str]:
    """The commands behind a call of Python by a script: those of ``hat pipeline``'s steps."""
    if list(words[:3]) != ["-m", "hat.cli", "pipeline"]:
        return [" ".join(words)]
    printed = io.StringIO()
    # What is written down is what would run; the SubTransformer of a script is a name only.
    unchecked = mock.patch("hat.pipeline.run.check_steps")
    with unchecked, contextlib.redirect_stdout(printed):
        hat(["pipeline", words[3], "--dry-run", *words[4:]])
    lines = printed.getvalue().splitlines()
    return [_command(line.removeprefix("  ")) for line in lines if line.startswith("  ")]


def _command(line: str) -> str:
    """As a script calls it, whatever Python and bash are here."""
    return re.sub(r"^\S*/(?=bash )", "", line).removeprefix("python ")
