"""What an alert says, and of what."""

from __future__ import annotations

from pathlib import Path

import pytest
from recorded import drift_report, feature

from components.decisions import Decision
from pipeline.alerts.payload import TOLD, early_failure, events, payload
from pipeline.summary import DriftResult, Summary

DROP = Decision("monitor", "drop:auc", "overall", "warn", "auc is 0.12 worse than at its release.", 0.12, "<= 0.05")
DRIFTED = DriftResult("span 1 (in service)", 5, ("amount",))


def summary(status="pushed", **more) -> Summary:
    return Summary("r1", "sales", status, **more)


@pytest.mark.parametrize(
    ("run", "happened"),
    [
        (summary(), []),
        (summary("watched"), []),
        (summary("stopped"), []),
        (summary(drift=DriftResult("span 1 (in service)", 5)), []),
        (summary(drift=DRIFTED), ["drift"]),
        (summary(decisions=(DROP,)), ["performance"]),
        (summary("not_blessed", drift=DRIFTED, decisions=(DROP,)), ["drift", "performance", "not_blessed"]),
        (summary("blocked"), ["blocked"]),
        (summary("failed"), ["failed"]),
    ],
)
def test_what_is_told_of(run, happened):
    assert events(run) == happened


def test_an_alert_has_what_it_takes_to_act_on_it():
    run = summary("not_blessed", span=3, drift=DRIFTED, decisions=(DROP,), log="/w/r1.log")
    report = drift_report(3, [feature("amount", 1.5), feature("miles", 0.5)])
    alert = payload(run, events(run), report, Path("/w/reports/sales/r1.html"))
    assert alert["text"].splitlines() == [
        "sales: not released: the model did not earn it (run r1, span 3)",
        "drifted: amount",
        "warn: auc is 0.12 worse than at its release.",
    ]
    assert [(each["feature"], each["metric"], each["threshold"]) for each in alert["drifted"]] == [
        ("amount", "psi", 0.2)
    ]
    assert alert["drifted"][0]["value"] == pytest.approx(0.3)
    assert [each["rule"] for each in alert["decisions"]] == ["drop:auc"]
    assert (alert["run_id"], alert["report"], alert["log"]) == ("r1", "/w/reports/sales/r1.html", "/w/r1.log")


def test_an_alert_stays_small():
    features = [feature(f"f{number:03}", 2.0) for number in range(200)]
    run = summary("blocked", drift=DRIFTED, decisions=(DROP,) * 200)
    alert = payload(run, events(run), drift_report(3, features), Path())
    assert (len(alert["drifted"]), alert["drifted_in_all"]) == (TOLD, 200)
    assert (len(alert["decisions"]), alert["decisions_in_all"]) == (TOLD, 200)
    assert "f009 and 190 more" in alert["text"]
    assert len(alert["text"]) < 2000


def test_a_run_that_did_not_get_on_record_is_told_too():
    alert = early_failure("sales", "failed", "No input file was found.")
    assert alert["text"] == "sales: failed\nNo input file was found."
    assert (alert["run_id"], alert["report"], alert["events"]) == (None, None, ["failed"])
