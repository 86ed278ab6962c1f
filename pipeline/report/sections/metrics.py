"""Sections on the metrics: of the whole test split, of each slice, and of weak slices that were found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.charts import judgement, slices
from pipeline.report.gather import RunRecord
from pipeline.report.verdict import main_metrics
from pipeline.report.view import (
    Cell,
    Column,
    Figure,
    Group,
    Part,
    Section,
    Table,
    Text,
    Tone,
    interval_cell,
    metric_cell,
    number,
    percent,
    text_cell,
    value_cell,
    without_empty,
)
from pipeline.words import heading, plain_name

Record = Mapping[str, Any]


def metrics(run: RunRecord) -> Section | None:
    """Metrics on the whole test split, against the model in service."""
    overall = run.summary.metrics
    if not overall:
        return None
    intervals = _intervals(run).get("overall") or {}
    comparison = (run.analysis or {}).get("comparison") or {}
    served = run.metrics.get("baseline") or {}
    columns = (
        Column("Metric"),
        Column("New model", numeric=True),
        Column("In service", numeric=True),
        Column("Difference", numeric=True),
        Column("Compared"),
    )
    rows = [
        (
            text_cell(plain_name(name)),
            interval_cell(intervals.get(name) or {"value": value}),
            *_compared(name, value, served.get(name), comparison.get(name)),
        )
        for name, value in overall.items()
    ]
    parts: list[Part] = [Text(" ".join(_tested(run))), without_empty(Table("Metrics on the test split", columns, rows))]
    if comparison:
        reading = (
            "A point is the difference, the bar its interval. Where the bar crosses 0, the difference may be chance; "
            "look at those that are clearly worse."
        )
        parts.append(Figure(judgement.comparison(comparison), reading))
    return Section("metrics", "Metrics", parts)


def by_slice(run: RunRecord) -> Section | None:
    """Metrics of each slice: the metric that rules bind first as table and charts, the others in folded tables."""
    records = _slice_records(run)
    if not records:
        return None
    names = main_metrics(run.settings, run.summary.metrics)
    parts: list[Part] = []
    for name in names:
        known = [each for each in records if (each["metrics"].get(name) or {}).get("value") is not None]
        parts.append(_slice_table(name, known, closed=name != names[0]))
        if name == names[0]:
            parts.append(Group(list(_slice_figures(name, known, run.summary.metrics[name]))))
    parts.append(_all_metrics(records, list(run.summary.metrics)))
    return Section("slices", "Metrics by slice", parts)


def weak_slices(run: RunRecord) -> Section | None:
    """Slices that nobody named, found by search."""
    if run.analysis is None:
        return None
    found = run.analysis["weak_slices"]
    if not found:
        why = "No part of the test rows that is large enough to tell is weaker than the rest."
        return Section("weak-slices", "Weak slices found", [Text(why)])
    certain = sum(bool(each["significant"]) for each in found)
    columns = (
        Column("Where"),
        Column("Certain"),
        Column("Rows", numeric=True),
        Column("Metric"),
        Column("Here", numeric=True),
        Column("The rest", numeric=True),
        Column("Difference", numeric=True),
        Column("p value", numeric=True),
    )
    rows = [
        (
            text_cell(each["where"]),
            Cell("certain", 0, "warn") if each["significant"] else Cell("may be chance", 1, "quiet"),
            value_cell(each["rows"]),
            text_cell(plain_name(each["metric"])),
            metric_cell(each["value"]),
            metric_cell(each["rest"]),
            metric_cell(each["difference"], signed=True),
            value_cell(each["p_value"]),
        )
        for each in found
    ]
    lead = (
        "Parts of the test rows where the model does worst, looked for among all columns. "
        f"{certain} of {len(found)} are certain, even after looking at many."
    )
    reading = "A point is the slice, the tick the rest of the rows: the further apart, the weaker the model is there."
    parts: list[Part] = [Text(lead), Table("Weakest slices", columns, rows), Figure(slices.weak_slices(found), reading)]
    return Section("weak-slices", "Weak slices found", parts)


def _intervals(run: RunRecord) -> Record:
    return (run.analysis or {}).get("intervals") or {}


def _compared(name: str, new: float, served: float | None, comparison: Record | None) -> Sequence[Cell]:
    """The model in service, the difference, and whether that is clear."""
    if comparison:
        better = comparison.get("better")
        tone: Tone = "quiet" if better is None else "good" if better else "bad"
        words = "no clear difference" if better is None else "clearly better" if better else "clearly worse"
        difference = interval_cell({**comparison, "value": comparison.get("difference")}, signed=True)
        return metric_cell(comparison.get("served")), difference, Cell(words, words, tone)
    if served is None:
        return text_cell(None), text_cell(None), text_cell(None)
    return metric_cell(served), metric_cell(new - served, signed=True), text_cell(None)


def _tested(run: RunRecord) -> Iterator[str]:
    """What the metrics were measured on, and how sure they are."""
    analysis = run.analysis or {}
    rows = analysis.get("rows") or run.rows.get("test")
    yield f"On the test split{f', {rows:,} rows' if rows else ''}, which no training has seen."
    if analysis.get("confidence"):
        methods = {each.get("method") for each in (_intervals(run).get("overall") or {}).values()} - {None}
        by = f" ({', '.join(sorted(map(plain_name, methods)))})" if methods else ""
        yield f"In brackets: intervals of {percent(analysis['confidence'])} confidence{by}."
    if analysis.get("sampled"):
        yield "Intervals and curves are those of a sample of the rows."
    if threshold := run.summary.threshold:
        yield f"The decision threshold is {number(threshold.value)} ({threshold.rule})."


def _slice_records(run: RunRecord) -> list[Record]:
    """Slices with intervals where the judge has computed them, else with plain values."""
    if found := _intervals(run).get("slices"):
        return list(found)
    return [
        {"slice": each.slice, "value": each.value, "rows": each.rows}
        | {"metrics": {name: {"value": value} for name, value in each.metrics.items()}}
        for each in run.summary.slices
    ]


def _slice_figures(name: str, records: Sequence[Record], overall: float) -> Iterator[Figure]:
    reading = (
        "The weakest slices come first. A wide bar means few rows: the metric may be off by as much. A slice far from "
        "the dotted line, with a short bar, is where the model is weak: give it more or better data."
    )
    yield Figure(slices.metric_by_slice({"overall": {name: overall}, "slices": records}, name), reading)
    if any((each.get("difference") or {}).get(name) for each in records):
        reading = (
            "A bar that crosses 0 may be chance. A slice that is clearly worse loses by this release, however well the "
            "model does as a whole."
        )
        yield Figure(slices.differences(records, name), reading)


def _slice_table(name: str, records: Sequence[Record], *, closed: bool) -> Table:
    """One metric on each slice, the weakest first."""
    columns = (
        Column("Slice"),
        Column("Rows", numeric=True),
        Column("New model", numeric=True),
        Column("In service", numeric=True),
        Column("Difference", numeric=True),
    )
    weakest = sorted(records, key=lambda each: each["metrics"][name]["value"], reverse=slices.lower_is_better(name))
    rows = [
        (
            _slice(each),
            value_cell(each["rows"]),
            interval_cell(each["metrics"][name]),
            metric_cell((each.get("served") or {}).get(name)),
            interval_cell((each.get("difference") or {}).get(name), signed=True),
        )
        for each in weakest
    ]
    caption = heading(f"{plain_name(name)} by slice, the weakest first")
    return without_empty(Table(caption, columns, rows, closed))


def _all_metrics(records: Sequence[Record], names: Sequence[str]) -> Table:
    numbers = [Column(plain_name(name), numeric=True) for name in names]
    rows = [
        (
            _slice(each),
            value_cell(each["rows"]),
            *(metric_cell((each["metrics"].get(name) or {}).get("value")) for name in names),
        )
        for each in records
    ]
    columns = (Column("Slice"), Column("Rows", numeric=True), *numbers)
    return Table("All metrics by slice", columns, rows, closed=True)


def _slice(record: Record) -> Cell:
    """A slice as charts name it; the page sorts numbers within words as numbers."""
    return text_cell(slices.where(record))
