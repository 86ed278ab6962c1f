"""Whether a page still says all that there is to say: asked by a run that has nothing to do, so nothing is imported."""

from __future__ import annotations

import time

from pipeline.workspace import Workspace


def fresh(workspace: Workspace, pipeline: str, run_id: str) -> bool:
    """Whether the page of a run is there, and nothing was put on record since it was written.

    Args:
      workspace: where it ran.
      pipeline: the run's.
      run_id: its id.
    """
    page = workspace.report(pipeline, run_id)
    sources = (workspace.metadata, workspace.drift(pipeline), workspace.monitor(pipeline))
    if not page.exists() or page.stat().st_mtime > time.time():  # written before the clock was set back
        return False
    return all(page.stat().st_mtime > path.stat().st_mtime for path in sources if path.exists())
