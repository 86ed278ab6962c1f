"""How long a run's outcome stands while nothing changes but the time."""

from __future__ import annotations

from datetime import datetime, timedelta

from components.monitor.settings import MonitorSettings
from pipeline.summary import Summary


def stands_until(settings: MonitorSettings, summary: Summary, released: str | None) -> datetime | None:
    """When the same run would come out differently by itself.

    Args:
      settings: the run's rules on time.
      summary: what it came to.
      released: when the model in service was released, ISO 8601; None where there is none.

    Returns:
      The end of a cooldown that kept a model from being trained, or the day on which the model in service gets too
      old and one is trained for that reason; None where time changes nothing.
    """
    monitor = summary.monitor
    if monitor is None or summary.status != "watched":
        return None
    if monitor.rest:
        return datetime.fromisoformat(monitor.rest)
    days = settings.max_age_days if settings.train == "when_needed" else None
    told = any(each.step == "monitor" and each.rule == "age" for each in summary.decisions)
    if released is None or days is None or not monitor.rows or told:
        return None
    return datetime.fromisoformat(released) + timedelta(days=days)
