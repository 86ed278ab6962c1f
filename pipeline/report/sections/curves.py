"""Sections on how the scores behave: thresholds, calibration, ROC and precision-recall, the confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.charts import judgement
from pipeline.report.gather import RunRecord
from pipeline.report.view import (
    Cell,
    Column,
    Figure,
    Group,
    Section,
    Table,
    interval_cell,
    number,
    percent,
    text_cell,
    value_cell,
)
from pipeline.words import plain_name

CURVE_ROWS = 21
"""Rows of a table beside a curve."""

Curves = Mapping[str, Any]
Bins = Sequence[Mapping[str, Any]]


def curves(run: RunRecord) -> Section | None:
    """Threshold, scores, calibration, ROC and precision-recall of a classifier; errors of a regression."""
    both = (run.analysis or {}).get("curves")
    if not both or not both.get("new"):
        return None
    threshold = run.summary.threshold.value if run.summary.threshold else None
    figures = [*_thresholds(both, threshold), *_calibration(both), *_lines(both), *_regression(both)]
    regression = (run.analysis or {}).get("task") == "regression"
    title = "Errors of the predictions" if regression else "Thresholds, calibration and curves"
    return Section("curves", title, [Group(figures)]) if figures else None


def confusion(run: RunRecord) -> Section | None:
    """Which label the rows of each label were given."""
    found = (run.analysis or {}).get("confusion")
    if not found:
        return None
    reading = (
        "A row is a true label, a column what the model said. All that lies beside the diagonal is wrong; a strong "
        "cell there is a mix-up worth a look."
    )
    figures = [
        Figure(judgement.confusion(found, model), reading, _matrix(whose, found["labels"], found[model]))
        for model, whose in (("new", "new model"), ("served", "model in service"))
        if found.get(model)
    ]
    return Section("confusion", "Confusion matrix", [Group(figures)])


def _thresholds(both: Curves, threshold: float | None) -> Iterator[Figure]:
    if at := both["new"].get("thresholds"):
        reading = (
            "A threshold further right gives fewer false alarms, one further left fewer misses: set the one that your "
            "costs ask for under `evaluation.decision`."
        )
        yield Figure(judgement.thresholds(both, threshold), reading, _series("measures by decision threshold", at))
    if bins := both["new"].get("scores"):
        reading = "The further apart the two lie, the better the model tells them from each other."
        columns = (Column("Score"), Column("Negatives", numeric=True), Column("Positives", numeric=True))
        rows = [(_range(each), value_cell(each["negative"]), value_cell(each["positive"])) for each in bins]
        chart = judgement.score_histogram(both, threshold)
        yield Figure(chart, reading, Table("rows by score", columns, rows, fixed=True))


def _calibration(both: Curves) -> Iterator[Figure]:
    if bins := both["new"].get("calibration"):
        reading = (
            "On the dotted line, a score of 0.8 comes true in 8 of 10 rows. Below it the model is too sure of itself, "
            "above it too careful. Far from the line, do not read scores as probabilities."
        )
        columns = (
            Column("Score"),
            Column("Rows", numeric=True),
            Column("Predicted, on average", numeric=True),
            Column("Came true", numeric=True),
        )
        rows = [
            (
                _range(each),
                value_cell(each["rows"]),
                value_cell(each["predicted"]),
                _interval(each, "observed"),
            )
            for each in bins
        ]
        yield Figure(judgement.calibration(both), reading, Table("calibration", columns, rows, fixed=True))


def _lines(both: Curves) -> Iterator[Figure]:
    if line := both["new"].get("roc"):
        reading = "The closer to the upper left corner the better; on the diagonal the model guesses."
        yield Figure(judgement.roc(both), reading, _series("ROC of the new model", line))
    if line := both["new"].get("precision_recall"):
        reading = "The closer to the upper right corner the better. Where positives are rare, look here first."
        yield Figure(judgement.precision_recall(both), reading, _series("precision and recall of the new model", line))


def _regression(both: Curves) -> Iterator[Figure]:
    if bins := both["new"].get("residuals"):
        reading = "A narrow hill around 0 is good. One that lies beside 0 means that the model is off to one side."
        columns = (Column("Prediction - truth"), Column("Rows", numeric=True))
        rows = [(_range(each), value_cell(each["rows"])) for each in bins]
        yield Figure(judgement.residuals(both), reading, Table("rows by error", columns, rows, fixed=True))
    if bins := both["new"].get("predicted_actual"):
        reading = (
            "On the dotted line, predictions come true on average. Where the points bend away from it, the model is "
            "off for values of that size."
        )
        heads = (Column("Predicted"), Column("Rows", numeric=True), Column("Truth, on average", numeric=True))
        pairs = [(value_cell(each["predicted"]), value_cell(each["rows"]), _interval(each, "actual")) for each in bins]
        chart = judgement.predicted_actual(both)
        yield Figure(chart, reading, Table("truth by prediction", heads, pairs, fixed=True))


def _series(caption: str, series: Mapping[str, Sequence[Any]]) -> Table:
    """Some of the points of a curve, the first and the last among them."""
    names = sorted(series, key=lambda name: name != "threshold")
    length = min(len(series[name]) for name in names)
    chosen = sorted({*range(0, length, max(1, math.ceil(length / CURVE_ROWS))), *([length - 1] if length else [])})
    columns = [Column(plain_name(name).capitalize(), numeric=True) for name in names]
    rows = [[value_cell(series[name][index]) for name in names] for index in chosen]
    return Table(caption, columns, rows, fixed=True)


def _matrix(whose: str, names: Sequence[Any], matrix: Sequence[Sequence[int]]) -> Table:
    labels = [str(name) for name in names]
    said = [Column(f"said {label}", numeric=True) for label in labels]
    rows = [
        (text_cell(label), *map(value_cell, row), _right(row, index))
        for index, (label, row) in enumerate(zip(labels, matrix, strict=True))
    ]
    columns = (Column("True label"), *said, Column("Right", numeric=True))
    return Table(f"confusion matrix of the {whose}", columns, rows)


def _range(each: Mapping[str, Any]) -> Cell:
    return Cell(f"{number(each['low'])} to {number(each['high'])}", each["low"])


def _interval(each: Mapping[str, Any], name: str) -> Cell:
    return interval_cell({"value": each[name], "low": each.get(f"{name}_low"), "high": each.get(f"{name}_high")})


def _right(row: Sequence[int], index: int) -> Cell:
    share = row[index] / sum(row) if sum(row) else None
    return Cell(percent(share), share)
