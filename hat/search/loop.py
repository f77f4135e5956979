"""The loop that drives every algorithm: ask, score, tell, save; and begin again where it ended."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from hat.conditions import what_differs
from hat.errors import DataError, SearchError
from hat.fields import Fields
from hat.files import write_json, write_text
from hat.json_reader import read_object
from hat.search.base import (
    A,
    AdaptiveObjective,
    Codec,
    Objective,
    SearchAlgorithm,
    SearchResult,
    Trial,
    ranked,
)
from hat.search.trials import TrialFormat

TRIALS_FILE = "trials.jsonl"
STATE_FILE = "search_state.json"
STATE_FORMAT = 4
FACTS_FILE, FACTS_FORMAT = "facts.json", "hat-search-facts-1"

Costs = Callable[[Sequence[A]], Mapping[str, NDArray[np.float64]]]


@dataclass(frozen=True, kw_only=True)
class RoundReport(Generic[A]):
    """What one round brought, for a line of progress."""

    round: int
    """Rounds done, this one included."""

    num_rounds: int
    num_new: int
    """Candidates that were scored in this round."""

    num_trials: int
    num_unscored: int
    """Trials of the whole search without a score."""

    best: Trial[A]
    best_score: float
    """In the user's direction; ``nan`` if nothing could be scored yet."""

    objective_name: str
    elapsed_s: float
    """Over all sessions of a search that was continued."""

    left_s: float

    def __str__(self) -> str:
        unscored = f" | {self.num_unscored} not scored" if self.num_unscored else ""
        costs = "".join(f" | {name} {value:.4g}" for name, value in self.best.costs.items())
        return (
            f"round {self.round}/{self.num_rounds} | {self.num_trials} candidates"
            f"{unscored} | best {self.objective_name} {self.best_score:.5g}{costs} | "
            f"{self.elapsed_s:.0f} s, {self.left_s:.0f} s left"
        )


class Search(Generic[A]):
    """One search: an algorithm, what it optimises, and the folder that remembers it.

    With a folder, ``trials.jsonl`` and ``search_state.json`` are replaced after every round, the
    trials first. The state says how many trials belong to it, so a search that is killed at any
    moment goes on from its last complete round and ends with the history and the winner of one
    that was never interrupted.
    """

    def __init__(
        self,
        algorithm: SearchAlgorithm[A],
        objectives: Sequence[Objective[A]],
        *,
        codec: Codec[A],
        costs: Costs[A] | None = None,
        folder: str | Path | None = None,
        signature: str = "",
        conditions: Mapping[str, Any] | None = None,
        write: bool = True,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Sets up a search, or takes up the one in ``folder``.

        Args:
            algorithm: freshly built, with the seed of the search.
            objectives: what to optimise; the first one decides who is best.
            codec: architectures as JSON.
            costs: what to note for each candidate, such as ``Constraints.costs``.
            folder: where trials and state are kept; without it nothing is written.
            signature: what the result is called.
            conditions: everything that decides the outcome (space, seed, settings, scorer, the
                content of files), as values that JSON can keep; a state under other conditions
                is refused. By default the signature.
            write: whether to write into ``folder``. With several processes that run the same
                search, only one of them writes and all of them read.
            clock: seconds, for tests.

        Raises:
            SearchError: if the folder holds a search under other conditions.
            DataError: if its files are damaged.
        """
        self._algorithm = algorithm
        self._objectives = tuple(objectives)
        self._costs = costs
        self._folder = None if folder is None else Path(folder)
        self._signature = signature
        self._conditions = {"signature": signature} if conditions is None else dict(conditions)
        self._write = write
        self._clock = clock
        self._format = TrialFormat(codec, self._objectives)
        self._round = 0
        self._elapsed_s = 0.0
        self._finished = False
        self._trials: list[Trial[A]] = []
        self._lines: list[str] = []
        self._known: dict[A, Trial[A]] = {}
        self._adaptive: list[AdaptiveObjective[A]] = [
            objective for objective in self._objectives if isinstance(objective, AdaptiveObjective)
        ]
        for objective in self._adaptive:
            objective.reset()
        if self._folder is not None and (self._folder / STATE_FILE).exists():
            self._resume(self._folder)

    @property
    def rounds_done(self) -> int:
        """Complete rounds so far, those before an interruption included."""
        return self._round

    def run(
        self, num_rounds: int, on_round: Callable[[RoundReport[A]], None] | None = None
    ) -> SearchResult[A]:
        """Searches until ``num_rounds`` rounds are complete or no candidate is left.

        Raises:
            SearchError: if no candidate meets the constraints, or more rounds are complete.
        """
        if self._round > num_rounds:
            raise SearchError(
                f"{self._where()}: {self._round} rounds are done, more than the {num_rounds} asked "
                "for; ask for as many, choose another folder or remove it"
            )
        while self._round < num_rounds and not self._finished:
            started = self._clock()
            archs = self._algorithm.ask()
            if not archs:
                self._finished = True
                break
            num_known = len(self._known)
            trials = self._score(archs)
            self._algorithm.tell(trials)
            self._keep(trials)
            self._elapsed_s += self._clock() - started
            self._save()
            if on_round is not None:
                on_round(self._report(num_rounds, len(self._known) - num_known))
        return self.result()

    def result(self) -> SearchResult[A]:
        """Returns everything searched so far."""
        return SearchResult(
            trials=tuple(self._trials),
            objective_names=tuple(objective.name for objective in self._objectives),
            higher_is_better=tuple(o.higher_is_better for o in self._objectives),
            signature=self._signature,
        )

    def _score(self, archs: Sequence[A]) -> list[Trial[A]]:
        """Scores what is new, once each, and looks up the rest."""
        new = [arch for arch in dict.fromkeys(archs) if arch not in self._known]
        columns = [self._column(objective, new) for objective in self._objectives]
        costs = self._costs(new) if self._costs is not None and new else {}
        shares = np.ones(len(new))
        for objective in self._adaptive:
            shares = np.minimum(shares, objective.shares(new))
        scored: dict[A, Trial[A]] = {}
        for place, arch in enumerate(new):
            scored[arch] = Trial(
                arch=arch,
                objectives=tuple(float(column[place]) for column in columns),
                round=self._round,
                costs={name: float(values[place]) for name, values in costs.items()},
                share=float(shares[place]),
            )
        known = [scored.get(arch) or self._known[arch] for arch in archs]
        return [replace(trial, round=self._round) for trial in known]

    def _column(self, objective: Objective[A], archs: Sequence[A]) -> NDArray[np.float64]:
        """Scores in the search's direction; what is not finite could not be scored."""
        if not archs:
            return np.empty(0)
        scores = np.asarray(objective.score(archs), dtype=np.float64)
        if scores.shape != (len(archs),):
            raise SearchError(
                f"{objective.name} must give one score for each of {len(archs)} candidates, "
                f"but gave an array of shape {scores.shape}"
            )
        scores = np.where(np.isfinite(scores), scores, np.nan)
        return -scores if objective.higher_is_better else scores

    def _keep(self, trials: Sequence[Trial[A]]) -> None:
        for trial in trials:
            self._trials.append(trial)
            self._known.setdefault(trial.arch, trial)
            if self._folder is not None:
                self._lines.append(self._format.line(trial))
        self._round += 1

    def _save(self) -> None:
        if self._folder is None or not self._write:
            return
        # Trials before state: a kill in between leaves trials that the old state does not count.
        write_text(self._folder / TRIALS_FILE, "".join(line + "\n" for line in self._lines))
        state = {
            "format": STATE_FORMAT,
            "conditions": self._conditions,
            "rounds": self._round,
            "trials": len(self._trials),
            "elapsed_s": self._elapsed_s,
            "algorithm": self._algorithm.state_dict(),
            "objectives": [objective.state_dict() for objective in self._adaptive],
        }
        write_json(self._folder / STATE_FILE, state)

    def _resume(self, folder: Path) -> None:
        path = folder / STATE_FILE
        try:
            state = Fields(read_object(path, "the state of a search"), str(path))
            version = state.whole("format")
            if version != STATE_FORMAT:
                age = "an older" if version < STATE_FORMAT else "a newer"
                raise SearchError(
                    f"{path}: was made by {age} version of hat (state format {version}, here "
                    f"{STATE_FORMAT}) and cannot go on; choose another folder or remove it"
                )
            conditions = state.mapping("conditions")
            count, rounds = state.whole("trials", least=1), state.whole("rounds", least=1)
            elapsed_s, algorithm = state.number("elapsed_s", least=0), state.mapping("algorithm")
            objectives = state.items("objectives")
        except DataError as error:
            raise DataError(f"{error}; remove the folder to search anew") from None
        difference = what_differs(conditions, self._conditions)
        if difference:
            raise SearchError(
                f"{path}: holds a search under other conditions: {difference}; choose another "
                "folder or remove it"
            )
        trials = self._format.read(folder / TRIALS_FILE, count)
        if trials and not max(trial.round for trial in trials) < rounds:
            raise DataError(f"{path}: 'rounds' is {rounds}, but {TRIALS_FILE} holds more of them")
        try:
            self._algorithm.load_state_dict(algorithm, trials)
            for objective, saved in zip(self._adaptive, objectives, strict=True):
                objective.load_state_dict(saved)
        except (
            KeyError,
            TypeError,
            ValueError,
            IndexError,
            AttributeError,
            OverflowError,
        ) as error:
            raise DataError(
                f"{path}: does not fit this search: {type(error).__name__} {error!s:.200}"
            ) from None
        self._keep(trials)
        self._round, self._elapsed_s = rounds, elapsed_s

    def _where(self) -> str:
        return "this search" if self._folder is None else str(self._folder)

    def _report(self, num_rounds: int, num_new: int) -> RoundReport[A]:
        best = self._trials[ranked(self._trials)[0]]
        first = self._objectives[0]
        value = best.objectives[0]
        return RoundReport(
            round=self._round,
            num_rounds=num_rounds,
            num_new=num_new,
            num_trials=len(self._trials),
            num_unscored=sum(not trial.is_scored for trial in self._trials),
            best=best,
            best_score=-value if first.higher_is_better else value,
            objective_name=first.name,
            elapsed_s=self._elapsed_s,
            left_s=self._elapsed_s / self._round * (num_rounds - self._round),
        )
