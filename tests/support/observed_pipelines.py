"""Everything that the product can tell Prometheus, and what TensorFlow Serving tells it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from recorded import drift_report, feature

from pipeline import prometheus
from pipeline.summary import MonitorResult, Status, Summary
from serving.manifest import Manifest
from serving.releases import Release

SERVING = Path(__file__).with_name("tensorflow_serving_metrics.txt")
"""The form of TensorFlow Serving's own page, `/monitoring/prometheus/metrics`; names and labels are those of
`tensorflow_serving/servables/tensorflow/util.cc`."""

NODE_EXPORTER = {"node_textfile_scrape_error", "node_filesystem_avail_bytes", "node_filesystem_size_bytes"}
PROMETHEUS = {"up", "ALERTS"}


def export(folder: Path, pipeline: str, status: Status) -> None:
    """Writes a textfile with every metric that there is."""
    prometheus.export(
        folder / f"{pipeline}.prom",
        Summary("r1", pipeline, status, rows=1000, quarantined=30),
        seconds=12.5,
        drift=drift_report(3, [feature("fare", 1.5), feature("miles", 0.5, slice="shop=north")]),
        monitor=MonitorResult(
            span=3,
            model={"name": pipeline, "version": 7},
            labelled=100,
            metrics={"overall": {"auc": 0.8}},
            drops={"auc": 0.1},
            estimated={"auc": {"value": 0.82, "low": 0.8, "high": 0.84}},
        ),
        release=_release(pipeline),
    )


def exported(folder: Path) -> set[str]:
    """Names of all metrics that may be asked for."""
    assert set(get_args(Status)) >= {"failed", "blocked", "not_blessed", "pushed"}
    export(folder, "taxi", "pushed")
    return _names((folder / "taxi.prom").read_text()) | _names(SERVING.read_text()) | NODE_EXPORTER | PROMETHEUS


def asked(expression: str) -> set[str]:
    """Names of the metrics in an expression of PromQL."""
    bare = re.sub(r'\{[^}]*\}|"[^"]*"|\bby\s*\([^)]*\)|\[[^\]]*\]', " ", expression)
    words = re.findall(r"(?<![\w:])[:a-zA-Z_][\w:]*+(?!\s*\()", bare)
    return {word for word in words if word not in ("and", "or", "unless", "by")}


def _names(text: str) -> set[str]:
    return set(re.findall(r"^([:a-zA-Z_][\w:]*)", text, re.MULTILINE))


def _release(pipeline: str) -> Release:
    manifest = Manifest(
        run_id="r1",
        pipeline=pipeline,
        span=1,
        model_uri="",
        statistics_uri="",
        schema_fingerprint="",
        code_fingerprint="",
        settings_fingerprint="",
        metrics={"auc": 0.9},
        model=pipeline,
        version=7,
        created="2026-01-01T00:00:00+00:00",
        files={},
    )
    return Release(path=Path(f"/w/serving/{pipeline}/7"), manifest=manifest)
