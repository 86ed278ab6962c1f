"""The data gate: every rule on every split, and one decision for each feature and kind."""

from __future__ import annotations

from collections.abc import Mapping

from tensorflow_metadata.proto.v0 import schema_pb2

from components.decisions import Decision
from components.feature_statistics import row_count
from components.gate import anomalies, rules
from components.gate.findings import WHOLE, decide
from components.gate.rules import Ingested, Statistics
from components.gate.settings import GateSettings
from components.label import ColumnType, LabelSettings


def check(
    statistics: Statistics,
    schema: schema_pb2.Schema | None,
    *,
    settings: GateSettings,
    label: LabelSettings,
    columns: Mapping[str, ColumnType | None],
    ingested: Ingested,
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

    Returns:
      One decision for each feature and kind of anomaly that is not ignored; a single `pass` where there is none.
    """
    named = {**columns, label.name: label.type}
    against_schema = (
        () if schema is None else anomalies.against_schema(statistics, schema, named=named, label=label.name)
    )
    findings = [
        *rules.quarantine(ingested),
        *rules.empty_splits(statistics),
        *rules.columns(statistics, named),
        *rules.label(statistics, label),
        *against_schema,
    ]
    return decide(findings, settings) or [_fit(statistics, curated=schema is not None)]


def _fit(statistics: Statistics, *, curated: bool) -> Decision:
    rows = sum(row_count(of_split) for of_split in statistics.values())
    basis = (
        "as the curated schema describes them"
        if curated
        else "by the gate's own rules (there is no curated schema yet: `headgate schema accept` writes one)"
    )
    return Decision("gate", "fit", WHOLE, "pass", f"{rows:,} rows are fit to train on, {basis}.", rows=rows)
