"""The plan of a pipeline: its steps, in order."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from hat.errors import ConfigError, suggestion
from hat.pipeline.building import Builder, Made
from hat.pipeline.changes import Changes
from hat.pipeline.layout import Layout
from hat.pipeline.settings import PipelineFile
from hat.pipeline.steps import Step


class Plan(Layout):
    """The steps of one pipeline file."""

    def __init__(
        self, file: PipelineFile, architecture: Path | None = None, changes: Changes = ()
    ) -> None:
        """Sets up the plan.

        Args:
            file: the settings.
            architecture: a SubTransformer that takes the place of what the searches find.
            changes: what is set for steps in place of what their files say.

        Raises:
            ConfigError: if the file names a step that there is not.
        """
        super().__init__(file, architecture)
        self._made = {made.name: made for made in self._all(Builder(self, changes))}
        for name, entry in file.minutes.items():
            if name not in self.names:
                raise ConfigError(f"{entry.where}: there is no step {name!r}")
            if self.minutes[name] < 0:
                raise ConfigError(
                    f"{entry.where}: {name} must be at least 0, but found {self.minutes[name]:g}"
                )
        if architecture is not None:  # it would write there
            del self._made["evo-search"]

    @property
    def names(self) -> tuple[str, ...]:
        """Of all steps, and of what several of them have in common: ``evo-search``."""
        return tuple(dict.fromkeys(n for made in self._made.values() for n in made.names))

    def steps(self, only: Sequence[str] = ()) -> list[Step]:
        """Returns the steps of these names, or all, in order.

        Args:
            only: full names, or what several have in common: ``evo-search`` for all searches.

        Raises:
            ConfigError: if there is no such step, or a file that it reads is not there.
        """
        for name in only:
            if name not in self.names:
                hint = suggestion(name, self.names) or f": {', '.join(self._made)}"
                raise ConfigError(f"{self.file.path}: there is no step {name!r}{hint}")
        chosen = [m for m in self._made.values() if not only or {*m.names} & {*only}]
        return [made.step() for made in chosen]

    def _all(self, build: Builder) -> Iterator[Made]:
        """All steps, in order."""
        yield from build.text()
        yield from build.supertransformer()
        for target in self.targets:
            yield from build.latencies(target)
        for found in self.found:
            yield from build.search(found)
            yield from build.trainings(found.best)
            yield from build.evaluations(found.best)
        for largest in self.largest:
            yield from build.inherited(largest)
        for largest in self.largest:
            yield from build.trainings(largest)
            yield from build.retrained(largest)
        for target in self.targets:
            yield from build.compared(target, [f.best for f in self.found if f.target is target])
        if self.settings.export is not None:
            for found in self.found:
                yield from build.exports(found, self.settings.export, one=len(self.found) == 1)
