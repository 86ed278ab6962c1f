"""What a watcher does next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.watch import state as states
from pipeline.watch.plan import LONGEST_RETRY, Seen, Task, begin, ended, plan, unsettled
from pipeline.watch.state import Last, State
from schema.errors import HeadgateError

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def seen(spans, settings="s", settled=None) -> Seen:
    return Seen(settings, spans, frozenset(spans if settled is None else settled))


def last(span, at=NOON) -> Last:
    return Last(span=span, run_id="r", status="pushed", ended=at)


def after(state, look, code=0, at=NOON, stands_until=None):
    """Makes the run that is due; returns it and the state after it."""
    task = plan(state, look, at)
    assert task is not None
    return task, ended(state, look, task, code, last(task.span, at), stands_until)


def test_the_first_look_takes_the_latest_span_and_leaves_history_alone():
    look = seen({1: "a", 2: "b", 3: "c"})
    state = begin(State(), look)
    task, state = after(state, look)
    assert task == Task(3, "new")
    assert plan(state, look, NOON) is None


def test_of_several_new_spans_only_the_last_is_trained_on():
    state = State(settings="s", spans={1: "a"})
    look = seen({1: "a", 2: "b", 3: "c"})
    first, state = after(state, look)
    second, state = after(state, look)
    assert (first, second) == (Task(2, "new", whole=False), Task(3, "new"))
    assert plan(state, look, NOON) is None


def test_a_span_whose_files_grow_is_waited_for_and_so_is_what_follows_it():
    state = State(settings="s", spans={1: "a"})
    growing = seen({1: "a", 2: "b"}, settled=[1])
    assert plan(state, growing, NOON) is None and unsettled(state, growing)
    assert plan(state, seen({1: "a", 2: "b"}), NOON) == Task(2, "new")


def test_files_that_change_later_as_labels_that_come_are_run_again():
    state = State(settings="s", spans={1: "a", 2: "b"})
    assert plan(state, seen({1: "a2", 2: "b"}), NOON) == Task(1, "its files changed")


def test_new_settings_are_tried_on_the_latest_span():
    state = State(settings="s", spans={1: "a", 2: "b"})
    task, state = after(state, seen({1: "a", 2: "b"}, settings="t"))
    assert task == Task(2, "the settings or the schema changed")
    assert plan(state, seen({1: "a", 2: "b"}, settings="t"), NOON) is None


def test_a_blocked_span_is_not_tried_again_until_something_changes():
    look = seen({2: "b"})
    _, state = after(State(settings="s", spans={1: "a"}), look, code=4)
    assert plan(state, look, NOON + timedelta(days=1)) is None
    assert plan(state, seen({2: "b2"}), NOON) == Task(2, "its files changed")


def test_a_failure_is_tried_again_later_and_later():
    look, state, at, waits = seen({1: "a"}), State(), NOON, []
    for _ in range(9):
        _, state = after(state, look, code=1, at=at)
        assert plan(state, look, at) is None
        waits.append(state.retry - at)
        at = state.retry
    assert waits[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert waits[-1] == LONGEST_RETRY
    _, state = after(state, look, at=at)
    assert (state.failures, state.retry) == (0, None)


def test_what_changed_since_a_failure_need_not_wait():
    _, state = after(State(), seen({1: "a"}), code=2)
    assert plan(state, seen({1: "a"}), NOON) is None
    assert plan(state, seen({1: "a"}, settings="mended"), NOON) is not None
    assert plan(state, seen({1: "a2"}), NOON) is not None


def test_a_clock_that_is_set_back_does_not_make_a_retry_wait_for_days():
    _, state = after(State(), seen({1: "a"}), code=1)
    assert plan(state, seen({1: "a"}), NOON - timedelta(days=3)) is not None


def test_a_run_that_stands_for_a_while_only_is_made_again():
    look = seen({1: "a"})
    _, state = after(State(), look, stands_until=NOON + timedelta(hours=6))
    assert plan(state, look, NOON + timedelta(hours=5)) is None
    assert plan(state, look, NOON + timedelta(hours=6)) == Task(
        1, "a cooldown ended, or the model in service is too old"
    )


@given(st.dictionaries(st.integers(0, 30), st.sampled_from("ab"), max_size=8), st.data())
def test_every_span_is_dealt_with_once(spans, data):
    look = seen(spans)
    done = data.draw(st.dictionaries(st.sampled_from(sorted(spans)), st.sampled_from("ab"))) if spans else {}
    state, runs = State(settings="s", spans=done), []
    while (task := plan(state, look, NOON)) is not None:
        runs.append(task.span)
        state = ended(state, look, task, 0, last(task.span), None)
    assert runs == sorted(span for span, mark in spans.items() if done.get(span) != mark)
    assert state.spans == {**done, **spans}


def test_the_state_survives_a_restart_and_a_damaged_one_is_told(tmp_path):
    path = tmp_path / "watch" / "sales.json"
    assert states.read(path) == State()
    state = State(settings="s", spans={1: "a"}, retry=NOON, last=last(1), stands_until=NOON)
    states.write(path, state)
    assert states.read(path) == state
    path.write_text('{"spans": [')
    with pytest.raises(HeadgateError, match="cannot be read") as error:
        states.read(path)
    assert "delete the file" in str(error.value)
