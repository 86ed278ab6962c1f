"""The drift and monitor reports of all runs of a pipeline, as the timeline takes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from components import log
from pipeline.history.artifacts import drift_report, read_or_tell
from pipeline.history.store import Store, iso_time
from pipeline.history.timeline import Comparison, Performance, points

Kind = TypeVar("Kind")


def comparisons(store: Store, pipeline: str, notices: list[str]) -> list[Comparison]:
    """Every comparison that a pipeline's runs made, the one that a run used last at the end.

    Args:
      store: the workspace's database.
      pipeline: the pipeline's name.
      notices: gets a sentence for each report that cannot be read.
    """
    return _each(store, pipeline, "HeadgateDriftReport", _comparison, notices)


def performance(store: Store, pipeline: str, notices: list[str]) -> list[Performance]:
    """What the model in service was worth on each span; arguments and order as `comparisons` has them."""
    return _each(store, pipeline, "HeadgateMonitorReport", _performance, notices)


def logged(path: Path) -> list[Comparison]:
    """The comparisons that a drift log holds, oldest first; none without a log."""
    lines: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in log.read(path):
        lines.setdefault((str(line["run_id"]), str(line["execution_id"])), []).append(line)
    for each in lines.values():
        points(each, each[0]["span"])  # what a view cannot show is told here, not later
    return [
        Comparison(each[0]["span"], run_id, each[0]["time"], each[0]["reference"], each)
        for (run_id, _), each in lines.items()
    ]


def _each(
    store: Store,
    pipeline: str,
    kind: str,
    reader: Callable[[Path, str, str], Kind | None],
    notices: list[str],
) -> list[Kind]:
    found = []
    for given in store.given(kind, pipeline):
        run_id, time = given.run.name, iso_time(given.execution.create_time_since_epoch)

        def read(folder: Path, run_id: str = run_id, time: str = time) -> Kind | None:
            return reader(folder, run_id, time)

        report = read_or_tell(read, given.artifact.uri, None, notices)
        if report is not None:
            found.append(report)
    return found


def _comparison(folder: Path, run_id: str, time: str) -> Comparison | None:
    """A drift report; None for one with nothing to compare with."""
    report = drift_report(folder)
    if report["reference"] is None:
        return None
    return Comparison(report["span"], run_id, time, report["reference"], report["features"])


def _performance(folder: Path, run_id: str, time: str) -> Performance | None:
    """A monitor's report; None where no model was in service."""
    report = json.loads((folder / "monitor.json").read_text("utf-8"))
    if report["model"] is None:
        return None
    return Performance(
        span=report["span"],
        run_id=run_id,
        time=time,
        model=report["model"],
        rows=report["rows"],
        labelled=report["labelled"],
        measured=_overall(report["metrics"]),
        released=_overall(report["released"]),
        drops=report["drops"] or {},
        estimated=report["estimated"] or {},
    )


def _overall(metrics: Mapping[str, Any] | None) -> Mapping[str, float]:
    return metrics["overall"] if metrics else {}
