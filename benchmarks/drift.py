"""From two Parquet files to verdicts on each column: CPU and memory against Evidently, and memory as the rows grow."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import peers
from benchmarks.harness import Measurement, Result, compare, measure
from benchmarks.table import write_pair

ROWS = 1_000_000
THRESHOLD = 0.1
"""Of all metrics: normalised Wasserstein distance, Jensen-Shannon distance, PSI. It is Evidently's own."""

TOLERANCE = 0.02
"""How far values of the same metric may lie apart: ours come from statistics, Evidently's from the rows."""

METRICS = (
    {f"number{index}": "wasserstein" for index in range(10)}
    | {f"word{index}": "jensenshannon" for index in range(5)}
    | {f"word{index}": "psi" for index in range(5, 10)}
)
"""Evidently's name of the metric that judges each column."""


def drift(runs: int, rows: int = ROWS) -> Result:
    """CPU seconds, without imports.

    Raises:
      RuntimeError: the verdicts differ, or miss a shift: speed would then be worth nothing.
    """
    return _against_evidently("drift", runs, rows, "CPU s", lambda measured: measured.cpu_seconds)


def drift_memory(runs: int, rows: int = ROWS) -> Result:
    """Memory beyond imports.

    Raises:
      RuntimeError: as `drift`.
    """
    return _against_evidently("drift_memory", runs, rows, "MiB", lambda measured: measured.memory_bytes / 2**20)


def drift_growth(runs: int, rows: int = ROWS) -> Result:
    """Memory that ours needs beyond its imports, on ten times the rows against once."""
    with _tables(10 * rows) as (tenfold, _), _tables(rows) as (once, _):
        return compare(
            "drift_growth",
            lambda: _ours(tenfold).memory_bytes / 2**20,
            lambda: _ours(once).memory_bytes / 2**20,
            peer_name="a tenth of the rows",
            unit="MiB",
            runs=runs,
        )


def check(ours: Mapping[str, float], peer: Mapping[str, float], shifted: Sequence[str]) -> None:
    """Compares the values of each column's metric with each other, and the verdicts with what was shifted.

    Raises:
      RuntimeError: a column drifted on one side only, or wrongly, or the values lie further apart than `TOLERANCE`.
    """
    for column, value in ours.items():
        told = f"{column}: {METRICS[column]} {value:.4f}, Evidently {peer[column]:.4f}, threshold {THRESHOLD:g}"
        if len({value > THRESHOLD, peer[column] > THRESHOLD, column in shifted}) > 1:
            was = "shifted" if column in shifted else "not shifted"
            raise RuntimeError(f"A column was {was}, and did not drift accordingly on both sides. {told}")
        if abs(value - peer[column]) > TOLERANCE:
            raise RuntimeError(f"The values of a metric differ. {told}")


def _against_evidently(name: str, runs: int, rows: int, unit: str, amount: Callable[[Measurement], float]) -> Result:
    python = peers.evidently()
    with _tables(rows) as (tables, shifted):
        values: dict[str, Mapping[str, float]] = {}

        def ours() -> float:
            measured = _ours(tables)
            values["ours"] = measured.value
            return amount(measured)

        def peer() -> float:
            measured = measure("benchmarks.drift_peer:run", *tables, METRICS, THRESHOLD, python=python)
            values["peer"] = measured.value
            return amount(measured)

        result = compare(name, ours, peer, peer_name="Evidently", unit=unit, runs=runs)
    check(values["ours"], values["peer"], shifted)
    return result


@contextmanager
def _tables(rows: int) -> Iterator[tuple[tuple[str, str], Sequence[str]]]:
    """Paths of reference and current, and the columns that were shifted."""
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder, "reference.parquet"), Path(folder, "current.parquet")
        shifted = write_pair(*paths, rows)
        yield (str(paths[0]), str(paths[1])), shifted


def _ours(tables: tuple[str, str]) -> Measurement:
    return measure("benchmarks.drift_ours:run", *tables, METRICS, THRESHOLD)
