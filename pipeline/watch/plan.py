"""What a watcher does next: a pure function of what it remembers, what it sees, and the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.watch.state import Last, State

FIRST_RETRY = timedelta(minutes=1)
LONGEST_RETRY = timedelta(hours=1)
"""After a failed run the same is tried again: after a minute, two, four, and so on, at most an hour."""

FAILED = (1, 2)
"""Exit codes after which the same run may come to another end: what failed may be mended outside of the data."""


@dataclass(frozen=True)
class Seen:
    """What a look found.

    Attributes:
      settings: digest of the settings and of the curated schema.
      spans: fingerprint of each span's files.
      settled: the spans whose files have stayed as they are for long enough.
    """

    settings: str
    spans: Mapping[int, str]
    settled: frozenset[int]

    def mark(self, span: int) -> str:
        """What a run of a span depends on."""
        return f"{self.settings} {self.spans[span]}"


@dataclass(frozen=True)
class Task:
    """A run to make.

    Attributes:
      span: of which span.
      why: in words.
      whole: False for a span with newer ones behind it: it is gated, watched and compared, and not trained on.
    """

    span: int
    why: str
    whole: bool = True


def begin(state: State, seen: Seen) -> State:
    """The state of a first start: only the latest span is new, what came before it is history."""
    if state.spans or not seen.spans:
        return state
    latest = max(seen.spans)
    return state.model_copy(update={"spans": {span: mark for span, mark in seen.spans.items() if span != latest}})


def unsettled(state: State, seen: Seen) -> bool:
    """Whether a span is new or changed whose files have not yet stayed as they are for long enough."""
    return any(span not in seen.settled for span in _changed(state, seen))


def plan(state: State, seen: Seen, now: datetime) -> Task | None:
    """What to do next; None: nothing for now.

    Spans that are new or changed come one after the other, the lowest first; only the last of them is trained on.
    """
    task = _next(state, seen, now) if seen.spans else None
    return task if task and not (state.tried == seen.mark(task.span) and _waits(state, now)) else None


def _next(state: State, seen: Seen, now: datetime) -> Task | None:
    changed = _changed(state, seen)
    ready = [span for span in changed if span in seen.settled]
    if ready:
        span = ready[0]
        return Task(span, "its files changed" if span in state.spans else "new", whole=span == changed[-1])
    if changed:
        return None
    if state.settings != seen.settings:
        return Task(max(seen.spans), "the settings or the schema changed")
    if state.last and state.last.span in seen.spans and state.stands_until and now >= state.stands_until:
        return Task(state.last.span, "a cooldown ended, or the model in service is too old")
    return None


def ended(state: State, seen: Seen, task: Task, code: int, last: Last, stands_until: datetime | None) -> State:
    """The state after a run.

    Args:
      state: before it.
      seen: what the look before the run found.
      task: the run.
      code: its exit code.
      last: what it came to.
      stands_until: when it is to be made again though nothing changes.
    """
    if code in FAILED:
        wait = min(FIRST_RETRY * 2 ** min(state.failures, 10), LONGEST_RETRY)
        failed = {"failures": state.failures + 1, "retry": last.ended + wait, "tried": seen.mark(task.span)}
        return state.model_copy(update={**failed, "last": last})
    return State(
        settings=seen.settings if task.whole else state.settings,
        spans={**state.spans, task.span: seen.spans[task.span]},
        stands_until=stands_until,
        last=last,
    )


def _changed(state: State, seen: Seen) -> list[int]:
    return sorted(span for span, mark in seen.spans.items() if state.spans.get(span) != mark)


def _waits(state: State, now: datetime) -> bool:
    """Whether a failure is to be waited out. A clock that was set back must not make it longer than it ever is."""
    return state.retry is not None and timedelta(0) < state.retry - now <= LONGEST_RETRY
