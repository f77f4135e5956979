"""Named settings in a pipeline's file, ``targets`` and ``searches``: they win over the files."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hat.cli.described import Option, commands, refused
from hat.cli.options import check_keys
from hat.errors import ConfigError
from hat.yaml_reader import Entry, Items, Scalar, is_number

_NAME = re.compile(r"[A-Za-z0-9][\w-]*", re.ASCII)
_OWN = {
    "search": ("restore-file", "ckpt-path", "write-config-path", "search-dir", "set-aside"),
    "latency-dataset": ("lat-dataset-path", "resume", "data"),
}
"""Keys that the pipeline itself says."""

_LIMIT = "latency-constraint"


@dataclass(frozen=True)
class Block:
    """Settings of one command under a name."""

    name: str = ""
    """Nothing where there is only one, which has no settings of its own."""

    command: str = "search"
    entries: Mapping[str, Entry] = field(default_factory=dict)

    @property
    def suffix(self) -> str:
        """What the names of steps and files end in."""
        return f".{self.name}" if self.name else ""

    def words(self, chosen: Callable[[Option], bool] = lambda option: True) -> tuple[str, ...]:
        """Returns the flags of these settings, or of those of them whose options are chosen."""
        found: list[str] = []
        for key, entry in self.entries.items():
            option = _options(self.command)[key]
            if chosen(option):
                found += _words(entry, option)
        return tuple(found)

    def has(self, chosen: Callable[[Option], bool]) -> bool:
        """Whether any setting is one of an option that is chosen."""
        return any(chosen(_options(self.command)[key]) for key in self.entries)


def is_workload(option: Option) -> bool:
    """Whether it says what is timed, and where."""
    return option.group == "workload" or is_device(option)


def is_device(option: Option) -> bool:
    """Whether it says where is measured."""
    return option.group.removeprefix("--").startswith("device")


def is_space(option: Option) -> bool:
    """Whether it says which SubTransformers there are."""
    return option.key.endswith("-choice")


def read_blocks(entry: Entry | None, command: str) -> tuple[Block, ...]:
    """Reads ``NAME: {KEY: VALUE}`` lines; without any there is one block without a name.

    Args:
        entry: of the pipeline's file.
        command: whose settings they are.

    Raises:
        ConfigError: naming the line with a name or a key that cannot be.
    """
    if entry is None:
        return (Block(command=command),)
    blocks: list[Block] = []
    for name, each in entry.block().items():
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{each.where}: {entry.key}: a name has letters, digits, - and _, but found "
                f"{name!r}"
            )
        settings = {key.replace("_", "-"): value for key, value in each.block().items()}
        block = checked(Block(name, command, settings))
        alike = [other.name for other in blocks if sorted(other.words()) == sorted(block.words())]
        if alike:  # whose names may differ in nothing but what one forgot to write
            raise ConfigError(
                f"{each.where}: {entry.key}: {name} has the same settings as {alike[0]}"
            )
        blocks.append(block)
    if not blocks:
        raise ConfigError(f"{entry.where}: {entry.key} holds 'name: {{key: value}}' lines")
    return tuple(blocks)


def of_budgets(budgets: Iterable[str], where: str) -> tuple[Block, ...]:
    """Returns a search for each limit of latency.

    Raises:
        ConfigError: if one stands twice.
    """
    found: dict[str, Block] = {}
    for text in budgets:
        name = re.sub(r"[^\w.-]", "", text.replace("%", "pct"), flags=re.ASCII)
        name += "ms" if is_number(name) else ""
        if not name or name in found:
            what = "stands twice" if name else "is no limit"
            raise ConfigError(f"{where}: budgets: {text!r} {what}")
        entry = Entry(_LIMIT, Scalar(text, where), where)
        found[name] = checked(Block(name, "search", {_LIMIT: entry}))
    return tuple(found.values())


def checked(block: Block) -> Block:
    """Returns a block all of whose keys are options of its command, and whose values are words.

    Raises:
        ConfigError: naming the line.
    """
    options = _options(block.command)
    for key, entry in block.entries.items():
        if key in _OWN[block.command]:
            raise ConfigError(f"{entry.where}: {key} is what the pipeline itself says")
        if key in refused():
            raise ConfigError(f"{entry.where}: {key!r} is not taken: {refused()[key]}")
        check_keys({key: entry}, [name for name in options if name not in _OWN[block.command]])
        _words(entry, options[key])
    return block


def _options(command: str) -> dict[str, Option]:
    return {
        flag.removeprefix("--"): option
        for option in commands()[command].options
        for flag in option.flags
        if flag.startswith("--")
    }


def _words(entry: Entry, option: Option) -> Sequence[str]:
    flag = f"--{entry.key}"
    if option.kind == "switch":
        if not entry.switch():
            raise ConfigError(
                f"{entry.where}: {entry.key} can only be turned on here; leave it out, and turn it "
                "off in the step's file"
            )
        return (flag,)
    texts = [scalar.text for scalar in entry.scalars()]
    if option.kind == "append":
        return tuple(f"{flag}={text}" for text in texts)
    if option.nargs not in ("+", "*"):
        if isinstance(entry.node, Items):
            if option.type != "numbers":
                raise ConfigError(f"{entry.where}: {entry.key} takes one value, but found a list")
            texts = [f"[{', '.join(texts)}]"]
        return (f"{flag}={texts[0]}",)
    for text in texts:  # in a command line it would be an option
        if text.startswith("-") and not is_number(text):
            raise ConfigError(f"{entry.where}: {entry.key} cannot begin with a dash: {text!r}")
    return (flag, *texts)
