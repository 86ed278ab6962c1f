"""The page of one run, written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from pipeline.charts.render import page_embed, scripts
from pipeline.history import RunRow
from pipeline.report import index
from pipeline.report.contents import sections
from pipeline.report.gather import RunRecord, gather
from pipeline.report.kept import fresh
from pipeline.report.page import figures, render
from pipeline.report.verdict import verdict
from pipeline.workspace import Workspace
from serving import files


def write(workspace: Workspace, *run_ids: str) -> list[Path]:
    """Writes the pages of runs, and the index over all runs.

    Args:
      workspace: where they ran.
      *run_ids: their ids.

    Returns:
      A file for each, `reports/PIPELINE/RUN.html` in the workspace.

    Raises:
      SettingsError: if there is no such run.
      HeadgateError: if the workspace's database cannot be read.
    """
    paths = [_write(workspace, gather(workspace, run_id))[0] for run_id in run_ids]
    index.write(workspace)
    return paths


def current(workspace: Workspace, row: RunRow) -> str:
    """The page of a run as HTML: the one that is there if it is fresh, else a new one, kept where that can be done."""
    if row.status != "running" and fresh(workspace, row.pipeline, row.run_id):
        return workspace.report(row.pipeline, row.run_id).read_text(encoding="utf-8")
    run = gather(workspace, row.run_id)
    try:
        return _write(workspace, run)[1]
    except OSError:  # a workspace that may only be read
        return run_page(run)


def run_page(run: RunRecord) -> str:
    """The page of a run, as HTML."""
    found = list(sections(run))
    drawn = any(figures(found))
    return render(
        "run.html",
        run=run.row,
        verdict=verdict(run),
        notes=run.summary.notes,
        sections=found,
        embed=_Embed(),
        libraries=Markup(scripts()) if drawn else "",  # noqa: S704 -- the charts' own
    )


def _write(workspace: Workspace, run: RunRecord) -> tuple[Path, str]:
    path, page = workspace.report(run.row.pipeline, run.row.run_id), run_page(run)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace(path, page)
    return path, page


class _Embed:
    """Puts charts into a page, each under an id of its own."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, chart: Any) -> Markup:
        self._count += 1
        return Markup(page_embed(chart, f"chart-{self._count}"))  # noqa: S704 -- escapes what is in the chart
