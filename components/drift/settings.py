"""Settings of drift: the `drift` section."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schema.section import Section

Action = Literal["log", "warn", "block"]

Metric = Literal[
    "missing",
    "jensen_shannon",
    "l_infinity",
    "new_values",
    "vanished_values",
    "psi",
    "hellinger",
    "chi_square",
    "kolmogorov_smirnov",
    "wasserstein",
    "mean_shift",
    "spread_shift",
    "value_length",
]
"""What is measured; docs/drift.md explains each."""

Share = Annotated[float, Field(ge=0, le=1)]
Distance = Annotated[float, Field(ge=0)]


class BoundSettings(Section):
    """The smallest differences that matter. A metric whose bound is null is measured and does not judge."""

    missing: Share | None = 0.02
    """All: change of the share of rows without a value."""
    jensen_shannon: Share | None = 0.01
    """All: Jensen-Shannon divergence (base 2)."""
    l_infinity: Share | None = 0.05
    """Categorical: largest change of one value's share."""
    new_values: Share | None = 0.02
    """Categorical: share of rows with a value that the reference does not have."""
    vanished_values: Share | None = None
    """Categorical: share of the reference's rows with a value that the data do not have any more."""
    psi: Distance | None = None
    """All: population stability index."""
    hellinger: Share | None = None
    """Categorical: Hellinger distance."""
    chi_square: Share | None = None
    """Categorical: the chi-square statistic, scaled to [0, 1] (Cramér's V)."""
    kolmogorov_smirnov: Share | None = None
    """Numeric: largest change of the share of rows below a value."""
    wasserstein: Distance | None = None
    """Numeric: Wasserstein distance in standard deviations of the reference."""
    mean_shift: Distance | None = None
    """Numeric: change of the mean in standard deviations of the reference."""
    spread_shift: Distance | None = None
    """Numeric: logarithm of the ratio of both standard deviations."""
    value_length: Distance | None = None
    """Categorical: change of the mean length of values, as a share of the reference's."""


class FeatureDriftSettings(Section):
    """What differs from the defaults for one feature."""

    bounds: dict[Metric, Distance | None] = {}
    """Bounds of this feature, by metric. What is not named is as in `drift.bounds`; null: not judged."""
    action: Action | None = None
    """Default: `drift.action`."""


class DriftSettings(Section):
    """How training data are compared with what the model in service was trained on."""

    reference: Literal["in_service", "previous_span"] | Annotated[int, Field(ge=0)] = "in_service"
    """What the data are compared with: `in_service`, what the model in service was trained on, or the previous span
    where nothing is in service; `previous_span`; or the number of a span, which stays the reference."""
    bounds: BoundSettings = BoundSettings()
    thresholds: Literal["learned", "fixed"] = "learned"
    """`learned`: a difference above its bound counts only where it is above what chance, and the usual change from span
    to span, explain at this number of rows. `fixed`: the bounds alone."""
    action: Action = "log"
    """When a feature drifted: `log` records it, `warn` says so, `block` ends the run with exit code 4."""
    monitored: Action = "log"
    """The same for predictions and embeddings of the model in service."""
    features: dict[str, FeatureDriftSettings] = {}
    """What differs for single features, by name; also for predictions and embeddings, such as `prediction/score`."""
    slices: tuple[str, ...] = ()
    """Compare slices of the rows too: columns of text or whole numbers, each value of which is a slice, or names of
    `evaluation.slices` without `boundaries`. Statistics cost as much again for each, and some more for each value."""

    def bounds_of(self, feature: str) -> dict[str, float]:
        """The bounds in force for a feature, by the metrics that judge it."""
        own = self.features.get(feature, FeatureDriftSettings()).bounds
        bounds = self.bounds.model_dump() | own
        return {metric: bound for metric, bound in bounds.items() if bound is not None}


class DriftStepSettings(Section):
    """What the drift step reads: its own section, and where its findings go."""

    drift: DriftSettings
    features: tuple[str, ...]
    """Names of the columns that the model reads."""
    label: str
    slices: tuple[tuple[str, ...], ...] = ()
    """Columns of each slicing of `drift.slices`."""
    log: str
    """Path of the append-only log, `drift/PIPELINE.jsonl` in the workspace."""
    tensorboard: str
    """Folder of TensorBoard's scalars, `tensorboard/PIPELINE/drift` in the workspace."""
