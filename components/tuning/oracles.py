"""What chooses the values of the next trial: KerasTuner's oracles, from settings."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner import oracles
from keras_tuner.engine.trial import TrialStatus
from threadpoolctl import threadpool_limits

from components.training.tuned import value_at, with_values
from components.tuning.settings import FACTOR, ParameterSettings, TuningSettings
from schema.section import Section


@dataclass(frozen=True)
class PlannedOracle:
    """An oracle and how much it will ask for.

    Attributes:
      oracle: a `keras_tuner.Oracle`.
      trials: the number of trials; fewer if there are not so many different values.
      goes_on: whether a trial may go on from where a shorter one ended.
    """

    oracle: Any
    trials: int
    goes_on: bool = False


class BayesianOracle(oracles.BayesianOptimizationOracle):
    """Bayesian optimisation that takes a failed trial for one as bad as the worst that came to a result.

    KerasTuner's own leaves it out, still knows nothing of the place, and proposes it again and again.
    """

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Proposes the values of a trial; see KerasTuner."""
        # For matrices this small, threads that wait for each other took ten times the CPU.
        with threadpool_limits(1):
            return super().populate_space(trial_id)

    def _vectorize_trials(self) -> tuple[np.ndarray, np.ndarray]:
        """Places of the trials, [trials, settings] in [0, 1], and what is to be made small there, [trials]."""
        places, results = super()._vectorize_trials()
        failed = [
            [each.value_to_prob(trial.hyperparameters.values[each.name]) for each in self.hyperparameters.space]
            for trial in self.trials.values()
            if trial.status == TrialStatus.FAILED
        ]
        if failed:
            places = np.vstack([places, failed])
            results = np.append(results, [results.max()] * len(failed))
        return places, results


def oracle(tuning: TuningSettings, settings: Section, epochs: int) -> PlannedOracle:
    """The oracle that the `tuning` section asks for.

    Args:
      tuning: the `tuning` section.
      settings: what is tuned.
      epochs: most epochs of a trial.
    """
    space = hyperparameters(tuning, settings)
    common: dict[str, Any] = {
        "objective": keras_tuner.Objective(tuning.objective, tuning.direction),
        "hyperparameters": space,
        "allow_new_entries": False,
        "tune_new_entries": False,
        "seed": tuning.seed,
        # A failure says something about its values, not about the next ones.
        "max_consecutive_failed_trials": None,
    }
    match tuning.algorithm:
        case "grid":
            trials = math.prod(len(list(each.values)) for each in space.space)
            return PlannedOracle(oracles.GridSearchOracle(**common), trials)
        case "bayesian":
            chosen = BayesianOracle(max_trials=tuning.trials, num_initial_points=tuning.random_points, **common)
        case "hyperband":
            chosen = oracles.HyperbandOracle(max_epochs=epochs, factor=tuning.factor or FACTOR, **common)
            return PlannedOracle(chosen, _hyperband_trials(chosen), goes_on=True)
        case "random":
            chosen = oracles.RandomSearchOracle(max_trials=tuning.trials, **common)
    return PlannedOracle(chosen, tuning.trials or 0)


def _hyperband_trials(oracle: Any) -> int:
    """All trials of all rounds of all brackets. KerasTuner has no public name for it."""
    brackets = range(oracle._get_num_brackets())
    return sum(oracle._get_size(bracket, round_) for bracket in brackets for round_ in range(bracket + 1))


def hyperparameters(tuning: TuningSettings, settings: Section) -> keras_tuner.HyperParameters:
    """The search space as KerasTuner's.

    Args:
      tuning: the `tuning` section.
      settings: what is tuned.

    Returns:
      For each path a choice between values, written as JSON, or a range of floats or of whole numbers.
    """
    space = keras_tuner.HyperParameters()
    for path, parameter in tuning.space.items():
        if parameter.listed:
            space.Choice(path, [json.dumps(value) for value in parameter.listed])
        else:
            _range(space, path, parameter, settings)
    return space


def _range(space: keras_tuner.HyperParameters, path: str, parameter: ParameterSettings, settings: Section) -> None:
    """A range without steps: of whole numbers if that is what the setting makes of one."""
    whole = isinstance(value_at(with_values(settings, {path: parameter.low}), path), int)
    add = space.Int if whole else space.Float
    add(path, parameter.low, parameter.high, sampling=parameter.scale)
