"""A real Prometheus takes in what the product writes: every panel of the dashboard shows something, and alerts fire."""

from __future__ import annotations

import json
import time

import pytest
from observed_pipelines import export
from programs import ROOT
from prometheus_service import observing

pytestmark = pytest.mark.slow

DASHBOARD = json.loads((ROOT / "deploy/grafana/headgate.json").read_text())
QUERIES = [
    pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", ())
    # Of a folder that only a container has.
    if "node_filesystem" not in target["expr"]
]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prometheus")
    textfiles = folder / "textfiles"
    textfiles.mkdir()
    export(textfiles, "taxi", "failed")
    export(textfiles, "images", "pushed")
    with observing(textfiles, folder) as prometheus:
        end = time.monotonic() + 30
        while not prometheus.query('ALERTS{alertstate="firing"}') and time.monotonic() < end:
            time.sleep(0.2)
        yield prometheus


@pytest.mark.parametrize("expression", QUERIES)
def test_a_panel_shows_something(prometheus, expression):
    expression = expression.replace("$pipeline", "taxi|images").replace("$__rate_interval", "10s")
    assert prometheus.query(expression)


def test_the_pipelines_can_be_chosen(prometheus):
    found = prometheus.query("headgate_run_timestamp_seconds")
    assert {each["metric"]["pipeline"] for each in found} == {"taxi", "images"}


def test_alerts_fire(prometheus):
    fired = prometheus.alerts()
    assert {"HeadgateRunFailed", "HeadgateDrift", "HeadgatePerformanceDrop", "HeadgateRowsRefused"} <= fired
    assert "HeadgateModelOld" in fired, "released on the first of January 2026"
    assert not fired & {"HeadgateNoRun", "HeadgateRunBlocked", "ServingDown", "HeadgateMetricsUnreadable"}


def test_an_alert_names_its_pipeline(prometheus):
    [failed] = prometheus.query('ALERTS{alertname="HeadgateRunFailed"}')
    assert failed["metric"]["pipeline"] == "taxi"
