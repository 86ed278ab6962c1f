from __future__ import annotations

from dataclasses import replace

import pytest

from components.decisions import Decision
from pipeline.history import RunRow
from pipeline.report.gather import RunRecord
from pipeline.report.verdict import HEADLINES, SHORT, main_metrics, verdict
from pipeline.summary import EXIT_CODES, ReleaseResult, Summary

BLOCKS = Decision("judge", "threshold:auc", "overall", "block", "overall: auc is 0.7; to pass it must be >= 0.8")
WARNS = Decision("drift", "drift:psi", "amount", "warn", "`amount` drifted")
PASSES = replace(BLOCKS, outcome="pass")


def run(status: str, *decisions: Decision, **more) -> RunRecord:
    row = RunRow("r1", "sales", status, "2026-01-01T12:00:00Z", 75.0, 2, None, {})
    told = status if status in EXIT_CODES else "failed"
    return RunRecord(row=row, summary=Summary("r1", "sales", told, decisions=decisions, **more))


@pytest.mark.parametrize("status", [*EXIT_CODES, "running", "interrupted"])
def test_every_status_has_words(status):
    found = verdict(run(status))

    assert found.headline and found.why and SHORT[status]
    assert found.facts.get("Exit code") == (str(EXIT_CODES[status]) if status in EXIT_CODES else None)
    assert set(HEADLINES) == set(SHORT)


def test_what_blocks_comes_first_and_the_rest_is_counted():
    found = verdict(run("not_blessed", *[replace(BLOCKS, subject=str(number)) for number in range(5)], PASSES))

    assert found.why == ("Overall: auc is 0.7; to pass it must be >= 0.8.",) * 3
    assert found.more == "2 more rules did not pass: see the decisions."


def test_a_release_names_its_version_and_what_is_worth_a_look():
    found = verdict(run("pushed", PASSES, WARNS, release=ReleaseResult("sales", 3, "/w/serving/sales/3")))

    assert found.headline == "Released: sales version 3"
    assert found.why == ("1 of 2 rules passed, and none of the others blocks.", "Worth a look: `amount` (drift).")


def test_a_release_that_another_has_followed_says_so():
    record = replace(run("pushed", PASSES, release=ReleaseResult("sales", 3, "/w/serving/sales/3")), serving=4)

    assert verdict(record).next.startswith("version 4 has taken its place")


def test_the_first_line_of_an_error_is_the_reason():
    assert verdict(run("failed", error="The disk is full.\n  where: /w")).why == ("The disk is full.",)


def test_metrics_that_rules_bind_come_first():
    settings = {"evaluation": {"thresholds": {"recall": {}, "auc": {}}, "change_thresholds": {"auc": {}}}}

    assert main_metrics(settings, {"auc": 1, "f1": 1, "recall": 1}) == ["recall", "auc"]
    assert main_metrics({}, {"auc": 1, "f1": 1, "recall": 1}, most=2) == ["auc", "f1"]
