"""A whole run on the Chicago taxi trips, in CPU seconds from start to end of the process, imports and all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import peers
from benchmarks.harness import Measurement, Result, compare, measure
from data.taxi import trips

AUC_TOLERANCE = 0.01


def taxi(runs: int) -> Result:
    """Ours against TFX's own taxi example: the same rows, training steps and batch size.

    Raises:
      RuntimeError: our AUC is worse than the peer's by more than the tolerance: speed would then be worth nothing.
    """
    python = peers.tfx()
    aucs: dict[str, list[float]] = {"ours": [], "peer": []}

    def ours() -> float:
        with _rows() as (rows, out):
            measured = measure("benchmarks.taxi:run", str(out), str(rows))
            aucs["ours"].append(measured.value)
            return _total(measured)

    def peer() -> float:
        with _rows() as (rows, out):
            measured = measure("benchmarks.taxi_peer:run", str(out), str(rows), python=python)
            aucs["peer"].append(measure("benchmarks.taxi_peer:auc", str(out), python=python).value)
            return _total(measured)

    result = compare("taxi", ours, peer, peer_name="TFX's taxi example", runs=runs)
    mean = {name: sum(values) / len(values) for name, values in aucs.items()}
    if mean["ours"] < mean["peer"] - AUC_TOLERANCE:
        raise RuntimeError(f"AUC {mean['ours']:.4f} is worse than the peer's {mean['peer']:.4f}")
    return result


def taxi_again(runs: int) -> Result:
    """A second, unchanged run against the first."""
    firsts: list[float] = []

    def again() -> float:
        with _rows() as (rows, out):
            first, second = (_total(measure("benchmarks.taxi:run", str(out), str(rows))) for _ in range(2))
            firsts.append(first)
            return second

    return compare("taxi_again", again, lambda: firsts[-1], peer_name="the first run", runs=runs)


@contextmanager
def _rows() -> Iterator[tuple[Path, Path]]:
    """A folder with the trips, and one to write to."""
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder, "rows")
        rows.mkdir()
        shutil.copy(trips(), rows / "trips.csv")
        yield rows, Path(folder, "out")


def _total(measured: Measurement) -> float:
    return measured.cpu_seconds + measured.import_seconds


def run(workspace: str, rows: str) -> float:
    """Runs the preset `taxi` on the CSV file of a folder.

    Returns:
      AUC on the test split.

    Raises:
      RuntimeError: the run did not end with a release.
    """
    import io

    from pipeline.progress import SilentProgress
    from pipeline.run import run as run_pipeline
    from pipeline.settings_file import load
    from pipeline.workspace import Workspace

    loaded = load("taxi", [f"data.path={Path(rows, 'trips.csv')}"])
    summary = run_pipeline(loaded, Workspace(Path(workspace)), progress=SilentProgress(io.StringIO()))
    if summary.status != "pushed":
        raise RuntimeError(f"the run ended as {summary.status}: {summary.error}")
    return summary.metrics["auc"]
