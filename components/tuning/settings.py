"""Settings of the search for better settings: the `tuning` section."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, FiniteFloat, model_validator

from components.label import Task
from components.training.settings import WATCHED
from schema.section import Section

FACTOR = 3
"""Hyperband: of so many trials one goes on, unless the settings say otherwise."""

RANDOM_POINTS = 3
"""How many random trials Bayesian optimisation makes for each tuned setting before it proposes any itself."""


MOST_STEPS = 1000
"""Each value of a stepped range is tried on its setting before anything runs."""


class ParameterSettings(Section):
    """What one setting is tried with: a choice between values, or a range of numbers.

    In the file, a list such as `[16, 32, 64]` is short for `{values: [16, 32, 64]}`.
    """

    values: tuple[Any, ...] = ()
    """The values to choose from, of any kind that the setting takes."""
    low: int | FiniteFloat | None = None
    """The smallest number of a range."""
    high: int | FiniteFloat | None = None
    """The largest number of a range."""
    step: int | FiniteFloat | None = Field(None, gt=0)
    """Try only `low`, `low` + `step` and so on; with `scale: log` each number is `step` times the one before.
    Default: any number in the range."""
    scale: Literal["linear", "log"] = "linear"
    """`log`: as many trials between 0.001 and 0.01 as between 0.01 and 0.1."""

    @model_validator(mode="after")
    def _choice_or_range(self) -> ParameterSettings:
        if self.values:
            if (self.low, self.high, self.step, self.scale) != (None, None, None, "linear"):
                raise ValueError("give `values`, or a range with `low` and `high`, not both")
            return self
        if self.low is None or self.high is None:
            raise ValueError("give a list of values, or a range with `low` and `high`")
        if not self.low < self.high:
            raise ValueError(f"`low` lies below `high`; received {self.low} and {self.high}")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"on a `log` scale `low` is more than 0; received {self.low}")
        if self.scale == "log" and self.step is not None and self.step <= 1:
            raise ValueError(f"on a `log` scale `step` is a factor of more than 1; received {self.step}")
        if self._steps > MOST_STEPS:
            raise ValueError(f"a range has at most {MOST_STEPS} steps; received {self._steps}")
        return self

    @property
    def listed(self) -> tuple[Any, ...]:
        """The values of a choice, or of a range in steps; empty for a range without steps.

        >>> ParameterSettings(low=16, high=128, step=2, scale="log").listed
        (16, 32, 64, 128)
        """
        if self.low is None or self.step is None:
            return self.values
        if self.scale == "log":
            return tuple(_tidy(self.low * self.step**index) for index in range(self._steps + 1))
        return tuple(_tidy(self.low + self.step * index) for index in range(self._steps + 1))

    @property
    def _steps(self) -> int:
        """Steps from `low` to the last number that is not above `high`; none for a range without steps."""
        if self.low is None or self.high is None or self.step is None:
            return 0
        log = self.scale == "log"
        steps = math.log(self.high / self.low, self.step) if log else (self.high - self.low) / self.step
        return math.floor(steps + 1e-9)  # rounding must not lose the last one


def _tidy(number: float) -> float:
    """0.3 for 0.1 + 0.2."""
    return float(f"{number:.12g}") if isinstance(number, float) else number


def _as_parameter(value: object) -> object:
    return {"values": value} if isinstance(value, list | tuple) else value


class TuningSettings(Section):
    """Which settings are searched for better values, how, and for how long."""

    objective: str
    """What is best: `val_` and a metric that training watches, such as `val_auc`, or `val_loss`. It is that of the
    network that would be kept, on the eval split."""
    space: dict[str, Annotated[ParameterSettings, BeforeValidator(_as_parameter)]] = Field(min_length=1)
    """What is tried, by the setting's path below `model` or `training`, places in lists counted from 0:
    `model.layers.0.units: [16, 32, 64]` is a choice between values of any kind,
    `training.learning_rate: {low: 0.0001, high: 0.01, scale: log}` a range."""
    algorithm: Literal["grid", "random", "bayesian", "hyperband"] = "random"
    """`grid` tries all combinations; `random` draws them; `bayesian` draws some, then proposes what looks most
    promising after those; `hyperband` starts many short trials and goes on with the best."""
    trials: int | None = Field(None, ge=1)
    """How many trials `random` and `bayesian` make; needed there. A grid is tried whole, and Hyperband's number
    follows from `epochs` and `factor`."""
    epochs: int | None = Field(None, ge=1)
    """Epochs of a trial, at most; under `hyperband` those of the longest. Default: `training.epochs`."""
    initial_points: int | None = Field(None, ge=1)
    """Under `bayesian`: random trials before the first proposal. Default: three for each tuned setting."""
    factor: int | None = Field(None, ge=2)
    """Under `hyperband`: of so many trials one goes on, for so many times the epochs. Default: 3."""
    seed: int = Field(42, ge=1)
    """Of the values that are drawn. What happens inside a trial follows from `training.seed`."""

    @model_validator(mode="after")
    def _fits_the_algorithm(self) -> TuningSettings:
        drawn = self.algorithm in ("random", "bayesian")
        if drawn and self.trials is None:
            raise ValueError(f"`trials` is missing: {self.algorithm} needs to know how many to make")
        if not drawn and self.trials is not None:
            raise ValueError(
                f"`trials` is for random and bayesian; how many {self.algorithm} makes follows from the rest"
            )
        if self.initial_points is not None and self.algorithm != "bayesian":
            raise ValueError(f"`initial_points` is for bayesian; received the algorithm {self.algorithm}")
        if self.factor is not None and self.algorithm != "hyperband":
            raise ValueError(f"`factor` is for hyperband; received the algorithm {self.algorithm}")
        if self.algorithm == "bayesian" and self.trials is not None and self.trials <= self.random_points:
            raise ValueError(
                f"`trials`: bayesian begins with {self.random_points} random ones and needs more than these to propose "
                f"any; give more, or set `initial_points`; received {self.trials}"
            )
        return self

    def misfits(self, task: Task, epochs: int) -> Iterator[str]:
        """What does not go with the rest of the settings, a sentence each.

        Args:
          task: the label's.
          epochs: those of the training.
        """
        objectives = [f"val_{name}" for name in ("loss", *WATCHED[task])]
        if self.objective not in objectives:
            yield f"tuning.objective: one of {objectives} in a {task} task; received {self.objective}"
        epochs, factor = self.epochs or epochs, self.factor or FACTOR
        if self.algorithm == "hyperband" and epochs < factor:
            yield (
                f"tuning.epochs: hyperband goes on from short trials to long ones and needs {factor} epochs or more "
                f"for that; received {epochs}"
            )

    @property
    def random_points(self) -> int:
        """Random trials that Bayesian optimisation begins with."""
        return self.initial_points or RANDOM_POINTS * len(self.space)

    @property
    def metric(self) -> str:
        """The objective's name without `val_`, as `evaluate` calls it."""
        return self.objective.removeprefix("val_")

    @property
    def direction(self) -> Literal["min", "max"]:
        """Whether a small or a large objective is good."""
        return "min" if self.metric.endswith(("loss", "error")) else "max"
