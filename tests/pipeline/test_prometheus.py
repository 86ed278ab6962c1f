"""The textfile for Prometheus: names, labels, and that its own parser reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_fd_to_metric_families
from recorded import drift_report, feature

from pipeline import prometheus
from pipeline.summary import MonitorResult, Summary
from serving.manifest import Manifest
from serving.releases import Release

RELEASE = Release(
    path=Path("/w/serving/sales/7"),
    manifest=Manifest(
        run_id="r1",
        pipeline="sales",
        span=1,
        model_uri="",
        statistics_uri="",
        schema_fingerprint="",
        code_fingerprint="",
        settings_fingerprint="",
        metrics={"auc": 0.9},
        model="sales",
        version=7,
        created="2026-01-01T00:00:00+00:00",
        files={},
    ),
)


@pytest.fixture
def exported(tmp_path):
    """Exports, and reads what was written: value by name and labels."""

    def export(summary=None, drift=None, monitor=None, release=None):
        path = tmp_path / "prometheus/sales.prom"
        run = summary or Summary("r1", "sales", "pushed", rows=1000, quarantined=3)
        prometheus.export(path, run, seconds=12.5, drift=drift or {}, monitor=monitor, release=release)
        assert list(path.parent.iterdir()) == [path], "nothing is left of writing it"
        with path.open() as file:
            families = list(text_fd_to_metric_families(file))
        assert all(family.documentation for family in families)
        return {
            (sample.name, *(value for name, value in sample.labels.items() if name != "pipeline")): sample.value
            for family in families
            for sample in family.samples
        }

    return export


def test_the_last_run_is_told(exported):
    found = exported(Summary("r1", "sales", "not_blessed", rows=1000, quarantined=3))
    assert [key[1] for key, value in found.items() if key[0] == "headgate_run_status" and value] == ["not_blessed"]
    assert found["headgate_run_duration_seconds",] == 12.5
    assert found["headgate_run_rows",] == 1000
    assert found["headgate_run_quarantined_rows",] == 3
    assert found["headgate_run_timestamp_seconds",] > 1_700_000_000


def test_a_run_that_read_nothing_has_no_rows(exported):
    assert ("headgate_run_rows",) not in exported(Summary("r1", "sales", "failed"))


def test_drift_is_told_by_feature_and_metric(exported):
    found = exported(drift=drift_report(3, [feature("amount", 1.5), feature("miles", 0.5, slice="shop=north")]))
    assert found["headgate_drift_span",] == 3
    assert found["headgate_drift_features_compared",] == 2
    assert found["headgate_drift_features_drifted",] == 1
    assert found["headgate_drift_share_ratio",] == 0.5
    assert found["headgate_drift_score", "amount", "feature", ""] == 1.5
    assert found["headgate_drift_score", "miles", "feature", "shop=north"] == 0.5
    assert found["headgate_drift_value", "amount", "feature", "psi", ""] == pytest.approx(0.3)
    assert found["headgate_drift_threshold", "amount", "feature", "psi", ""] == 0.2
    assert ("headgate_drift_threshold", "amount", "feature", "mean_shift", "") not in found


def test_the_model_in_service_is_told(exported):
    monitor = MonitorResult(
        span=3,
        model={"name": "sales", "version": 7},
        labelled=100,
        metrics={"overall": {"auc": 0.8, "f1": float("nan")}},
        drops={"auc": 0.1},
        estimated={"auc": {"value": 0.82, "low": 0.8, "high": 0.84}},
    )
    found = exported(monitor=monitor, release=RELEASE)
    assert found["headgate_model_version", "sales"] == 7
    assert found["headgate_model_metric", "auc", "sales"] == 0.9
    assert found["headgate_monitor_metric", "measured", "auc"] == 0.8
    assert found["headgate_monitor_metric", "estimated", "auc"] == 0.82
    assert found["headgate_monitor_drop", "auc"] == 0.1
    assert ("headgate_monitor_metric", "measured", "f1") not in found, "what is no number is left out"


def test_names_of_any_kind_come_through(exported):
    name = 'a "quoted" \\ name\nof two lines, ü'
    found = exported(drift=drift_report(3, [feature(name, 1.5)]))
    assert found["headgate_drift_score", name, "feature", ""] == 1.5
