"""Statistics of Examples, in CPU seconds: ours against stock StatisticsGen."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.harness import Result, compare, measure
from benchmarks.table import ROWS, write_csv


def statistics(runs: int, rows: int = ROWS) -> Result:
    """CPU seconds of the step, without its imports."""
    with tempfile.TemporaryDirectory() as folder:
        source, examples = Path(folder, "source"), Path(folder, "examples")
        source.mkdir()
        write_csv(source / "table.csv", rows)
        measure("benchmarks.steps:ingest", str(source), str(examples))
        return compare(
            "statistics",
            lambda: _run("compute_statistics", examples),
            lambda: _run("stock_compute_statistics", examples),
            peer_name="StatisticsGen",
            runs=runs,
        )


def _run(step: str, examples: Path) -> float:
    with tempfile.TemporaryDirectory() as target:
        return measure(f"benchmarks.steps:{step}", str(examples), target).cpu_seconds
