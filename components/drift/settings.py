"""Settings of drift: the `drift` section."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schema.section import Section

Action = Literal["log", "warn", "block"]


class BoundSettings(Section):
    """Bounds above which a feature counts as drifted; each in [0, 1] but `psi`, which has no upper end."""

    l_infinity: float = Field(0.1, ge=0, le=1)
    """Categorical: largest change of one value's share."""
    jensen_shannon: float = Field(0.1, ge=0, le=1)
    """Numeric: approximate Jensen-Shannon divergence (base 2) of the histograms."""
    psi: float = Field(0.2, ge=0)
    """Both: population stability index."""
    missing: float = Field(0.05, ge=0, le=1)
    """Both: change of the share of rows without a value."""
    new_values: float = Field(0.05, ge=0, le=1)
    """Categorical: share of rows with a value that the reference does not have."""


class FeatureBoundSettings(Section):
    """Bounds of one feature; those left out are `drift.bounds`."""

    l_infinity: float | None = Field(None, ge=0, le=1)
    """As in `drift.bounds`."""
    jensen_shannon: float | None = Field(None, ge=0, le=1)
    """As in `drift.bounds`."""
    psi: float | None = Field(None, ge=0)
    """As in `drift.bounds`."""
    missing: float | None = Field(None, ge=0, le=1)
    """As in `drift.bounds`."""
    new_values: float | None = Field(None, ge=0, le=1)
    """As in `drift.bounds`."""


class FeatureDriftSettings(Section):
    """What differs from the defaults for one feature."""

    bounds: FeatureBoundSettings = FeatureBoundSettings()
    action: Action | None = None
    """Default: `drift.action`."""


class DriftSettings(Section):
    """How training data are compared with what the model in service was trained on."""

    bounds: BoundSettings = BoundSettings()
    action: Action = "log"
    """When a feature drifted: `log` records it, `warn` says so, `block` ends the run with exit code 4."""
    features: dict[str, FeatureDriftSettings] = {}
    """What differs for single features, by name."""

    def bounds_of(self, feature: str) -> BoundSettings:
        """The bounds in force for a feature."""
        own = self.features.get(feature, FeatureDriftSettings()).bounds.model_dump(exclude_none=True)
        return self.bounds.model_copy(update=own)


class DriftStepSettings(Section):
    """What the drift step reads: its own section, and where its findings go."""

    drift: DriftSettings
    features: tuple[str, ...]
    """Names of the columns that the model reads."""
    label: str
    log: str
    """Path of the append-only log, `drift/PIPELINE.jsonl` in the workspace."""
    tensorboard: str
    """Folder of TensorBoard's scalars, `tensorboard/PIPELINE/drift` in the workspace."""
