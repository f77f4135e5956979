"""Named parts: what a user can name is one class in one file, and one line in a table.

Scorers, algorithms, predictors, limits, benchmarks and tasks keep the same contract. A part is a
class with

``Settings``
    a settings class (``hat.settings``): its fields are the part's flags, YAML keys, help and docs;
``build(settings, ...)``
    a class method that makes the part; what else it is given depends on the kind;
``signature()``
    what decides its results: the settings, and digests of the files that it read.

Modules of parts are imported when a part is used or its flags are listed, so they import heavy
packages inside functions only. Other packages add parts by entry points: see docs/extending.md.
What an installed package adds wrongly stops every command that lists parts of the kind, with one
sentence, whether the part is asked for or not: nobody should search by less than is installed.
"""

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Any, Generic, TypeVar, cast

from hat.errors import ConfigError, suggestion
from hat.settings import all_settings

P = TypeVar("P")


class Parts(Generic[P]):
    """The parts of one kind, by name, each imported when it is asked for."""

    def __init__(
        self, kind: str, group: str, table: Mapping[str, str], *, needs: Iterable[str] = ()
    ) -> None:
        """Sets up a table.

        Args:
            kind: what a part is called in messages: ``scorer``.
            group: the entry points by which other packages add parts: ``hat.scorers``.
            table: name -> ``module:Class``.
            needs: attributes that a part of this kind has besides ``Settings`` and ``build``.
        """
        self.kind = kind
        self.group = group
        self.needs = ("Settings", "build", *needs)
        self._table = dict(table)

    def names(self) -> tuple[str, ...]:
        """Returns all names: ours in the order of the table, then those of other packages.

        Raises:
            ConfigError: if a package adds a name that there is already.
        """
        return (*self._table, *self._found())

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self._table or name in self._found()

    def load(self, name: str) -> type[P]:
        """Imports the part called ``name``.

        Raises:
            ConfigError: if there is none, or another package's part cannot be imported or lacks
                something that every part of this kind has.
        """
        if name in self._table:
            module, _, attribute = self._table[name].partition(":")
            return cast(type[P], getattr(importlib.import_module(module), attribute))
        found = self._found()
        if name not in found:
            names = self.names()
            hint = suggestion(name, names) or f"; there are {', '.join(names)}"
            raise ConfigError(f"unknown {self.kind} {name!r}{hint}")
        what = f"the {self.kind} {name!r} of the package {_package(found[name])}"
        try:
            part = found[name].load()
        except Exception as error:
            reason = " ".join(str(error).split())
            raise ConfigError(
                f"{what} cannot be imported: {type(error).__name__}: {reason}"
            ) from error
        missing = [needed for needed in self.needs if not hasattr(part, needed)]
        if missing:
            raise ConfigError(f"{what} has no {missing[0]!r}, which every {self.kind} needs")
        try:
            all_settings(part.Settings)
        except Exception as error:
            raise ConfigError(f"{what} has wrong settings: {error}") from error
        return cast(type[P], part)

    def origin(self, name: str) -> dict[str, str]:
        """Returns whose part ``name`` is, for conditions; nothing for ours, as hat's version says.

        Another package's part may do something else in its next version.
        """
        found = {} if name in self._table else self._found()
        return {f"{self.kind} {name}": _package(found[name])} if name in found else {}

    def settings(self) -> tuple[type, ...]:
        """Returns the different settings classes of all parts, in the order of the names."""
        classes: Any = (cast(Any, self.load(name)).Settings for name in self.names())
        return tuple(dict.fromkeys(classes))

    def where(self, test: Callable[[type[P]], bool]) -> tuple[str, ...]:
        """Returns the names of the parts that pass ``test``."""
        return tuple(name for name in self.names() if test(self.load(name)))

    def check_others(self, used: Iterable[str], values: Mapping[str, Any], flag: str) -> None:
        """Checks that no setting is given that only parts read which are not used.

        A file may serve several parts: a setting that has its default is not taken as given.

        Args:
            used: the names of the parts that are.
            values: settings by field.
            flag: what chooses the part, for the sentence: ``--scorer``.

        Raises:
            ConfigError: naming the setting, and the part that it is for.
        """
        names = tuple(dict.fromkeys(used))
        own = {one.field for name in names for one in all_settings(_settings(self.load(name)))}
        for other in self.names():
            for one in all_settings(_settings(self.load(other))):
                value = values.get(one.field, one.default)
                # What a flag holds is a list, or the text of a path.
                value = tuple(value) or one.default if isinstance(value, list) else value
                if one.field in own or value is None or value == one.default:
                    continue
                if str(value) != str(one.default):
                    raise ConfigError(
                        f"--{one.keys[0]} is not for {flag} {names[0]}, but for {other}"
                    )

    def _found(self) -> dict[str, EntryPoint]:
        found: dict[str, EntryPoint] = {}
        for entry in _installed(self.group, tuple(sys.path)):
            if entry.name in self._table or entry.name in found:
                owner = _package(found[entry.name]) if entry.name in found else "hat"
                raise ConfigError(
                    f"the package {_package(entry)} adds a {self.kind} {entry.name!r}, but {owner} "
                    "has one of that name: remove one of the packages, or give it another name"
                )
            found[entry.name] = entry
        return found


@cache
def _installed(group: str, path: tuple[str, ...]) -> EntryPoints:
    """What the packages on ``path`` add: every flag asks, and reading all of theirs takes 6 ms."""
    return entry_points(group=group)


def _settings(part: Any) -> Any:
    return part.Settings


def _package(entry: EntryPoint) -> str:
    """Name and version of the package that an entry point is of."""
    return entry.value if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"
