"""Runs one benchmark: `python -m benchmarks NAME [--runs N] [--json]`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict

from benchmarks import input as feeding
from benchmarks.drift import drift, drift_growth, drift_memory
from benchmarks.export import latency, size
from benchmarks.gpu import gpu
from benchmarks.harness import Result, Unavailable
from benchmarks.ingest import ingest, ingest_memory
from benchmarks.report import report
from benchmarks.scale import scale
from benchmarks.schedule import schedule
from benchmarks.statistics import statistics
from benchmarks.taxi import taxi, taxi_again

BENCHMARKS: dict[str, Callable[[int], Result]] = {
    "drift": drift,
    "drift_growth": drift_growth,
    "drift_memory": drift_memory,
    "export": size("export", "images"),
    "export_latency": latency("export_latency", "images"),
    "export_mnist": size("export_mnist", "mnist-cnn"),
    "export_mnist_latency": latency("export_mnist_latency", "mnist-cnn"),
    "gpu": gpu,
    "input": feeding.cnn,
    "input_dense": feeding.dense,
    "input_loader": feeding.loader,
    "input_memory": feeding.memory,
    "ingest": ingest,
    "ingest_memory": ingest_memory,
    "report": report,
    "schedule": schedule,
    "scale": scale,
    "statistics": statistics,
    "taxi": taxi,
    "taxi_again": taxi_again,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, and prints a line of text or of JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument("--runs", type=int, default=3, help="how often each side is measured (default: 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    try:
        result = BENCHMARKS[options.name](options.runs)
    except Unavailable as missing:
        print(json.dumps({"name": missing.name, "unavailable": missing.reason}) if options.json else missing)
        sys.exit(missing.exit_code)
    print(json.dumps(asdict(result)) if options.json else result)


if __name__ == "__main__":
    main()
