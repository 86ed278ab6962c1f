"""How the steps that read all rows grow with them: time and memory a row, in this process, in several, and on Flink.

`python -m benchmarks scale` measures up to a million rows. For more, or for an engine:

    python -m benchmarks.scale --rows 10000 10000000 --engines in_memory auto --flink 127.0.0.1:8081 --file scale.json
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness import Result, measure
from benchmarks.table import write_csv

ENGINES: dict[str, Mapping[str, Any]] = {
    "in_memory": {"mode": "in_memory"},
    "multi_processing": {"mode": "multi_processing"},
    "auto": {},
}
"""Sections `beam` by name."""

GROWN = ("in_memory", "multi_processing")
"""Engines that `scale` measures."""

_MODEL_ROWS = 10_000


@dataclass(frozen=True)
class Point:
    """A step at a size on an engine.

    Attributes:
      engine: one of `ENGINES`, or `flink`.
      step: `ingest`, `statistics`, `transform`, `evaluate` or `drift`.
      rows: of the table; `evaluate` is asked about all of them, too.
      seconds: wall time.
      cpu_seconds: of the process and its workers, without the process' own imports. Not those of a cluster.
      memory_bytes: of the process beyond its imports.
      worker_bytes: of the largest worker process, of this step or one before; 0 where there is none.
    """

    engine: str
    step: str
    rows: int
    seconds: float
    cpu_seconds: float
    memory_bytes: int
    worker_bytes: int


@dataclass(frozen=True)
class ScaleResult(Result):
    """The growth of the costliest step, and all that was measured."""

    points: tuple[Point, ...]


def scale(runs: int, rows: Sequence[int] = (10_000, 100_000, 1_000_000)) -> ScaleResult:
    """CPU microseconds a row, of all steps in this process: at the largest size, and at the one before.

    Args:
      runs: ignored: a size is measured once, and the sizes bear each other out.
      rows: sizes of the table, rising, at least two.
    """
    points = tuple(measured(rows, {name: ENGINES[name] for name in GROWN}))

    def microseconds(size: int) -> float:
        chosen = (each for each in points if (each.engine, each.rows) == ("in_memory", size))
        return 1e6 * sum(each.cpu_seconds for each in chosen) / size

    ours, peer = microseconds(rows[-1]), microseconds(rows[-2])
    return ScaleResult("scale", ours, peer, f"{rows[-2]:,} rows", "CPU µs/row", peer / ours, 1, points)


def measured(rows: Sequence[int], engines: Mapping[str, Mapping[str, Any]]) -> Iterator[Point]:
    """Measures each size on each engine, in a fresh process.

    Args:
      rows: sizes of the table.
      engines: sections `beam` by name.
    """
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "model")
        _run(Path(folder, "training"), _MODEL_ROWS, ENGINES["in_memory"], model)
        for size in rows:
            for name, engine in engines.items():
                for step, told in _run(Path(folder, "work"), size, engine, model).items():
                    yield Point(name, step, size, **told)


def _run(work: Path, rows: int, engine: Mapping[str, Any], model: Path) -> dict[str, Any]:
    (work / "source").mkdir(parents=True)
    write_csv(work / "source/table.csv", rows)
    found: dict[str, Any] = measure("benchmarks.scale_steps:run", str(work), dict(engine), str(model)).value
    shutil.rmtree(work)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures what is asked for, and prints a line for each point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--engines", nargs="*", choices=ENGINES, default=["in_memory", "multi_processing"])
    parser.add_argument("--flink", help="HOST:PORT of a Flink cluster's REST service, to be measured too")
    parser.add_argument("--job-server-jar", help="Beam's job server for it; default: from Maven")
    parser.add_argument("--file", type=Path, help="JSON file that the points are added to")
    options = parser.parse_args(arguments)
    engines: dict[str, Mapping[str, Any]] = {name: ENGINES[name] for name in options.engines}
    if options.flink:
        jar = {"job_server_jar": options.job_server_jar} if options.job_server_jar else {}
        engines["flink"] = {"runner": "flink", "flink_master": options.flink, **jar}
    for point in measured(options.rows, engines):
        print(
            f"{point.rows:>10,} rows  {point.step:<10}  {point.engine:<16}  {point.seconds:8.1f} s  "
            f"{1e6 * point.cpu_seconds / point.rows:8.1f} CPU µs/row  {point.memory_bytes / 2**20:6.0f} MiB"
            + (f"  workers {point.worker_bytes / 2**20:.0f} MiB" if point.worker_bytes else ""),
            flush=True,
        )
        if options.file:
            known = json.loads(options.file.read_text(encoding="utf-8")) if options.file.exists() else []
            options.file.write_text(json.dumps([*known, asdict(point)], indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
