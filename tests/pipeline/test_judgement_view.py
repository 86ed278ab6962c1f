"""What `headgate show` tells of a judgement: margins, intervals, weak slices."""

from __future__ import annotations

import pytest
from small_predictions import binary

from components.decisions import Decision
from components.evaluation.depth.analysis import Analysis
from components.evaluation.settings import EvaluationSettings
from pipeline.summary import Summary
from pipeline.terminal.console import plain
from pipeline.terminal.judgement import MOST_RULES, render

SETTINGS = EvaluationSettings.model_validate({"thresholds": {"auc": {"min": 0.5}}})


def shown(**more: object) -> list[str]:
    return plain(render(Summary("r1", "sales", "pushed", **more))).splitlines()


def decision(outcome: str, subject: str, margin: float | None) -> Decision:
    return Decision("judge", "threshold:auc", subject, outcome, "told", 0.9, ">= 0.8", 100, margin)


def test_what_failed_comes_first_and_then_what_nearly_did():
    told = (decision("pass", "wide", 0.2), decision("pass", "near", 0.01), decision("block", "failed", -0.1))
    rows = [line.split() for line in shown(decisions=told) if "threshold:auc" in line]
    assert [(row[0], row[2], row[-1]) for row in rows] == [
        ("block", "failed", "-0.1"),
        ("pass", "near", "+0.01"),
        ("pass", "wide", "+0.2"),
    ]


def test_many_rules_are_counted_not_listed():
    lines = shown(decisions=(decision("pass", "x", 0.1),) * (MOST_RULES + 3))
    assert len([line for line in lines if "threshold:auc" in line]) == MOST_RULES
    assert "and 3 more: --json" in lines


def test_metrics_have_intervals_and_what_changed_against_the_model_in_service():
    analysis = Analysis(binary(2000, worse_in="west"), SETTINGS).to_json()
    lines = shown(analysis=analysis)
    assert "metrics (2,000 rows of the test split), intervals of 95% confidence:" in lines
    [auc] = [line for line in lines if line.startswith("auc ")]
    overall = analysis["intervals"]["overall"]["auc"]
    assert f"{overall['value']:.4g}  [{overall['low']:.4g}, {overall['high']:.4g}]" in auc
    assert auc.endswith("worse")
    at = next(at for at, line in enumerate(lines) if line.startswith("weak slices, worse than the rest"))
    assert lines[at + 1].split() == [
        "where",
        "rows",
        "binary_crossentropy",
        "elsewhere",
        "binary_accuracy",
        "elsewhere",
    ]
    assert lines[at + 2].startswith("shop = west")


def test_a_first_model_without_weak_slices_says_so():
    analysis = Analysis(binary(served=False), SETTINGS).to_json()
    lines = shown(analysis=analysis)
    assert not [line for line in lines if "in service" in line]
    assert f"weak slices: none beyond chance ({analysis['slices_looked_at']:,} looked at)" in lines


def test_a_run_that_was_not_judged_shows_nothing():
    assert not any(shown())


@pytest.mark.parametrize("details", [False, True])
def test_the_analysis_is_in_the_json_if_asked_for(details):
    found = Summary("r1", "sales", "pushed", analysis={"rows": 3}).to_json(details=details)
    assert found.get("analysis") == ({"rows": 3} if details else None)


def test_a_run_has_its_judgement_on_record(settled):
    run_id = settled.history.runs()[0].run_id
    analysis = settled.show(run_id, "--json").json["analysis"]
    assert set(analysis["intervals"]["overall"]) >= {"auc", "binary_accuracy"}
    assert {each["slice"] for each in analysis["intervals"]["slices"]} == {"shop", "amount"}
    # Here the model that was judged is the one in service.
    assert analysis["comparison"] is None
    text = settled.show(run_id).stdout
    for told in ("rules, what failed first:", "intervals of 95% confidence", "weak slices"):
        assert told in text
