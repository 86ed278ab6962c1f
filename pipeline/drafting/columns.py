"""Columns of a table in a draft: which are features, how they are transformed, which are worth a slice."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.drafting.profile import Column
from pipeline.drafting.text import flow, one_line

MOST_SLICES = 4


def left_out(column: Column) -> str | None:
    """Why a column should be no feature; None if it should."""
    present = column.rows * (1 - column.missing)
    if column.kind == "empty":
        return "no row has a value"
    if column.kind == "image":
        return "the network `cnn` reads one image"
    if column.kind == "other":
        return "nested or binary; make numbers or text of it with data.prepare"
    if column.kind == "time":
        return "a time; make hour, day or age of it with data.prepare"
    if column.kind == "int" and column.low > 1e8 and re.search(r"(?i)(time|date)", column.name):
        return "a time; make hour, day or age of it with data.prepare"
    if column.distinct == 1:
        return f"always {column.values[0]}"
    if column.missing > 0.9:
        return f"missing in {column.missing:.0%} of the rows"
    if column.kind == "string" and column.distinct > 20 and column.distinct > 0.5 * present:
        return "free text" if column.words > 3 else "nearly every row has a value of its own: an id?"
    if column.kind == "int" and column.distinct == present and present > 20 and _counts_up(column):
        return "every row has a number of its own: an id?"
    return None


def _counts_up(column: Column) -> bool:
    """Whether the distinct integers of a column are dense enough to have been numbered, or it is called an id."""
    dense = column.high - column.low + 1 <= 2 * column.distinct
    return dense or re.search(r"(?i)(^|[_ -])(id|key|no|number|uuid)$", column.name) is not None


def column_settings(column: Column) -> dict[str, object]:
    """The `features.columns` entry of a column."""
    settings: dict[str, object] = {}
    if column.kind == "string":
        settings["type"] = "string"
    elif column.kind == "int":
        settings["type"] = "int"
    if column.kind == "string" or categorical(column):
        if column.distinct <= 20:
            settings |= {"transform": "one_hot", "size": column.distinct}
        else:
            settings |= {"transform": "vocabulary", "size": min(1000, column.distinct)}
    else:
        skewed = column.low >= 0 and column.skew > 2
        settings["transform"] = ["log", "zscore"] if skewed else "zscore"
    if column.missing:
        if "zscore" in str(settings["transform"]):
            settings["impute"] = "median"
        settings["indicator"] = True
    return settings


def categorical(column: Column) -> bool:
    """Whether a column's values are names rather than amounts: text, or few small whole numbers."""
    return column.kind == "string" or (
        column.kind == "int" and column.distinct <= 20 and 0 <= column.low <= column.high < 100
    )


def kept(columns: Sequence[Column]) -> list[Column]:
    """The columns that are features."""
    return [column for column in columns if left_out(column) is None]


def feature_lines(columns: Sequence[Column]) -> list[str]:
    """The section `features.columns`; a comment for each column that is left out."""
    lines = ["  columns:"] if kept(columns) else []
    for column in columns:
        key, reason = flow(column.name), left_out(column)
        if reason:
            lines.append(f"    # {key}: left out, {one_line(reason)}")
        else:
            share = "less than 0.1%" if column.missing < 0.001 else f"{column.missing:.1%}"
            note = f"   # missing in {share} of the rows" if column.missing else ""
            lines.append(f"    {key}: {flow(column_settings(column))}{note}")
    return lines


def gate_lines(columns: Sequence[Column]) -> list[str]:
    """The section `gate`: columns with many values see new ones all the time."""
    wide = [each for each in kept(columns) if each.kind == "string" and each.distinct > 20]
    if not wide:
        return []
    return ["gate:", "  features:", *(f"    {flow(each.name)}: {{unexpected_value: warn}}" for each in wide), ""]


def slice_lines(columns: Sequence[Column]) -> list[str]:
    """The section `evaluation.slices`: columns with few values."""
    slices = [each for each in kept(columns) if categorical(each) and each.distinct <= 20][:MOST_SLICES]
    if not slices:
        return []
    values = [f"    {flow(each.name)}: {flow(each.name)}" for each in slices]
    return ["  slices:   # metrics are told for each value of these", *values]
