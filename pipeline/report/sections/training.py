"""Sections on the training: learning curves, trials of a search, models for devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.tuning.trials import compact
from pipeline.charts import edge as edge_charts
from pipeline.charts import training as training_charts
from pipeline.charts.slices import lower_is_better
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
    metric_cell,
    percent,
    plural,
    text_cell,
    value_cell,
)
from pipeline.words import plain_name


def training(run: RunRecord) -> Section | None:
    """Loss and metrics of each epoch on both splits, with the gap between them."""
    if run.training is None:
        return None
    history: Mapping[str, Sequence[float]] = run.training["history"]
    names = training_charts.metrics(history)
    shown = [name for name in names if name == "loss"] + main_metrics(
        run.settings, {name: 0 for name in names if name != "loss"}, most=1
    )
    reading = (
        "Both lines should move the same way. Where the eval line turns back while the other goes on, the model "
        "learns its rows by heart: fewer epochs, a smaller network, dropout or more data help."
    )
    figures = [
        Figure(
            training_charts.learning_curves(history, name),
            reading if name == "loss" else "The shaded gap is how much better the model does on rows it knows.",
        )
        for name in shown
    ]
    return Section(
        "training",
        "Training",
        [Text(_told(run.training, history)), Group(figures), _epochs(history, names), _gaps(run.training)],
    )


def trials(run: RunRecord) -> Section | None:
    """What a search tried."""
    found = run.summary.trials
    if not found:
        return None
    paths = list(found[0].values)
    columns = (
        Column("Trial", numeric=True),
        Column(plain_name(found[0].objective), numeric=True),
        Column("Epochs", numeric=True),
        *(Column(path) for path in paths),
        Column("Failed because", wide=True),
    )
    rows = [
        (
            value_cell(each.trial),
            metric_cell(each.score),
            value_cell(each.epochs),
            *(Cell(compact(each.values.get(path)), compact(each.values.get(path))) for path in paths),
            text_cell(each.error),
        )
        for each in found
    ]
    if not any(each.error for each in found):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    records = [
        {
            "trial": each.trial,
            "objective": each.objective,
            "score": each.score,
            "epochs": each.epochs,
            "values": each.values,
        }
        for each in found
    ]
    reading = (
        "A cloud without a trend is a search that has found what there is; one that still rises deserves more trials."
    )
    table = Table("Trials, the best first", columns, rows, closed=len(rows) > 12)
    return Section("trials", "Trials of the search", [table, Figure(training_charts.trials(records), reading)])


def edge(run: RunRecord) -> Section | None:
    """The models for devices."""
    found = run.summary.edge
    if not found:
        return None
    names = main_metrics(run.settings, run.summary.metrics)
    columns = (
        Column("Model"),
        Column("Judged"),
        Column("Numbers"),
        Column("Size (kB)", numeric=True),
        Column("In gzip (kB)", numeric=True),
        Column("Zeros", numeric=True),
        *(Column(plain_name(name), numeric=True) for name in names),
    )
    rows = [
        (
            text_cell(each.name),
            Cell("passed", 0, "good") if each.passed else Cell("held back", 1, "bad"),
            text_cell(each.format),
            Cell(f"{each.bytes / 1000:,.1f}", each.bytes),
            Cell(f"{each.gzip_bytes / 1000:,.1f}", each.gzip_bytes),
            Cell(percent(each.sparsity), each.sparsity),
            *(metric_cell(each.metrics.get(name)) for name in names),
        )
        for each in found
    ]
    parts: list[Part] = [Table("Models for devices", columns, rows)]
    if names:
        variants = [
            {
                "name": each.name,
                "format": each.format,
                "bytes": each.bytes,
                "passed": each.passed,
                "metrics": each.metrics,
            }
            for each in found
        ]
        reading = "The upper left is best: small and good. The dashed line is the full model."
        if lower_is_better(names[0]):
            reading = "The lower left is best: small and good. The dashed line is the full model."
        parts.append(Figure(edge_charts.edge(variants, names[0], run.summary.metrics.get(names[0])), reading))
    return Section("edge", "Models for devices", parts)


def _told(record: Mapping[str, object], history: Mapping[str, Sequence[float]]) -> str:
    epochs = len(history.get("loss", ()))
    text = f"{plural(epochs, 'epoch')}."
    evaluated = history.get("val_loss") or ()
    if evaluated:
        best = min(range(len(evaluated)), key=lambda index: evaluated[index]) + 1
        text += f" The eval loss is lowest after epoch {best}"
        text += " and rises from there: the epochs after it bring nothing." if best < epochs else ", the last."
    return text


def _epochs(history: Mapping[str, Sequence[float]], names: Sequence[str]) -> Table:
    columns = [Column("Epoch", numeric=True)]
    for name in names:
        plain = plain_name(name)
        columns += [Column(f"{plain}, training", numeric=True), Column(f"{plain}, eval", numeric=True)]
    epochs = len(history.get("loss", ()))
    rows = [
        [value_cell(epoch + 1), *(_at(history[key], epoch) for name in names for key in (name, f"val_{name}"))]
        for epoch in range(epochs)
    ]
    return Table("Loss and metrics by epoch", columns, rows, closed=True, fixed=True)


def _gaps(record: Mapping[str, Mapping[str, float]]) -> Table:
    """The exported weights on both splits."""
    train, evaluated = record.get("train") or {}, record.get("eval") or {}
    rows = [
        (
            text_cell(plain_name(name)),
            metric_cell(train[name]),
            metric_cell(evaluated[name]),
            metric_cell(train[name] - evaluated[name], signed=True),
        )
        for name in train
        if name in evaluated
    ]
    columns = (
        Column("Metric"),
        Column("Training rows", numeric=True),
        Column("Eval rows", numeric=True),
        Column("Gap", numeric=True),
    )
    return Table("The exported weights: the overfitting gap", columns, rows)


def _at(values: Sequence[float], epoch: int) -> Cell:
    return metric_cell(values[epoch]) if epoch < len(values) else Cell(NOTHING)
