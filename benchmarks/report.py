"""The page of a finished run, against Evidently's page on the same rows.

Ours shows more (verdict, metrics by slice, curves, training, drift, lineage) and computes less: the statistics of a run
are on record. Evidently's shows drift and a summary of the columns, and computes both from the rows.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import peers
from benchmarks.harness import Result, compare, measure
from pipeline.history import History
from pipeline.workspace import Workspace


def report(runs: int) -> Result:
    """CPU seconds, without imports, from the second of two spans of taxi trips."""
    python = peers.evidently()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder, "w"))
        demo = [
            sys.executable,
            "-c",
            "from pipeline.cli import main; main()",
            "demo",
            "--workspace",
            str(workspace.root),
        ]
        subprocess.run(demo, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        run_id = History(workspace).runs("taxi")[0].run_id
        spans = [str(workspace.data("taxi-by-time") / f"span-{span}/trips.csv") for span in (1, 2)]
        return compare(
            "report",
            lambda: measure("benchmarks.report_ours:run", str(workspace.root), run_id).cpu_seconds,
            lambda: (
                measure("benchmarks.report_peer:run", *spans, str(Path(folder, "peer.html")), python=python).cpu_seconds
            ),
            peer_name="Evidently",
            runs=runs,
        )
