"""Settings of the monitor: the `monitor` section."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from components.evaluation.settings import BOUNDED, SliceSettings
from components.label import LabelSettings, Task
from schema.section import Section

Action = Literal["log", "warn", "block"]

MAX_DROP: dict[Task, dict[str, float]] = {
    "binary": {"auc": 0.05, "binary_accuracy": 0.05},
    "multiclass": {"accuracy": 0.05},
    "regression": {"mean_absolute_error": 0.2},
}
"""By task: the metrics that are watched where the settings name none, and by how much each may be worse.

Of a binary task two: scores that all move keep their order, and so the AUC, while the decision threshold stays where it
was and parts nothing any more.
"""


class DropSettings(Section):
    """How much worse than at its release the model in service may do.

    In the file, `auc: 0.05` is short for `auc: {max: 0.05}`.
    """

    max: float | None = Field(None, gt=0)
    """On all rows: a difference, or for an error or a loss, which has no upper end, a share of its value at release
    (0.2: a fifth worse)."""
    slices: dict[str, Annotated[float, Field(gt=0)]] = {}
    """The same for every value of a slice, by the slice's name in `evaluation.slices`."""

    @model_validator(mode="after")
    def _some_bound(self) -> DropSettings:
        if self.max is None and not self.slices:
            raise ValueError("a drop gives `max` or `slices`")
        return self


def _as_drop(value: object) -> object:
    return {"max": value} if isinstance(value, int | float) else value


class MonitorSettings(Section):
    """How the model in service is watched on new data, and when it is trained anew."""

    train: Literal["always", "when_needed"] = "always"
    """`when_needed` trains where the model in service does worse than at its release, where drift warns, or where
    there is none."""
    labels: Literal["present", "late"] = "present"
    """`late`: labels may come after the rows. Rows without a label are kept, and nothing is trained before all have
    theirs; the model's performance is estimated from its scores."""
    max_drop: dict[str, Annotated[DropSettings, BeforeValidator(_as_drop)]] = {}
    """By metric: a drop beyond it, and beyond what chance explains, is told. Default: of a binary task
    `{auc: 0.05, binary_accuracy: 0.05}`, of a multiclass one `{accuracy: 0.05}`, of a regression
    `{mean_absolute_error: 0.2}`."""
    action: Action = "warn"
    """After a drop: `log` records it, `warn` says so, `block` ends the run with exit code 4."""
    max_age_days: float | None = Field(None, gt=0)
    """With `when_needed`, a model that was released longer ago is a reason to train too, drift or not. Default: age
    is no reason."""
    cooldown_hours: float = Field(0, ge=0)
    """So long after a training nothing is trained on other data, whatever asks for it."""
    max_rows: int = Field(20_000, ge=100)
    """The model is asked about at most so many rows of a span: one from each of so many even stretches."""

    def drops(self, task: Task) -> dict[str, DropSettings]:
        """The bounds in force."""
        return self.max_drop or {metric: DropSettings(max=most) for metric, most in MAX_DROP[task].items()}


def relative(metric: str) -> bool:
    """Whether a drop of this metric is a share of its value at release."""
    return metric not in BOUNDED and metric != "calibration"


class MonitorStepSettings(Section):
    """What the monitor step reads: its own section, what the model's answers mean, and where its findings go."""

    monitor: MonitorSettings
    label: LabelSettings
    slices: dict[str, SliceSettings]
    min_slice_rows: int
    """Slices with fewer rows are flagged, never judged."""
    serving_dir: str
    model: str
    """Name of the model in TensorFlow Serving."""
    log: str
    """Path of the append-only log, `monitor/PIPELINE.jsonl` in the workspace."""
    tensorboard: str
    """Folder of TensorBoard's scalars, `tensorboard/PIPELINE/monitor` in the workspace."""
