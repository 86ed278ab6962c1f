"""Alert rules and dashboard ask for metrics that there are; each alert has its section in the operations guide."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from observed_pipelines import asked, exported
from programs import ROOT, checked, of_debian

RULES = yaml.safe_load((ROOT / "deploy/prometheus/headgate.rules.yaml").read_text())
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((ROOT / "deploy/grafana/headgate.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
GUIDE = (ROOT / "docs/operations.md").read_text()


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    return exported(tmp_path_factory.mktemp("prometheus"))


def test_expressions_are_taken_apart():
    assert asked('sum by (a, le) (rate(:x:y{b!="c"}[5m])) / on_disk > 2 * 86400') == {":x:y", "on_disk"}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_what_is_exported(rule, names):
    assert asked(rule["expr"])
    assert asked(rule["expr"]) <= names


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_asks_for_what_is_exported(panel, names):
    for target in panel["targets"]:
        assert asked(target["expr"])
        assert asked(target["expr"]) <= names


def test_every_metric_of_the_product_is_on_the_dashboard(names):
    shown = {name for panel in PANELS for target in panel["targets"] for name in asked(target["expr"])}
    ours = {name for name in names if name.startswith("headgate_")}
    # How many were compared is the denominator of the share; the monitor's span is the drift's.
    assert ours - shown == {"headgate_drift_features_compared", "headgate_monitor_span"}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_leads_to_its_section_in_the_guide(rule):
    file, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert file == "docs/operations.md"
    assert anchor == rule["alert"].lower()
    assert f"### {rule['alert']}\n" in GUIDE


def test_the_guide_has_no_alert_that_there_is_not():
    told = re.findall(r"^### ((?:Headgate|Serving)\w+)$", GUIDE, re.MULTILINE)
    assert told == [rule["alert"] for rule in ALERTS]


def test_panels_do_not_overlap_and_have_a_name_each():
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)


@pytest.mark.slow
def test_promtool_accepts_configuration_and_rules():
    said = checked(of_debian("promtool", "prometheus"), "check", "config", ROOT / "deploy/prometheus/prometheus.yaml")
    assert f"{len(ALERTS)} rules found" in said
