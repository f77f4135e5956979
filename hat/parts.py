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
"""

import importlib
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar, cast

from hat.errors import ConfigError, suggestion

P = TypeVar("P")


class Parts(Generic[P]):
    """The parts of one kind, by name, each imported when it is asked for."""

    def __init__(self, kind: str, group: str, table: Mapping[str, str]) -> None:
        """Sets up a table.

        Args:
            kind: what a part is called in messages: ``scorer``.
            group: the entry points by which other packages add parts: ``hat.scorers``.
            table: name -> ``module:Class``.
        """
        self.kind = kind
        self.group = group
        self._table = dict(table)

    def names(self) -> tuple[str, ...]:
        """Returns all names: ours in the order of the table, then those of other packages."""
        return (*self._table, *(name for name in self._found() if name not in self._table))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self._table or name in self._found()

    def load(self, name: str) -> type[P]:
        """Imports the part called ``name``.

        Raises:
            ConfigError: if there is none, or another package's part cannot be imported.
        """
        if name in self._table:
            module, _, attribute = self._table[name].partition(":")
            return cast(type[P], getattr(importlib.import_module(module), attribute))
        found = self._found()
        if name not in found:
            names = self.names()
            hint = suggestion(name, names) or f"; there are {', '.join(names)}"
            raise ConfigError(f"unknown {self.kind} {name!r}{hint}")
        try:
            return cast(type[P], found[name].load())
        except Exception as error:
            source = found[name].dist
            package = source.name if source is not None else found[name].value
            raise ConfigError(
                f"the {self.kind} {name!r} of the package {package} cannot be imported: {error}"
            ) from error

    def settings(self) -> tuple[type, ...]:
        """Returns the different settings classes of all parts, in the order of the names."""
        classes: Any = (cast(Any, self.load(name)).Settings for name in self.names())
        return tuple(dict.fromkeys(classes))

    def where(self, test: Callable[[type[P]], bool]) -> tuple[str, ...]:
        """Returns the names of the parts that pass ``test``."""
        return tuple(name for name in self.names() if test(self.load(name)))

    def _found(self) -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in entry_points(group=self.group)}
