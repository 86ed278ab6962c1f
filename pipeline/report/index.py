"""The index: all runs of a workspace at a glance, with a link to the page of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from components import log
from pipeline.history import History, RunRow
from pipeline.report.page import render
from pipeline.report.verdict import HEADLINES, SHORT, main_metrics
from pipeline.report.view import (
    Cell,
    Column,
    Facts,
    Part,
    Section,
    Table,
    Text,
    duration,
    listed,
    metric,
    metric_cell,
    moment,
    sparkline,
    text_cell,
    value_cell,
)
from pipeline.words import plain_name
from pipeline.workspace import Workspace, file_name
from schema.errors import ReleaseError
from serving import files, model_config
from serving.elsewhere import looked_at

NAMED = 3
"""Drifted features that a row names."""


def write(workspace: Workspace) -> Path:
    """Writes `reports/index.html`, which links to the pages that are there.

    Returns:
      The file.

    Raises:
      HeadgateError: if the workspace's database cannot be read.
    """
    path = workspace.reports / "index.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace(path, index_page(workspace, lambda row: workspace.report(row.pipeline, row.run_id).exists()))
    return path


def index_page(workspace: Workspace, has_page: Callable[[RunRow], bool]) -> str:
    """The index as HTML.

    Args:
      workspace: whose runs.
      has_page: whether a run's page can be opened.

    Raises:
      HeadgateError: if the workspace's database cannot be read.
    """
    history = History(workspace)
    rows = history.runs()
    pipelines = list(dict.fromkeys(row.pipeline for row in rows))
    sections = [
        _section(workspace, history, [row for row in rows if row.pipeline == pipeline], has_page)
        for pipeline in pipelines
    ]
    return render("index.html", place=workspace.root, runs=len(rows), sections=sections)


def _section(
    workspace: Workspace, history: History, rows: Sequence[RunRow], has_page: Callable[[RunRow], bool]
) -> Section:
    """The runs of one pipeline, the newest first."""
    pipeline = rows[0].pipeline
    settings = history.settings(rows[0].run_id)
    judged = next((row for row in rows if row.metrics), rows[0])
    metrics = main_metrics(settings, judged.metrics)
    drifted = _drifted(workspace, pipeline)
    columns = (
        Column("Run"),
        Column("Status"),
        Column("Started"),
        Column("Span", numeric=True),
        Column("Version", numeric=True),
        *(Column(plain_name(name), numeric=True) for name in metrics),
        Column("Drifted", wide=True),
        Column("Took", numeric=True),
    )
    table = Table(
        f"Runs of {pipeline}, the newest first",
        columns,
        [_row(row, metrics, drifted, has_page(row)) for row in rows],
    )
    parts: list[Part] = [Facts(dict(_facts(workspace, settings, rows, metrics))), table]
    if notices := list(dict.fromkeys(notice for row in rows for notice in row.notices)):
        parts.append(Text(f"Not everything could be read: {listed(notices, 2)}", "warn"))
    return Section(pipeline, pipeline, parts)


def _row(row: RunRow, metrics: Sequence[str], drifted: dict[str, list[str]], has_page: bool) -> list[Cell]:
    tone, words = HEADLINES[row.status][0], SHORT[row.status]
    found = drifted.get(row.run_id)
    return [
        Cell(row.run_id, row.run_id, link=f"{row.pipeline}/{file_name(row.run_id)}.html" if has_page else ""),
        Cell(words, words, tone),
        Cell(moment(row.started), row.started),
        value_cell(row.span),
        value_cell(row.version),
        *(metric_cell(row.metrics.get(name)) for name in metrics),
        text_cell(None) if found is None else Cell(listed(found, NAMED) or "none", len(found)),
        Cell(duration(row.seconds), row.seconds),
    ]


def _facts(
    workspace: Workspace, settings: dict[str, Any], rows: Sequence[RunRow], metrics: Sequence[str]
) -> Iterator[tuple[str, Cell | str]]:
    """What is in service, and how the main metrics went from run to run."""
    model = (settings.get("release") or {}).get("model") or rows[0].pipeline
    place = (settings.get("release") or {}).get("directory") or workspace.serving
    try:
        version = model_config.stable(model_config.read(looked_at(place)), model)
        yield "In service", f"{model} version {version}" if version else "nothing yet"
    except ReleaseError as error:
        yield "In service", Cell(error.what, tone="bad")
    yield "Runs", str(len(rows))
    oldest_first = rows[::-1]
    for name in metrics:
        values = [row.metrics.get(name) for row in oldest_first]
        known = [value for value in values if value is not None]
        yield plain_name(name), Cell(metric(known[-1] if known else None), spark=sparkline(values))


def _drifted(workspace: Workspace, pipeline: str) -> dict[str, list[str]]:
    """Names of drifted features by run, for runs that compared; the drift log has them at hand."""
    found: dict[str, list[str]] = {}
    for record in log.read(workspace.drift(pipeline)):
        names = found.setdefault(str(record.get("run_id")), [])
        if record.get("drifted") and record.get("feature") not in names:
            names.append(str(record["feature"]))
    return found
