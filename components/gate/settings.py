"""Settings of the data gate: the `gate` section."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, model_validator

from components.label import ColumnType, LabelSettings
from schema.section import Section

Severity = Literal["block", "warn", "ignore"]

Kind = Literal[
    "quarantine",
    "missing_column",
    "new_column",
    "type",
    "unexpected_value",
    "out_of_range",
    "non_finite",
    "missing_values",
    "all_missing",
    "constant_label",
    "other",
]
"""What can be wrong with the data, in words of our own: TFDV's eighty anomaly types fold into these."""

WARN_BY_DEFAULT: frozenset[Kind] = frozenset({"new_column", "missing_values"})
"""Kinds that only warn where the settings say nothing; all others block."""


class GateSettings(Section):
    """What an anomaly leads to, by kind and by feature."""

    max_quarantined: float = Field(0.01, ge=0, le=1)
    """Share of rows that may fail to parse before the kind `quarantine` is found."""
    severities: dict[Kind, Severity] = {}
    """By kind. Default: `warn` for `new_column` and `missing_values`, `block` for all others."""
    features: dict[str, dict[Kind, Severity]] = {}
    """Severities of one feature, such as `company: {unexpected_value: warn}`; they win over `severities`."""

    @model_validator(mode="after")
    def _some_kind(self) -> GateSettings:
        for name, severities in self.features.items():
            if not severities:
                raise ValueError(f"feature `{name}` lists no kind; there is {list(get_args(Kind))}")
        return self

    def severity(self, kind: Kind, feature: str | None = None) -> Severity:
        """Severity in force for an anomaly of `kind` on `feature` (None: the data as a whole)."""
        own = self.features.get(feature, {}) if feature else {}
        return own.get(kind) or self.severities.get(kind) or ("warn" if kind in WARN_BY_DEFAULT else "block")


class GateStepSettings(Section):
    """What the gate step reads: its own section, and what the rest of the settings says about the data."""

    gate: GateSettings
    label: LabelSettings
    columns: dict[str, ColumnType | None]
    """Columns that features and slices name, with their types; null where the settings give none."""
    late_labels: bool
    """Whether rows may lack their label."""
    curated: bool
    """Whether the schema is a curated one. An inferred schema has nothing to say against its own data."""
