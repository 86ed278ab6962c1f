"""Sections on drift: the model in service on the new data, what changed in this run, and how it came to that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.charts import drift as drift_charts
from pipeline.report.gather import RunRecord
from pipeline.report.verdict import main_metrics
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
    interval_cell,
    metric_cell,
    number,
    percent,
    plural,
    text_cell,
    value_cell,
    without_empty,
)
from pipeline.words import plain_name

METRIC_CHARTS = 4
"""Features with a chart of their own over the spans: those that drifted furthest."""

Record = Mapping[str, Any]


def monitor(run: RunRecord) -> Section | None:
    """The model in service, asked about the new data before anything was trained."""
    found = run.monitor
    if found is None:
        return None
    title = "Model in service on the new data"
    if not found.get("model"):
        return Section("monitor", title, [Text("No model was in service to be asked.")])
    model = f"{found['model']['name']} version {found['model']['version']}"
    told = f"Of the {plural(found['rows'], 'row')} that {model} was asked about, {found['labelled']:,} have a label."
    parts: list[Part] = [Text(told)]
    parts += [Text(sentence) for sentence in found.get("why") or ()]
    measured = (found.get("metrics") or {}).get("overall") or {}
    if known := measured or found.get("estimated") or {}:
        parts.append(_performance(found, measured))
        reading = (
            "Where it does much worse than at its release, what the model learned no longer holds (concept drift): new "
            "training should mend that. Bars are the error of an estimate."
        )
        if len({each["span"] for each in run.monitors}) > 1:
            [name] = main_metrics(run.settings, known, most=1)
            parts.append(Figure(drift_charts.performance(run.monitors, name), reading))
    if slices := (found.get("metrics") or {}).get("slices"):
        parts.append(_by_slice(slices, main_metrics(run.settings, measured)))
    return Section("monitor", title, parts)


def drift(run: RunRecord) -> Section | None:
    """The data against the reference, the most drifted first."""
    found = run.drift
    if found is None:
        return None
    reference = found.get("reference")
    if not reference:
        why = "There was nothing to compare with: no model in service, and no earlier span."
        return Section("drift", "Drift", [Text(why)])
    against = f"Span {found['span']} against span {reference['span']} ({plain_name(reference['kind'])})"
    share = f" ({percent(found['share'])})" if found.get("share") else ""
    text = f"{against}: {len(found['drifted'])} of {plural(found['compared'], 'feature')} drifted{share}."
    records = sorted(found["features"], key=_score, reverse=True)
    reading = (
        "Beyond 1, a feature has changed by more than it may. What that costs, the metrics tell: look first at "
        "features that the model leans on."
    )
    parts: list[Part] = [
        Text(text),
        _comparison(records),
        Figure(drift_charts.ranking(records), reading),
        _every_metric(records),
    ]
    return Section("drift", "Drift", parts)


def timeline(run: RunRecord) -> Section | None:
    """Every comparison of the pipeline up to this run."""
    log = list(run.drift_log)
    spans = sorted({each["span"] for each in log})
    if len(spans) < 2:
        return None
    worst: dict[str, float] = {}
    for each in log:
        worst[_name(each)] = max(worst.get(_name(each), 0.0), _score(each))
    cells = {(_name(each), each["span"]): each for each in log}
    columns = (Column("Feature"), *(Column(f"Span {span}", numeric=True) for span in spans))
    rows = [
        (text_cell(name), *(_scored(cells.get((name, span))) for span in spans))
        for name in sorted(worst, key=lambda name: -worst[name])
    ]
    reading = (
        "A row whose colour grows from left to right drifts slowly. A single strong cell is a span that was different, "
        "or broken. A strong column is a span where everything changed at once."
    )
    table = Table("times the threshold, by span", columns, rows)
    parts: list[Part] = [
        Text(f"{len(spans)} spans have been compared so far."),
        Figure(drift_charts.timeline(log), reading, table),
    ]
    figures = [
        Figure(
            drift_charts.metric_by_span(log, each["feature"], metric), "Above its threshold, the feature has drifted."
        )
        for each in _leaders(log)
        if (metric := _judging(each))
    ]
    if figures:
        parts.append(Group(figures, small=True))
    return Section("timeline", "Drift over time", parts)


def _performance(found: Record, measured: Record) -> Table:
    released = (found.get("released") or {}).get("overall") or {}
    estimated, drops, errors = (found.get(name) or {} for name in ("estimated", "drops", "estimate_error"))
    columns = (
        Column("Metric"),
        Column("On the new data", numeric=True),
        Column("At release", numeric=True),
        Column("Worse by", numeric=True),
        Column("Estimated without labels", numeric=True),
        Column("Estimate minus truth", numeric=True),
    )
    rows = [
        (
            text_cell(plain_name(name)),
            metric_cell(measured.get(name)),
            metric_cell(released.get(name)),
            metric_cell(drops.get(name), signed=True),
            interval_cell(estimated.get(name)),
            metric_cell(errors.get(name), signed=True),
        )
        for name in dict.fromkeys([*measured, *estimated])
    ]
    return without_empty(Table("The model in service, now and when it was released", columns, rows))


def _by_slice(slices: Sequence[Record], names: Sequence[str]) -> Table:
    columns = (
        Column("Slice"),
        Column("Value"),
        Column("Rows", numeric=True),
        *(Column(plain_name(name), numeric=True) for name in names),
    )
    rows = [
        (
            text_cell(each["slice"]),
            text_cell(each["value"]),
            value_cell(each["rows"]),
            *(metric_cell(each["metrics"].get(name)) for name in names),
        )
        for each in slices
    ]
    return Table("The model in service by slice", columns, rows, closed=True)


def _comparison(records: Sequence[Record]) -> Table:
    columns = (
        Column("Feature"),
        Column("Verdict"),
        Column("Times the threshold", numeric=True),
        Column("Judged by", wide=True),
    )
    rows = [
        (
            text_cell(_name(each)),
            _verdict(each),
            Cell(_times(each), each.get("score")),
            text_cell(each.get("message") or _judged(each) if each["drifted"] else _judged(each)),
        )
        for each in records
    ]
    return Table("Features by drift, the most drifted first", columns, rows)


def _verdict(record: Record) -> Cell:
    if not record["drifted"]:
        return Cell("within bounds", 1, "good")
    return Cell("drifted", 0, "bad" if record.get("action") == "block" else "warn")


def _every_metric(records: Sequence[Record]) -> Table:
    """Each metric of each feature, with its threshold and the noise that chance explains."""
    columns = (
        Column("Feature"),
        Column("Metric"),
        Column("Rows", numeric=True),
        Column("Value", numeric=True),
        Column("Threshold", numeric=True),
        Column("Chance explains", numeric=True),
    )
    rows = [
        (
            text_cell(_name(each)),
            text_cell(plain_name(metric)),
            value_cell(each.get("rows")),
            value_cell(value),
            value_cell(each["bounds"].get(metric)),
            value_cell((each.get("noise") or {}).get(metric)),
        )
        for each in records
        for metric, value in each["metrics"].items()
    ]
    return Table("Every drift metric", columns, rows, closed=True)


def _leaders(log: Sequence[Record]) -> list[Record]:
    """The worst record of each of the features that drifted furthest."""
    worst: dict[str, Record] = {}
    for each in log:
        if each["drifted"] and not each.get("slice") and _score(each) >= _score(worst.get(each["feature"], {})):
            worst[each["feature"]] = each
    return sorted(worst.values(), key=_score, reverse=True)[:METRIC_CHARTS]


def _judging(record: Record) -> str | None:
    """The metric that is furthest beyond its threshold."""
    bounds = {
        name: bound for name, bound in record["bounds"].items() if bound and record["metrics"].get(name) is not None
    }
    return max(bounds, key=lambda name: record["metrics"][name] / bounds[name]) if bounds else None


def _judged(record: Record) -> str:
    metric = _judging(record)
    if metric is None:
        return NOTHING
    sign = ">" if record["metrics"][metric] > record["bounds"][metric] else "≤"
    return f"{plain_name(metric)} {number(record['metrics'][metric])} {sign} {number(record['bounds'][metric])}"


def _scored(record: Record | None) -> Cell:
    if record is None:
        return Cell(NOTHING)
    return Cell(f"{_times(record)} drift" if record["drifted"] else _times(record), _score(record))


def _times(record: Record) -> str:
    """The score: how many times the threshold the furthest metric is."""
    score = record.get("score")
    return NOTHING if score is None else f"{score:.2f}"


def _name(record: Record) -> str:
    return f"{record['feature']} ({record['slice']})" if record.get("slice") else str(record["feature"])


def _score(record: Record) -> float:
    return float(record.get("score") or 0.0)
