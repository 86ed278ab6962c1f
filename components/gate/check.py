"""The data gate: every rule on every split, and one decision for each feature and kind."""

from __future__ import annotations

from collections.abc import Mapping

from tensorflow_metadata.proto.v0 import schema_pb2

from components.decisions import Decision
from components.feature_statistics import missing_rows, row_count
from components.gate import anomalies, rules
from components.gate.findings import WHOLE, decide
from components.gate.rules import Ingested, Statistics
from components.gate.settings import GateSettings, Kind
from components.label import ColumnType, LabelSettings

OF_LATE_LABELS: frozenset[Kind] = frozenset({"missing_column", "all_missing", "missing_values", "constant_label"})
"""Kinds that say no more of a label than that some rows do not have it yet."""


def check(
    statistics: Statistics,
    schema: schema_pb2.Schema | None,
    *,
    settings: GateSettings,
    label: LabelSettings,
    columns: Mapping[str, ColumnType | None],
    ingested: Ingested,
    late_labels: bool = False,
) -> list[Decision]:
    """Decides whether data are fit to train on.

    Args:
      statistics: statistics of each split, by its name.
      schema: the curated schema. None where there is none yet: a schema inferred from these same data has
        nothing to say against them.
      settings: what an anomaly leads to.
      label: the label.
      columns: the columns that the settings name, with the types that they give; None where they give none.
      ingested: what ingestion counted.
      late_labels: whether rows may lack their label. While some do, what that explains is no finding.

    Returns:
      One decision for each feature and kind of anomaly that is not ignored; a single `pass` where there is none.
    """
    named = {**columns, label.name: label.type}
    against_schema = (
        () if schema is None else anomalies.against_schema(statistics, schema, named=named, label=label.name)
    )
    unlabelled = sum(missing_rows(each, label.name) for each in statistics.values()) if late_labels else 0
    findings = [
        *rules.quarantine(ingested),
        *rules.empty_splits(statistics),
        *rules.columns(statistics, named),
        *rules.label(statistics, label, may_lack=unlabelled > 0),
        *against_schema,
    ]
    if unlabelled:
        findings = [each for each in findings if each.feature != label.name or each.kind not in OF_LATE_LABELS]
    decided = decide(findings, settings) or [_fit(statistics, curated=schema is not None)]
    return [*decided, _late(label.name, unlabelled)] if unlabelled else decided


def _late(label: str, rows: int) -> Decision:
    message = f"`{label}`: {rows:,} rows have no label yet (monitor.labels: late); the rules about that wait."
    return Decision("gate", "late_labels", label, "pass", message, rows=rows)


def _fit(statistics: Statistics, *, curated: bool) -> Decision:
    rows = sum(row_count(of_split) for of_split in statistics.values())
    basis = (
        "as the curated schema describes them"
        if curated
        else "by the gate's own rules (there is no curated schema yet: `headgate schema accept` writes one)"
    )
    return Decision("gate", "fit", WHOLE, "pass", f"{rows:,} rows are fit to train on, {basis}.", rows=rows)
