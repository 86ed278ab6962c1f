"""Settings of evaluation: the `evaluation` section."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from components.evaluation.decision import DecisionSettings, FixedRule
from components.label import Task
from schema.section import Section

METRICS: dict[Task, tuple[str, ...]] = {
    "binary": (
        "binary_accuracy",
        "precision",
        "recall",
        "f1",
        "auc",
        "auc_pr",
        "binary_crossentropy",
        "calibration",
    ),
    "multiclass": ("accuracy", "macro_precision", "macro_recall", "macro_f1", "categorical_crossentropy"),
    "regression": ("mean_squared_error", "mean_absolute_error", "calibration"),
}
"""The metrics of each task, all of them computed on every run."""

FGSM_ACCURACY = "fgsm_accuracy"
"""Accuracy under FGSM, of a classification: computed where `adversarial` is set."""

BOUNDED = frozenset((*METRICS["binary"][:6], *METRICS["multiclass"][:4], FGSM_ACCURACY))
"""Metrics whose values lie in [0, 1]."""

LOWER_IS_BETTER = frozenset(
    {"binary_crossentropy", "categorical_crossentropy", "mean_squared_error", "mean_absolute_error"}
)


class ThresholdSettings(Section):
    """What a metric must reach, overall and on slices."""

    min: float | None = None
    """The smallest value that passes."""
    max: float | None = None
    """The largest value that passes."""
    slices: dict[str, ThresholdSettings] = {}
    """Bounds on every value of a slice, by the slice's name."""

    @model_validator(mode="after")
    def _some_bound(self) -> ThresholdSettings:
        if self.min is None and self.max is None and not self.slices:
            raise ValueError("a threshold gives `min`, `max` or `slices`")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"`min` {self.min} lies above `max` {self.max}")
        if any(bound.slices for bound in self.slices.values()):
            raise ValueError("thresholds of slices do not nest")
        return self


def _as_change(value: object) -> object:
    return {"max": value} if isinstance(value, int | float) else value


class ChangeSettings(Section):
    """How much worse than the model in service a new one may be.

    In the file, `auc: 0.02` is short for `auc: {max: 0.02}`. 0.01 allows a loss of 0.01, 0 allows none, -0.01 asks for
    a gain of 0.01.
    """

    max: float | None = None
    """On the whole test split."""
    slices: dict[str, Annotated[float, Field(ge=0)]] = {}
    """On every value of a slice, by the slice's name. Only what is worse beyond chance blocks."""

    @model_validator(mode="after")
    def _some_bound(self) -> ChangeSettings:
        if self.max is None and not self.slices:
            raise ValueError("a change threshold gives a number, or `max` or `slices`")
        return self


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _as_slice(value: object) -> object:
    return {"columns": value} if isinstance(value, str | list | tuple) else value


class SliceSettings(Section):
    """A named slice: the values of one column, of several crossed, or the buckets of a number.

    In the file, `day: trip_start_day` and `day_and_payment: [trip_start_day, payment_type]` are short for
    `{columns: ...}`.
    """

    columns: Annotated[tuple[str, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
    """Columns of the data, whether the model reads them or not."""
    boundaries: tuple[float, ...] = ()
    """Cut points that turn a single numeric column into buckets."""

    @model_validator(mode="after")
    def _boundaries_of_one(self) -> SliceSettings:
        if self.boundaries and len(self.columns) > 1:
            raise ValueError("`boundaries` bucketise a single column")
        if list(self.boundaries) != sorted(set(self.boundaries)):
            raise ValueError("`boundaries` rise from first to last")
        return self

    def features(self, name: str) -> tuple[str, ...]:
        """Features to slice on: the columns, or the bucket that the model computes under the slice's name."""
        return (name,) if self.boundaries else self.columns


class FindSlicesSettings(Section):
    """A search for parts of the test split on which the model is weak."""

    max: int = Field(10, ge=0)
    """How many to list. 0: none are looked for."""
    columns: tuple[str, ...] = ()
    """Columns of the data to cut by. Default: those of the features and of `slices`."""


class AdversarialSettings(Section):
    """An attack on the model, to see how many of its answers stay right: the fast gradient sign method (FGSM)."""

    epsilon: float = Field(gt=0)
    """How far each number that the network reads is moved, up or down, whichever raises the loss. Images have
    pixels from 0 to 1, and stay within."""

    @property
    def output(self) -> str:
        """Output of the exported model that tells whether its answer to the changed row is right.

        Models that were trained for another epsilon lack it: their accuracies do not compare.
        """
        return f"fgsm_{self.epsilon:g}"


class EvaluationSettings(Section):
    """How the model is judged on the test split."""

    slices: dict[str, Annotated[SliceSettings, BeforeValidator(_as_slice)]] = {}
    """Parts of the test split on which every metric is computed too, by a name of your choice."""
    thresholds: dict[str, ThresholdSettings] = {}
    """Bounds by metric, on the new model alone."""
    change_thresholds: dict[str, Annotated[ChangeSettings, BeforeValidator(_as_change)]] = {}
    """By metric: by how much the new model may be worse than the one in service. The first model has nothing to be
    compared with: these rules pass, and say so."""
    max_gap: dict[str, float] = {}
    """By metric: how much better the training split may look than the test split (overfitting)."""
    min_slice_rows: int = Field(50, ge=1)
    """Slices with fewer rows are flagged, never judged, and never found."""
    find_slices: FindSlicesSettings = FindSlicesSettings()
    """Weak slices that you did not think of, told and never judged."""
    decision: DecisionSettings = FixedRule(rule="fixed")
    """Of a binary task: the rule that chooses the decision threshold, on the eval split. A row whose score is greater
    than the threshold is positive. `rule` is `fixed`, `f_beta`, `recall_at_precision` or `cost`."""
    adversarial: AdversarialSettings | None = None
    """Reports the metric `fgsm_accuracy` as well, which thresholds may bind. Default: it is not computed."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that slices are cut by, once each."""
        named = (column for group in self.slices.values() for column in group.columns)
        return tuple(dict.fromkeys((*named, *self.find_slices.columns)))

    def metrics(self, task: Task) -> tuple[str, ...]:
        """The metrics that are computed for a task."""
        return (*METRICS[task], FGSM_ACCURACY) if self.adversarial else METRICS[task]

    @model_validator(mode="after")
    def _rules_make_sense(self) -> EvaluationSettings:
        if not self.thresholds and not self.change_thresholds:
            raise ValueError("without `thresholds` or `change_thresholds` no model would ever be blessed: give one")
        for metric, threshold in self.thresholds.items():
            if metric in BOUNDED:
                for bound in (threshold, *threshold.slices.values()):
                    for value in (bound.min, bound.max):
                        if value is not None and not 0 <= value <= 1:
                            raise ValueError(f"a threshold of `{metric}` lies between 0 and 1; received {value}")
        named = [(metric, name) for metric, bounds in self.thresholds.items() for name in bounds.slices]
        named += [(metric, name) for metric, change in self.change_thresholds.items() for name in change.slices]
        for metric, name in named:
            if name not in self.slices:
                raise ValueError(f"threshold of `{metric}` names the slice `{name}`; there is {list(self.slices)}")
        return self
