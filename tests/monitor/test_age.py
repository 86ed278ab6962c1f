"""How time bears on training."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from components.monitor.age import Age, age
from components.monitor.settings import MonitorSettings

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
RULES = MonitorSettings(train="when_needed", max_age_days=30, cooldown_hours=6)


def test_without_rules_the_clock_says_nothing():
    assert age(MonitorSettings(), NOON - timedelta(days=900), NOON, NOON) == Age()


def test_a_model_is_overdue_from_a_moment_on_that_does_not_move():
    released = NOON - timedelta(days=31)
    assert age(RULES, released, None, NOON) == Age(overdue="2026-11-19T12:00:00Z")
    assert age(RULES, released, None, NOON + timedelta(days=5)) == Age(overdue="2026-11-19T12:00:00Z")


def test_a_training_is_followed_by_a_rest():
    assert age(RULES, NOON, NOON - timedelta(hours=1), NOON) == Age(rest="2026-11-20T17:00:00Z")
    assert age(RULES, NOON, NOON - timedelta(hours=6), NOON) == Age()


def test_where_nothing_was_released_or_trained_there_is_nothing_to_wait_for():
    assert age(RULES, None, None, NOON) == Age()


@given(st.timedeltas(timedelta(0), timedelta(days=60)), st.timedeltas(timedelta(0), timedelta(days=2)))
def test_each_rule_changes_its_mind_at_one_moment_only(since_release, since_training):
    found = age(RULES, NOON - since_release, NOON - since_training, NOON)
    assert (found.overdue is not None) == (since_release >= timedelta(days=30))
    assert (found.rest is not None) == (since_training < timedelta(hours=6))


def test_the_driver_s_property_is_read_back_and_may_be_absent():
    assert Age.of({"age": '{"overdue": null, "rest": "2026-11-20T17:00:00Z"}'}) == Age(rest="2026-11-20T17:00:00Z")
    assert Age.of({}) == Age()
