"""The page of a finished run, for the benchmark `report`. Imported by measuring processes only."""

from __future__ import annotations

from pathlib import Path

from pipeline.report.write import write
from pipeline.workspace import Workspace


def run(workspace: str, run_id: str) -> int:
    """Writes the page and the index; returns the page's size in bytes."""
    [page] = write(Workspace(Path(workspace)), run_id)
    return page.stat().st_size
