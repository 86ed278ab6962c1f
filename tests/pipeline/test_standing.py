"""How long a run's outcome stands while nothing changes but the time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from components.decisions import Decision
from components.monitor.settings import MonitorSettings
from pipeline.standing import stands_until
from pipeline.summary import MonitorResult, Summary

RELEASED = "2026-11-01T12:00:00+00:00"
AGING = MonitorSettings(train="when_needed", max_age_days=30)
OLD = Decision("monitor", "age", "overall", "flag", "sales version 1 is older than 30 days.")


def watched(rows=700, rest=None, decisions=(), status="watched") -> Summary:
    return Summary("r", "sales", status, monitor=MonitorResult(2, rows=rows, rest=rest), decisions=decisions)


def test_a_model_that_still_holds_is_looked_at_again_when_it_gets_too_old():
    assert stands_until(AGING, watched(), RELEASED) == datetime(2026, 12, 1, 12, tzinfo=UTC)


def test_a_training_that_was_held_back_is_made_when_the_cooldown_ends():
    found = stands_until(MonitorSettings(cooldown_hours=6), watched(rest="2026-11-20T18:00:00Z"), RELEASED)
    assert found == datetime(2026, 11, 20, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("settings", "summary", "released"),
    [
        (MonitorSettings(train="when_needed"), watched(), RELEASED),  # no rule on age
        (MonitorSettings(max_age_days=30), watched(), RELEASED),  # each new span is trained on anyway
        (AGING, watched(), None),  # nothing is in service
        (AGING, watched(rows=0), RELEASED),  # the data that it was trained on: a new model would be the same
        (AGING, watched(decisions=(OLD,)), RELEASED),  # too old already, and something else held training back
        (AGING, watched(status="pushed"), RELEASED),
        (AGING, Summary("r", "sales", "failed"), RELEASED),
    ],
)
def test_otherwise_time_changes_nothing(settings, summary, released):
    assert stands_until(settings, summary, released) is None
