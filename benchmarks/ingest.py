"""CSV to Examples: CPU against stock CsvExampleGen, and memory as the rows grow tenfold."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.harness import Measurement, Result, compare, measure
from benchmarks.table import ROWS, write_csv


def ingest(runs: int, rows: int = ROWS) -> Result:
    """CPU seconds of the step, without its imports."""
    with tempfile.TemporaryDirectory() as folder:
        source = _source(Path(folder, "source"), rows)
        return compare(
            "ingest",
            lambda: _run("ingest", source).cpu_seconds,
            lambda: _run("stock_ingest", source).cpu_seconds,
            peer_name="CsvExampleGen",
            runs=runs,
        )


def ingest_memory(runs: int, rows: int = ROWS) -> Result:
    """Memory that the step needs beyond its imports, on ten times the rows against once."""
    with tempfile.TemporaryDirectory() as folder:
        once = _source(Path(folder, "once"), rows)
        tenfold = _source(Path(folder, "tenfold"), 10 * rows)
        return compare(
            "ingest_memory",
            lambda: _run("ingest", tenfold).memory_bytes / 2**20,
            lambda: _run("ingest", once).memory_bytes / 2**20,
            peer_name="a tenth of the rows",
            unit="MiB",
            runs=runs,
        )


def _source(folder: Path, rows: int) -> Path:
    folder.mkdir()
    write_csv(folder / "table.csv", rows)
    return folder


def _run(step: str, source: Path) -> Measurement:
    with tempfile.TemporaryDirectory() as target:
        return measure(f"benchmarks.steps:{step}", str(source), target)
