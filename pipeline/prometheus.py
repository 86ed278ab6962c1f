"""The state of a pipeline for Prometheus: a textfile, as node_exporter's textfile collector takes it in."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from pipeline.summary import MonitorResult, Status, Summary
from serving.releases import Release


class _Gauges:
    """Gauges with the label `pipeline`, each made when it gets its first value."""

    def __init__(self, pipeline: str) -> None:
        self.registry = CollectorRegistry()
        self._pipeline = pipeline
        self._gauges: dict[str, Gauge] = {}

    def set(self, name: str, about: str, value: float | None, **labels: str) -> None:
        """Sets a gauge; what is not known, or not a number, is left out."""
        if value is None or math.isnan(value):
            return
        if name not in self._gauges:
            self._gauges[name] = Gauge(f"headgate_{name}", about, ["pipeline", *labels], registry=self.registry)
        self._gauges[name].labels(pipeline=self._pipeline, **labels).set(value)


def export(
    path: Path,
    summary: Summary,
    *,
    seconds: float,
    drift: Mapping[str, Any],
    monitor: MonitorResult | None,
    release: Release | None,
) -> None:
    """Writes the file anew, whole or not at all.

    Args:
      path: the file.
      summary: the run that has just ended.
      seconds: how long it took.
      drift: the latest drift report with a reference (`drift.json`), whichever run made it; empty without one.
      monitor: the latest report on a model in service; None without one.
      release: what is in service; None where nothing is.
    """
    gauges = _Gauges(summary.pipeline)
    for status in get_args(Status):
        gauges.set("run_status", "1 for the outcome of the last run.", status == summary.status, status=status)
    gauges.set("run_timestamp_seconds", "When the last run ended, in seconds since 1970.", time.time())
    gauges.set("run_duration_seconds", "How long the last run took.", seconds)
    gauges.set("run_rows", "Rows that the last run read.", summary.rows)
    gauges.set("run_quarantined_rows", "Rows of the last run that did not parse.", summary.quarantined)
    if drift:
        _drift(gauges, drift)
    if monitor:
        _monitor(gauges, monitor)
    if release:
        _release(gauges, release)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_to_textfile(str(path), gauges.registry)


def _drift(gauges: _Gauges, report: Mapping[str, Any]) -> None:
    gauges.set("drift_span", "Span of the last comparison.", report["span"])
    gauges.set("drift_features_compared", "Features of the last comparison.", report["compared"])
    gauges.set("drift_features_drifted", "Features that drifted in it.", len(report["drifted"]))
    gauges.set("drift_share_ratio", "Share of the features that drifted, from 0 to 1.", report["share"])
    for record in report["features"]:
        labels = {"feature": record["feature"], "group": record["group"], "slice": record["slice"] or ""}
        gauges.set(
            "drift_score", "Largest share of a metric in its threshold; above 1 is drift.", record["score"], **labels
        )
        for metric, value in record["metrics"].items():
            gauges.set("drift_value", "What a drift metric measured.", value, metric=metric, **labels)
        for metric, bound in record["bounds"].items():
            gauges.set("drift_threshold", "Above it is drift.", bound, metric=metric, **labels)


def _monitor(gauges: _Gauges, monitor: MonitorResult) -> None:
    gauges.set("monitor_span", "Span that the model in service was last judged on.", monitor.span)
    gauges.set("monitor_labelled_rows", "Rows of it with a label.", monitor.labelled)
    for metric, value in (monitor.metrics or {}).get("overall", {}).items():
        gauges.set("monitor_metric", "What the model in service is worth now.", value, metric=metric, how="measured")
    for metric, found in (monitor.estimated or {}).items():
        gauges.set(
            "monitor_metric", "What the model in service is worth now.", found["value"], metric=metric, how="estimated"
        )
    for metric, drop in (monitor.drops or {}).items():
        gauges.set("monitor_drop", "How much worse than at its release.", drop, metric=metric)


def _release(gauges: _Gauges, release: Release) -> None:
    gauges.set("model_version", "Version in service.", release.version, model=release.model)
    gauges.set(
        "model_released_timestamp_seconds",
        "When the version in service was released, in seconds since 1970.",
        datetime.fromisoformat(release.manifest.created).timestamp(),
        model=release.model,
    )
    for metric, value in release.manifest.metrics.items():
        gauges.set(
            "model_metric",
            "The model in service at its release, on the test split.",
            value,
            model=release.model,
            metric=metric,
        )
