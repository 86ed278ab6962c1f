"""Searches with KerasTuner: its oracles choose what to try, our own training says how good it is."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.errors import FailedTrialError

from components.training.callbacks import PROGRESS
from components.training.tuned import tuned_values
from components.tuning.oracles import PlannedOracle
from components.tuning.trials import Attempt, Result, Trial, TrialStore, described
from schema.errors import HeadgateError, first_line

Train = Callable[[Attempt], Result]


class Search(BaseTuner):
    """One search, told as it goes on.

    KerasTuner's own way to go on after a crash forgets a grid's and a Gaussian process's place, so none is used: the
    same oracle is asked from the start again, and trials that are finished are answered from disk. What it proposes
    follows from its seed and these answers alone.

    Args:
      planned: what chooses the values.
      epochs: most epochs of a trial; Hyperband gives each its own.
      training: gives the function that trains, and clears away what it needs when the search is over.
      store: the trials of an earlier attempt at this search.
      directory: for KerasTuner's files, which nobody needs afterwards.

    Attributes:
      trials: what has been tried, in this order.
    """

    def __init__(
        self,
        planned: PlannedOracle,
        epochs: int,
        training: AbstractContextManager[Train],
        store: TrialStore,
        directory: str,
    ) -> None:
        super().__init__(planned.oracle, directory=directory, project_name="search", overwrite=True)
        self.oracle.verbose = 0
        self.trials: list[Trial] = []
        self._objective = self.oracle.objective.name
        self._planned = planned
        self._epochs = epochs
        self._training = training
        self._store = store

    def search(self, *_: Any, **__: Any) -> None:
        """Searches to the end; called by TFX.

        Raises:
          HeadgateError: if no trial came to a result.
        """
        with self._store, self._training as train:
            super().search(train)

    def run_trial(self, trial: Any, train: Train) -> dict[str, float]:
        """Trains once, unless the result is known; called by KerasTuner.

        Raises:
          FailedTrialError: the trial cannot be trained, or came to no number.
        """
        values = tuned_values(trial.hyperparameters.get_config())
        epochs = trial.hyperparameters.values.get("tuner/epochs", self._epochs)
        number = len(self.trials) + 1
        self._tell(number, described(values))
        result = self._store.get(values, epochs)
        try:
            if result is None:
                earlier = trial.hyperparameters.values.get("tuner/initial_epoch", 0)
                result = self._result(train, self._attempt(number, values, epochs, earlier))
        except FailedTrialError as error:
            self.trials.append(Trial(number, self._objective, None, None, values, str(error)))
            self._tell(number, f"failed: {error}")
            raise
        self.trials.append(Trial(number, self._objective, result.score, result.epochs, values))
        best = self.table()[0]
        self._tell(number, f"{self._objective} {result.score:.4f}, best so far {best.score:.4f} (trial {best.trial})")
        return {self._objective: result.score}

    def _attempt(self, number: int, values: dict[str, Any], epochs: int, earlier_epochs: int) -> Attempt:
        earlier = self._store.checkpoint(values, earlier_epochs) if earlier_epochs else None
        return Attempt(
            number,
            values,
            epochs,
            self._store.checkpoint(values, epochs),
            earlier if earlier and earlier.exists() else None,
            earlier_epochs,
        )

    def _result(self, train: Train, attempt: Attempt) -> Result:
        try:
            result = train(attempt)
        except HeadgateError as error:
            raise FailedTrialError(error.what) from error
        except Exception as error:
            raise FailedTrialError(f"{type(error).__name__}: {first_line(error)}") from error
        if not math.isfinite(result.score):
            raise FailedTrialError(f"{self._objective} is {result.score}")
        self._store.put(attempt.values, attempt.epochs, result)
        if not self._planned.goes_on:
            attempt.checkpoint.unlink(missing_ok=True)
        return result

    def _tell(self, number: int, text: str) -> None:
        PROGRESS.info("trial %d/%d: %s", number, self._planned.trials, text)

    def on_search_end(self) -> None:
        """Says what came of it; called by KerasTuner.

        Raises:
          HeadgateError: if no trial came to a result.
        """
        best, count = self.table()[0], len(self.trials)
        if best.score is None:
            raise HeadgateError(
                f"None of the {count} trials came to a result.",
                where="tuning.space",
                expected=f"a trial with a number for {best.objective}",
                received=f"in the first one: {best.error}",
                fix="train without `tuning` first; then search near values that work",
            )
        if count < self._planned.trials:
            PROGRESS.info("no more than %d trials: there are no other values to try", count)
        told = f"{self._objective} {best.score:.4f} with {described(best.values)}"
        PROGRESS.info("best is trial %d: %s", best.trial, told)
        # TFX asks for so many of the best trials, and Hyperband leaves the number open.
        self.oracle.max_trials = count

    def table(self) -> list[Trial]:
        """What has been tried: the best first, the earlier of two equals, failed trials last."""
        sign = -1 if self.oracle.objective.direction == "max" else 1
        return sorted(self.trials, key=lambda each: math.inf if each.score is None else sign * each.score)

    def clear(self) -> None:
        """Removes trials from disk that are of no more use once the search has come to its end."""
        self._store.clear()
