"""fairseq's options from YAML files and flags, checked before fairseq sees them."""

import argparse
import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import torch
from fairseq import options

import hat.fairseq_plugin  # noqa: F401  (registers the architectures and the task)
from hat.cli.help import Parser
from hat.cli.keywords import entries_of
from hat.cli.options import (
    SwitchOrAuto,
    actions_by_key,
    check_keys,
    read_config_files,
    set_defaults,
    spell_out_switches,
    split_config_flags,
)
from hat.cli.refusals import refuse as refuse_words
from hat.errors import ConfigError
from hat.fairseq_options.accepted import TASK, refuse, restricted
from hat.fairseq_options.help import print_help, split_help
from hat.fairseq_options.values import check_texts, check_values
from hat.fairseq_plugin.data_folder import NO_DATA
from hat.files import Files, as_paths
from hat.machine.instructions import auto_precision
from hat.numerals import use_in
from hat.yaml_reader import Entry

logger = logging.getLogger(__name__)

_SELECTORS = ("arch", "task", "criterion", "optimizer", "lr-scheduler", "scoring")
"""Options whose value decides which further options exist."""

_TASK_KEYS = frozenset({"data", "source-lang", "target-lang"})
"""Options of the task, which every stage needs that reads the task's data."""

_ANY_ARCH = "transformersuper"
"""The architecture whose options ``--help`` shows where none is named: all have the same."""

_TRAINING = frozenset({"criterion", "optimizer", "lr-scheduler"})
"""Selectors that fairseq offers to every command, but that only training uses."""

_PRECISION = "precision"
"""The title of hat's group of options in fairseq's parsers."""

_WANTED_BF16 = "wanted_bf16"
"""Where ``--bf16`` is kept while fairseq parses: fairseq takes ``bf16`` for a wish for a TPU."""

AddOptions = Callable[[argparse.ArgumentParser], None]


def training_parser() -> argparse.ArgumentParser:
    """Returns fairseq's training parser with hat's task as the default."""
    return _prepared(options.get_training_parser(default_task=TASK))


def generation_parser() -> argparse.ArgumentParser:
    """Returns fairseq's generation parser with hat's task as the default."""
    return _prepared(options.get_generation_parser(default_task=TASK))


def _prepared(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Lets a parser of fairseq's speak and count as hat does, and take ``--bf16 auto``."""

    def error(message: str) -> NoReturn:
        if message == "the following arguments are required: data":
            raise ConfigError(NO_DATA)
        refuse_words(parser, message)

    parser.error = error  # type: ignore[method-assign]
    use_in(parser, finite=False)
    parser.set_defaults(required_batch_size_multiple=1)
    group = parser.add_argument_group(_PRECISION, conflict_handler="resolve")
    group.add_argument(  # in the place of fairseq's switch
        "--bf16",
        action=SwitchOrAuto,
        dest=_WANTED_BF16,
        help="bfloat16 where the machine has instructions for it, else fp32",
    )
    return restricted(parser)


def parse(
    make_parser: Callable[[], argparse.ArgumentParser],
    argv: Sequence[str],
    *,
    add_options: AddOptions | None = None,
    ignored_keys: frozenset[str] = frozenset(),
    strongest: Mapping[str, Entry] | None = None,
) -> argparse.Namespace:
    """Parses flags and the YAML files they name into fairseq's namespace.

    Args:
        make_parser: returns a fresh fairseq parser.
        argv: the command line without the program's name.
        add_options: adds a stage's own options to the parser.
        ignored_keys: keys of YAML files that are another stage's business.
        strongest: entries that win over those of all files.

    Returns:
        The options, with the precisions that this machine lacks switched off (said once).

    Raises:
        ConfigError: naming file and line of a key or value that is wrong.
        SystemExit: after the help, where the command line asks for it.
    """
    paths, flags = split_config_flags(argv)
    wants_help, flags = split_help(flags)
    data, flags = _split_data(flags)
    entries = read_config_files(paths)
    translate_old_schedule(entries)
    for key, entry in (strongest or {}).items():
        entries.pop(key, None)  # the order decides between two names of one option
        entries[key] = entry
    refuse(entries, flags)
    check_texts(entries, [*data, *flags])
    _check_user_code(flags)
    if data:
        entries.pop("data", None)  # the command line names the data folder itself

    def prepared() -> argparse.ArgumentParser:
        parser = make_parser()
        if add_options is not None:
            add_options(parser)
        return parser

    # First pass: let fairseq add the options of the architecture, task, optimizer and so on.
    full = prepared()
    flags = spell_out_switches(flags, full)
    unread = ignored_keys - set(actions_by_key(full)) - _TASK_KEYS | (ignored_keys & _TRAINING)
    known = actions_by_key(full)
    chosen = {k: entries[k] for k in _SELECTORS if k in entries and k in known and k not in unread}
    if "arch" in known and "arch" not in chosen and not _gives_arch(flags):
        if not wants_help:
            raise ConfigError("which model? give arch in a YAML file or --arch")
        full.set_defaults(arch=_ANY_ARCH)
    set_defaults(full, chosen)
    options.parse_args_and_arch(
        full, [*data, *flags], parse_known=True, modify_parser=_require_nothing
    )
    if wants_help:
        print_help(full, _titles(make_parser()))
        raise SystemExit(0)
    entries = {key: entry for key, entry in entries.items() if key not in unread}
    check_keys(entries, actions_by_key(full))

    def fill(parser: argparse.ArgumentParser) -> None:
        """Runs before and after fairseq adds the options that the selectors bring."""
        here = actions_by_key(restricted(parser))
        set_defaults(parser, {key: entry for key, entry in entries.items() if key in here})

    args: argparse.Namespace = options.parse_args_and_arch(
        prepared(), [*data, *flags], modify_parser=fill
    )
    check_values(args, entries, flags)
    _choose_precision(args)
    return args


def parse_call(
    where: str,
    options_: Mapping[str, Any],
    *,
    configs: Files = (),
    sub_configs: Files = (),
    flags: Sequence[str] = (),
    add_options: AddOptions | None = None,
) -> argparse.Namespace:
    """Returns fairseq's options of a training for a call from Python.

    Args:
        where: what is called: ``hat.train``.
        options_: options by keyword, which win over the files.
        configs: YAML files, as ``--configs`` names them.
        sub_configs: YAML files that win over those, as ``--sub-configs`` names them.
        flags: what may stand on a command line only.
        add_options: adds the flags that fairseq does not know.

    Raises:
        ConfigError: naming the call, or file and line, of an option that is wrong.
    """
    argv = [f"--configs={path}" for path in as_paths(configs)]
    argv += [f"--sub-configs={path}" for path in as_paths(sub_configs)]
    return parse(
        training_parser,
        [*argv, *flags],
        add_options=add_options,
        strongest=entries_of(options_, where),
    )


def _titles(parser: argparse.ArgumentParser) -> set[str]:
    """The titles of the groups of fairseq's options in a parser that has just been made."""
    return {str(group.title) for group in parser._action_groups} - {_PRECISION}


def _gives_arch(flags: Sequence[str]) -> bool:
    return any(word.partition("=")[0] == "--arch" or word.startswith("-a") for word in flags)


def _split_data(flags: Sequence[str]) -> tuple[list[str], list[str]]:
    """Finds the data folder, given as a first word or, as in HAT, by ``--data``.

    The folder must stand before all options, or a list-valued one would take it for a value.
    """
    finder = Parser(add_help=False)
    finder.add_argument("--data")
    found, rest = finder.parse_known_args(list(flags))
    if found.data is not None:
        return [found.data], rest
    leading = list(itertools.takewhile(lambda word: not word.startswith("-"), rest))
    return leading, rest[len(leading) :]


def _check_user_code(flags: Sequence[str]) -> None:
    """Checks that ``--user-dir`` is there, which fairseq imports before it parses."""
    finder = Parser(add_help=False)
    finder.add_argument("--user-dir")
    folder = finder.parse_known_args(list(flags))[0].user_dir
    if folder is not None and not Path(folder).is_dir():
        raise ConfigError(f"user-dir: there is no folder {folder}")


def _require_nothing(parser: argparse.ArgumentParser) -> None:
    for action in restricted(parser)._actions:
        action.required = False


def translate_old_schedule(entries: dict[str, Entry]) -> None:
    """Rewrites HAT's cosine schedule in the terms of today's fairseq, in place.

    HAT's fairseq warmed up from ``warmup-init-lr`` to ``max-lr`` and annealed to ``lr``. In
    fairseq 0.12 the peak is ``lr`` and the end of the annealing ``min-lr``.
    """
    if "max-lr" not in entries:
        return
    peak = entries.pop("max-lr")
    if "lr" in entries:
        entries["min-lr"] = replace(entries["lr"], key="min-lr")
    entries["lr"] = replace(peak, key="lr")
    end = entries["min-lr"].node if "min-lr" in entries else 0
    logger.info("%s: max-lr is fairseq's lr now: peak %s, end %s", peak.where, peak.node, end)


def _choose_precision(args: argparse.Namespace) -> None:
    """Switches off the precisions that this machine has no instructions for, and says so.

    Raises:
        ConfigError: if a GPU is to use fp16 and bf16 at once.
    """
    device = "cuda" if torch.cuda.is_available() and not getattr(args, "cpu", False) else "cpu"
    has_fp16 = getattr(args, "fp16", False)
    wanted = vars(args).pop(_WANTED_BF16) or args.bf16  # True also by --memory-efficient-bf16
    if device == "cuda" and has_fp16:
        if wanted is True:
            raise ConfigError("fp16 and bf16 exclude each other: ask for one of them")
        wanted = False  # what is asked for by name goes before auto
    args.tpu = False  # fairseq sets it with bf16 and then asks for a TPU library
    args.bf16 = bool(wanted) and auto_precision(device) == "bf16"
    if wanted and not args.bf16:
        args.memory_efficient_bf16 = False
        logger.warning("bf16 is not in this machine's hardware: running in fp32, which is faster")
    elif wanted == "auto":
        logger.info("bf16: auto means bf16 here, because it is in this machine's hardware")
    if device == "cpu" and has_fp16:
        args.fp16 = args.memory_efficient_fp16 = False
        precision = "bf16" if args.bf16 else "fp32"
        logger.warning("fp16 needs a GPU and there is none: running in %s", precision)
