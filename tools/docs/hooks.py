"""What MkDocs does not know by itself: the order of the pages, and the reference from the code.

Pages of the reference are made while the manual is built, from ``hat.cli.described``, the tables of
named parts and the public names of ``hat``. A page that ``ORDER`` does not know goes to the end of
its section or to "More", and one that is not there is left out: nobody has to edit two places.
"""

import html
from collections.abc import Iterable, Iterator
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import hat
from hat.cli.described import Command, Option, commands
from hat.cli.help import sentence
from hat.cli.main import COMMANDS, GROUPS, HIDDEN
from hat.cli.pages import PAGES, wrapped
from hat.sampling import SAMPLINGS
from hat.settings import Setting, all_settings

ORDER: dict[str, tuple[str, ...]] = {
    "Start": ("index.md", "installing.md", "tutorial.md", "own-corpus.md", "devices.md"),
    "Your own": ("own-search-space.md", "own-scorer.md", "extending.md"),
    "Concepts": (
        *("concepts.md", "tasks.md", "latency.md", "search.md", "distributed.md"),
        *("translate.md", "performance.md", "comparison.md"),
    ),
    "Results": ("results.md",),
    "Benchmarks": ("benchmarks.md", "benchmark-files.md"),
    "Reference": (),
}
"""Section -> its pages."""

FOLDERS = {"results": "Results", "reference": "Reference"}
"""Folder -> the section that its pages belong to."""

PYTHON = {
    "What the commands do": (
        *("train", "load_supernet", "search", "measure_subtransformer", "measure_dataset"),
        *("fit_predictor", "load_predictor", "profile", "Pipeline"),
    ),
    "Their settings": (
        *("SearchSettings", "GenerationSettings", "LatencySettings", "FinishSettings"),
        *("RetrainSettings", "FitSettings", "DatasetSettings", "TranslationSettings"),
        *("BeamSettings", "TaskSettings"),
    ),
}
"""Sections of the public names; those that stand nowhere come last."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages of the reference and sets the order of all."""
    pages = {
        "reference/commands.md": _commands_page(),
        "reference/parts.md": _parts_page(),
        "reference/python.md": _python_page(),
        **{f"reference/hat-{name}.md": _command_page(name) for name in _listed()},
    }
    for uri, text in pages.items():
        files.append(File.generated(config, uri, content=text))
    config.nav = _nav(files)
    return files


def _nav(files: Files) -> list[dict[str, Any]]:
    there = sorted(file.src_uri for file in files.documentation_pages())
    known = {page for pages in ORDER.values() for page in pages}
    nav: list[dict[str, Any]] = []
    used: set[str] = set()
    for title, pages in ORDER.items():
        mine = [page for page in pages if page in there]
        for folder, section in FOLDERS.items():
            if section == title:
                inside = [page for page in there if page.startswith(f"{folder}/")]
                first = [f"{folder}/{name}.md" for name in ("commands", "parts", "python")]
                mine += sorted(inside, key=lambda page: (page not in first, page))
        used |= set(mine)
        if mine:
            nav.append({title: mine})
    others = [page for page in there if page not in used | known]
    return [*nav, {"More": others}] if others else nav


def _listed() -> list[str]:
    return [name for name in COMMANDS if name not in HIDDEN and name in commands()]


def _commands_page() -> str:
    lines = ["# Commands", "", "`hat COMMAND --help` shows an example and the options most used, "]
    lines += ["`--help-all` all of them. A key of a YAML file is the name of an option without its"]
    lines += ["dashes; `hat validate FILE` checks a file without running anything."]
    for title, names in GROUPS.items():
        there = [name for name in names if name in _listed()]
        if there:
            lines += ["", f"## {sentence(title).rstrip('.')}", "", "| command | |", "|---|---|"]
            lines += [f"| [`hat {name}`](hat-{name}.md) | {COMMANDS[name][1]} |" for name in there]
    return "\n".join(lines)


def _command_page(name: str) -> str:
    command = commands()[name]
    lines = [f"# hat {name}", "", f"{sentence(COMMANDS[name][1])}", ""]
    lines += _about(command)
    lines += _examples(name)
    if command.options:
        lines += _options(command.options)
    for tool, inner in command.commands.items():
        lines += ["", f"## hat {name} {tool}", "", sentence(inner.about.rstrip(".")), ""]
        lines += _examples(f"{name} {tool}")
        lines += _options(inner.options, level="###")
    return "\n".join(lines)


def _about(command: Command) -> list[str]:
    paragraphs = command.about.split("\n\n")
    text = [p for p in paragraphs if not p.startswith("    ") and not p.startswith("``hat")]
    return [*(_plain(" ".join(p.split())) + "\n" for p in text[:1]), ""]


def _examples(name: str) -> list[str]:
    if name not in PAGES:
        return []
    lines = [line.removeprefix("  ") for one in PAGES[name].examples for line in wrapped(one)]
    return ["```bash", *lines, "```", ""]


def _options(options: Iterable[Option], level: str = "##") -> list[str]:
    groups: dict[str, list[Option]] = {}
    for option in options:
        groups.setdefault(option.group, []).append(option)
    lines: list[str] = []
    for group, members in groups.items():
        lines += ["", f"{level} {_plain(group or 'Options')}", "", "| option | what it is |"]
        lines += ["|---|---|"]
        lines += [f"| {_name(option)} | {_meaning(option)} |" for option in members]
    return lines


def _name(option: Option) -> str:
    if not option.flags:
        return f"`{option.metavar if isinstance(option.metavar, str) else option.name}`"
    flags = "<br>".join(f"`{flag}`" for flag in option.flags)
    value = option.metavar if isinstance(option.metavar, str) else ""
    return f"{flags} {_plain(value)}" if value else flags


def _meaning(option: Option) -> str:
    parts = [_plain(option.help.replace("%%", "%").replace("``", "")).rstrip(".")]
    if option.choices is not None:
        parts.append("one of " + ", ".join(f"`{choice}`" for choice in option.choices))
    if option.required:
        parts.append("required")
    if option.default not in (None, False, "", []) and "default" not in option.help:
        default = option.default
        shown = " ".join(map(str, default)) if isinstance(default, list) else str(default)
        parts.append(f"default: `{shown}`")
    return "; ".join(part for part in parts if part)


def _plain(text: str) -> str:
    """Text of the code as Markdown: nothing in it is a mark."""
    escaped = html.escape(text, quote=False)
    for mark in "|*_[]{}`":
        escaped = escaped.replace(mark, f"\\{mark}")
    return escaped


def _parts_page() -> str:
    from hat.parts import Parts

    lines = [
        "# Named parts",
        "",
        "What can be chosen by name, with the settings of each: a field in Python, a flag and a",
        "key of a YAML file at once. Packages of your own add parts: [Extending](../extending.md).",
    ]
    for title, flag, table in _tables():
        assert isinstance(table, Parts)
        lines += ["", f"## {title}", "", f"`{flag}`", ""] if flag else ["", f"## {title}", ""]
        for name in table:
            part: Any = table.load(name)
            first = (part.__doc__ or "").strip().partition("\n\n")[0]
            lines += [f"### `{name}`", "", _plain(" ".join(first.replace("``", "").split())), ""]
            settings = all_settings(part.Settings)
            if settings:
                lines += ["| setting | what it is |", "|---|---|"]
                lines += [_setting_row(setting) for setting in settings]
                lines.append("")
    return "\n".join(lines)


def _tables() -> Iterator[tuple[str, str, Any]]:
    yield "Search algorithms", "--search-algorithm NAME", hat.ALGORITHMS
    yield "Scorers", "--scorer NAME", hat.SCORERS
    yield "Limits", "", hat.LIMITS
    yield "Latency predictors", "--predictor NAME", hat.PREDICTORS
    yield "Sampling strategies", "--sampling-strategy NAME", SAMPLINGS
    yield "Engines", "--lat-engine NAME", hat.ENGINES
    yield "Devices", "--device ADDRESS", hat.DEVICES


def _setting_row(setting: Setting) -> str:
    keys = "<br>".join(f"`--{key}`" for key in setting.keys)
    parts = [_plain(setting.help).rstrip(".")]
    if setting.choices:
        parts.append("one of " + ", ".join(f"`{choice}`" for choice in setting.choices))
    parts += [str(bound) for bound in setting.bounds]
    if setting.is_required:
        parts.append("required")
    elif setting.default not in (None, False, ()):
        parts.append(f"default: `{setting.default}`")
    return f"| {keys} | {'; '.join(part for part in parts if part)} |"


def _python_page() -> str:
    homes = {**hat._HOME, "search": "hat.nas.run"}
    tables = {name for name in homes if name.isupper()}
    sections = dict(PYTHON)
    listed = {name for names in sections.values() for name in names}
    others = sorted(set(homes) - listed - tables)
    sections["Architectures, networks and errors"] = tuple(others)
    lines = [
        "# Python",
        "",
        "All names are imported from `hat`: `hat.search(...)`. The tables of named parts are",
        ", ".join(f"`hat.{name}`" for name in sorted(tables)) + ": [Named parts](parts.md).",
    ]
    for title, names in sections.items():
        lines += ["", f"## {title}"]
        for name in names:
            lines += ["", f"::: {homes[name]}.{name}"]
    return "\n".join(lines)
