"""TFDV's anomalies, told in the gate's own words.

TFDV validates a split's statistics against the curated schema. Its eighty anomaly types fold into the gate's
kinds, and its descriptions, which leave out half of what a reader needs, are told anew from schema and statistics.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2
from tensorflow_metadata.proto.v0.statistics_pb2 import FeatureNameStatistics

from components.feature_statistics import by_name, common, row_count
from components.gate import rules
from components.gate.findings import Finding, listed
from components.gate.rules import Statistics
from components.gate.settings import Kind
from schema.curation import TRAINING

KINDS: dict[str, Kind] = {
    "SCHEMA_MISSING_COLUMN": "missing_column",
    "SCHEMA_NEW_COLUMN": "new_column",
    "FEATURE_TYPE_NOT_PRESENT": "all_missing",
    "FEATURE_TYPE_NO_VALUES": "all_missing",
    "FEATURE_TYPE_LOW_FRACTION_PRESENT": "missing_values",
    "FEATURE_TYPE_LOW_NUMBER_PRESENT": "missing_values",
    "INVALID_FEATURE_SHAPE": "missing_values",
    "ENUM_TYPE_UNEXPECTED_STRING_VALUES": "unexpected_value",
    "BOOL_TYPE_UNEXPECTED_STRING": "unexpected_value",
    "BOOL_TYPE_UNEXPECTED_FLOAT": "unexpected_value",
    "BOOL_TYPE_BIG_INT": "out_of_range",
    "BOOL_TYPE_SMALL_INT": "out_of_range",
    "FLOAT_TYPE_BIG_FLOAT": "out_of_range",
    "FLOAT_TYPE_SMALL_FLOAT": "out_of_range",
    "INT_TYPE_BIG_INT": "out_of_range",
    "INT_TYPE_SMALL_INT": "out_of_range",
    "FLOAT_TYPE_HAS_NAN": "non_finite",
    "FLOAT_TYPE_HAS_INF": "non_finite",
    "UNEXPECTED_DATA_TYPE": "type",
    "ENUM_TYPE_INVALID_UTF8": "type",
    **dict.fromkeys(
        (
            *("BOOL_TYPE_BYTES_NOT_INT", "BOOL_TYPE_BYTES_NOT_STRING", "BOOL_TYPE_FLOAT_NOT_INT"),
            *("BOOL_TYPE_FLOAT_NOT_STRING", "BOOL_TYPE_INT_NOT_STRING", "BOOL_TYPE_STRING_NOT_INT"),
            *("ENUM_TYPE_BYTES_NOT_STRING", "ENUM_TYPE_FLOAT_NOT_STRING", "ENUM_TYPE_INT_NOT_STRING"),
            *("FLOAT_TYPE_NOT_FLOAT", "FLOAT_TYPE_STRING_NOT_FLOAT", "FLOAT_TYPE_NON_STRING"),
            *("FLOAT_TYPE_UNKNOWN_TYPE_NUMBER", "INT_TYPE_UNKNOWN_TYPE_NUMBER"),
            *("INT_TYPE_INT_EXPECTED", "INT_TYPE_NOT_INT_STRING", "INT_TYPE_NOT_STRING", "INT_TYPE_STRING_EXPECTED"),
            *("STRING_TYPE_NOW_FLOAT", "STRING_TYPE_NOW_INT"),
        ),
        "type",
    ),
}
"""Kind of each of TFDV's anomaly types (`AnomalyInfo.Type` in TensorFlow Metadata); the rest are `other`."""

HIDES: dict[Kind, frozenset[Kind]] = {
    "type": frozenset({"unexpected_value", "out_of_range", "non_finite", "other"}),
    "all_missing": frozenset({"missing_values", "type", "other"}),
}
"""Kinds that say nothing more of a feature once another is told: they only follow from it."""


PRESENCE: frozenset[Kind] = frozenset({"missing_column", "all_missing"})
"""Kinds that say that a column is not there at all."""


def against_schema(
    statistics: Statistics, schema: schema_pb2.Schema, *, named: Collection[str], label: str
) -> Iterator[Finding]:
    """What TFDV finds in each split, against the schema as it holds for training.

    Args:
      statistics: by split.
      schema: a curated schema.
      named: columns that the settings name; where none of the splits has one, the gate's own rules have told.
      label: name of the label, whose domain is its classes: what lies outside is an unexpected value.
    """
    environment = TRAINING if TRAINING in schema.default_environment else None
    wanted = {feature.name: feature for feature in schema.feature}
    filled = {
        name
        for of_split in statistics.values()
        for name, feature in by_name(of_split).items()
        if common(feature).num_non_missing
    }
    for split, of_split in statistics.items():
        if row_count(of_split) == 0:
            continue  # told as an empty split
        features = by_name(of_split)
        for name, anomaly in _by_name(tfdv.validate_statistics(of_split, schema, environment=environment)):
            subject = _Subject(
                name,
                split,
                features.get(name, FeatureNameStatistics()),
                wanted.get(name, schema_pb2.Feature()),
                is_label=name == label,
                is_named=name in named,
                filled=name in filled,
            )
            yield from _findings(subject, anomaly, schema)


@dataclass(frozen=True)
class _Subject:
    """What an anomaly is about.

    Attributes:
      name: the feature's name; empty for the data as a whole.
      split: the split.
      feature: the feature's statistics, empty where the split lacks it.
      wanted: the feature in the schema, empty where the schema lacks it.
      is_label: whether it is the label.
      is_named: whether the settings name it.
      filled: whether some split has values of it.
    """

    name: str
    split: str
    feature: FeatureNameStatistics
    wanted: schema_pb2.Feature
    is_label: bool
    is_named: bool
    filled: bool


def _findings(subject: _Subject, anomaly: anomalies_pb2.AnomalyInfo, schema: schema_pb2.Schema) -> Iterator[Finding]:
    """One finding for each kind among an anomaly's reasons, but for those that only follow from another."""
    reasons: dict[Kind, anomalies_pb2.AnomalyInfo.Reason] = {}
    for reason in anomaly.reason:
        kind = _kind(reason, subject)
        if not (kind in PRESENCE and subject.is_named and not subject.filled):
            reasons.setdefault(kind, reason)
    hidden = frozenset[Kind]().union(*(HIDES.get(kind, frozenset()) for kind in reasons))
    for kind, reason in reasons.items():
        if kind not in hidden:
            yield _finding(kind, subject, reason, schema)


def _by_name(anomalies: anomalies_pb2.Anomalies) -> Iterator[tuple[str, anomalies_pb2.AnomalyInfo]]:
    for key, anomaly in sorted(anomalies.anomaly_info.items()):
        yield ".".join(anomaly.path.step) or key, anomaly
    if anomalies.HasField("dataset_anomaly_info"):
        yield "", anomalies.dataset_anomaly_info


def _kind(reason: anomalies_pb2.AnomalyInfo.Reason, subject: _Subject) -> Kind:
    kind = KINDS.get(anomalies_pb2.AnomalyInfo.Type.Name(reason.type), "other")
    if kind in PRESENCE and (subject.filled or not subject.is_named):
        # A column that may lack in any share of the rows may well lack in all rows of a span or a split.
        if subject.wanted.presence.min_fraction == 0:
            return "missing_values"
        return "all_missing" if subject.filled else kind
    if kind == "out_of_range" and subject.is_label:
        return "unexpected_value"
    varying = subject.feature.WhichOneof("stats") and common(subject.feature).num_missing == 0
    return "other" if kind == "missing_values" and varying else kind


def _finding(
    kind: Kind, subject: _Subject, reason: anomalies_pb2.AnomalyInfo.Reason, schema: schema_pb2.Schema
) -> Finding:
    """The finding in our words, where schema and statistics tell more than TFDV; else in TFDV's."""
    feature, wanted = subject.feature, subject.wanted
    counts = common(feature)
    rows: int | None = counts.num_non_missing
    values: dict[str, int] = {}
    margin: float | None = None
    exact, seen = True, f"{rules.type_name(feature)} values{rules.examples(feature)}"
    match kind:
        case "missing_column" | "all_missing":
            expected = f"{_type(wanted)} values, as in the schema"
            seen, rows = "none in any row", counts.num_missing or None
        case "new_column":
            expected = "only the columns of the schema"
        case "type":
            expected = f"{_type(wanted)} values, as in the schema"
        case "missing_values":
            expected = f"at most {1 - wanted.presence.min_fraction:.1%} of the rows without a value"
            total = counts.num_missing + counts.num_non_missing
            seen, rows = (f"{counts.num_missing / total:.1%}", counts.num_missing) if total else ("all of them", None)
            margin = 1 - wanted.presence.min_fraction - counts.num_missing / total if total else None
        case "non_finite":
            expected, values = "finite numbers", rules.non_finite(feature)
        case "unexpected_value" if known := _known_values(schema, wanted):
            expected, values = f"one of {listed([repr(v) for v in known])}", rules.values_outside(feature, known)
        case "out_of_range" | "unexpected_value" if feature.HasField("num_stats"):
            low, high = _range(wanted)
            expected, seen = f"{low:g} to {high:g}", f"{feature.num_stats.min:g} to {feature.num_stats.max:g}"
            rows, exact = rules.rows_outside(feature, low, high), False
            margin = min(feature.num_stats.min - low, high - feature.num_stats.max)
        case _:
            expected, seen, rows = "what the schema asks for", _sentence(reason), None
    rows = sum(values.values()) if values else rows
    return Finding(kind, subject.name or None, subject.split, expected, seen, rows, exact, values, margin)


def _sentence(reason: anomalies_pb2.AnomalyInfo.Reason) -> str:
    """What TFDV says, as a quotation."""
    return f'"{reason.description.strip().rstrip(".") or reason.short_description}"'


def _type(feature: schema_pb2.Feature) -> str:
    return {schema_pb2.INT: "int", schema_pb2.FLOAT: "float"}.get(feature.type, "string")


def _known_values(schema: schema_pb2.Schema, feature: schema_pb2.Feature) -> list[str]:
    if feature.HasField("string_domain"):
        return list(feature.string_domain.value)
    return [value for domain in schema.string_domain if domain.name == feature.domain for value in domain.value]


def _range(feature: schema_pb2.Feature) -> tuple[float, float]:
    """Bounds of a numeric domain, infinite where there is none; a bool domain is 0 to 1."""
    if feature.HasField("bool_domain"):
        return 0.0, 1.0
    domain = feature.int_domain if feature.HasField("int_domain") else feature.float_domain
    return (
        float(domain.min) if domain.HasField("min") else float("-inf"),
        float(domain.max) if domain.HasField("max") else float("inf"),
    )
