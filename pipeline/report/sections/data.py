"""The section on the data: what each column looks like against the reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from tensorflow_metadata.proto.v0.statistics_pb2 import FeatureNameStatistics

from components.feature_statistics import by_name, common, missing_count, row_count, whole
from pipeline.charts import profile as profile_charts
from pipeline.report.gather import RunRecord
from pipeline.report.view import (
    NOTHING,
    Cell,
    Column,
    Figure,
    Group,
    Part,
    Section,
    Table,
    Text,
    listed,
    number,
    percent,
    plural,
    text_cell,
)

TOP_VALUES = 3
"""Values of a string column that its row names."""

COLUMNS = (
    Column("Column"),
    Column("Type"),
    Column("Missing", numeric=True),
    Column("Mean", numeric=True),
    Column("Standard deviation", numeric=True),
    Column("Median", numeric=True),
    Column("Range, or most frequent values", wide=True),
)

Feature: TypeAlias = FeatureNameStatistics | None


def profile(run: RunRecord) -> Section | None:
    """Each column of the training rows, against the data that drift compared them with."""
    if run.statistics is None:
        return None
    current, reference = run.statistics.current, run.statistics.reference
    now, before = by_name(current), by_name(reference) if reference else {}
    of_now, of_before = row_count(current), row_count(reference) if reference else 0
    ranked = dict.fromkeys(each["feature"] for each in (run.drift or {}).get("features", ()))
    ranking = [name for name in ranked if name in now]
    names = list(dict.fromkeys([*ranking, *now]))
    text = f"The training split: {plural(of_now, 'row')}, {plural(len(now), 'column')}."
    if reference:
        text += f" The second line of a cell is the reference{_which(run)}, {plural(of_before, 'row')}."
    rows = [_row(name, now[name], before.get(name), of_now, of_before) for name in names]
    caption = "Columns, the most changed first" if ranking else "Columns"
    parts: list[Part] = [Text(text), Table(caption, COLUMNS, rows)]
    if gone := [name for name in before if name not in now]:
        parts.append(Text(f"In the reference, but not here: {listed((f'`{name}`' for name in gone), 10)}.", "warn"))
    charts = profile_charts.feature_profiles(whole(current), whole(reference) if reference else None, ranking)
    if reference:
        reading = (
            "Both colours should have the same shape. Where they differ, the drift section says whether that is more "
            "than chance."
        )
        parts.append(Text(reading))
    if len(charts) < len(now):
        parts.append(Text(f"Drawn are the {len(charts)} most changed of {len(now)} columns."))
    parts.append(Group([Figure(chart, "") for chart in charts.values()], small=True))
    return Section("profile", "Data profile", parts)


def _which(run: RunRecord) -> str:
    reference = (run.drift or {}).get("reference")
    return f", span {reference['span']} ({reference['kind'].replace('_', ' ')})" if reference else ""


def _row(name: str, now: FeatureNameStatistics, before: Feature, rows: int, reference_rows: int) -> list[Cell]:
    missing, was_missing = _missing(now, rows), _missing(before, reference_rows)
    compared = reference_rows > 0
    return [
        text_cell(name),
        Cell(_type(now), _type(now), below=_type(before) if before and _type(before) != _type(now) else ""),
        Cell(percent(missing), missing, below=percent(was_missing) if compared else ""),
        *(_pair(get, now, before, compared) for get in (_mean, _spread, _median)),
        Cell(_extent(now), below=_extent(before) if compared else ""),
    ]


def _pair(get: Callable[[Feature], float | None], now: Feature, before: Feature, compared: bool) -> Cell:
    value = get(now)
    if value is None and get(before) is None:
        return Cell(NOTHING)
    return Cell(number(value), value, below=number(get(before)) if compared else "")


def _missing(feature: Feature, rows: int) -> float | None:
    """Share of rows without a value; TFDV does not count those of a column that is never there."""
    if feature is None or not rows:
        return None
    nan = missing_count(feature) - common(feature).num_missing
    return min(1.0, max(0.0, 1 - (common(feature).num_non_missing - nan) / rows))


def _mean(feature: Feature) -> float | None:
    return feature.num_stats.mean if feature is not None and _has_numbers(feature) else None


def _spread(feature: Feature) -> float | None:
    return feature.num_stats.std_dev if feature is not None and _has_numbers(feature) else None


def _median(feature: Feature) -> float | None:
    return feature.num_stats.median if feature is not None and _has_numbers(feature) else None


def _has_numbers(feature: FeatureNameStatistics) -> bool:
    return feature.WhichOneof("stats") == "num_stats" and bool(common(feature).num_non_missing)


def _extent(feature: Feature) -> str:
    """The range of a number; the most frequent values of a string, and how many there are."""
    if feature is None:
        return NOTHING
    if _has_numbers(feature):
        return f"{number(feature.num_stats.min)} to {number(feature.num_stats.max)}"
    strings, rows = feature.string_stats, common(feature).num_non_missing
    top = [f"{_short(each.value)} {percent(each.frequency / rows)}" for each in strings.top_values[:TOP_VALUES] if rows]
    more = f" … of {strings.unique:,}" if strings.unique > len(top) else ""
    return ", ".join(top) + more if top else NOTHING


def _short(value: str) -> str:
    return value if len(value) <= 24 else value[:23] + "…"


def _type(feature: FeatureNameStatistics) -> str:
    return FeatureNameStatistics.Type.Name(feature.type).lower()
