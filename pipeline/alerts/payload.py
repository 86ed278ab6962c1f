"""What an alert says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.alerts.settings import Event
from pipeline.history.timeline import point
from pipeline.summary import Status, Summary

TOLD = 10
"""As many features, and as many decisions, stand in an alert."""

_BY_STATUS: Mapping[Status, Event] = {"blocked": "blocked", "not_blessed": "not_blessed", "failed": "failed"}


def events(summary: Summary) -> list[Event]:
    """What happened in a run that somebody may want to be told."""
    found: list[Event] = []
    if summary.drift and summary.drift.drifted:
        found.append("drift")
    if any(each.step == "monitor" and each.outcome in ("warn", "block") for each in summary.decisions):
        found.append("performance")
    if summary.status in _BY_STATUS:
        found.append(_BY_STATUS[summary.status])
    return found


def payload(summary: Summary, happened: Sequence[Event], drift: Mapping[str, Any], report: Path) -> dict[str, Any]:
    """The alert as plain data; docs/alerts.md tells its fields.

    Args:
      summary: of the run.
      happened: the events that are told.
      drift: the run's drift report (`drift.json`); empty if it has none.
      report: where the run's page stands, or will.
    """
    drifted = [_drifted(record, drift["span"]) for record in drift.get("features", []) if record["drifted"]]
    decisions = [
        {name: getattr(each, name) for name in ("step", "rule", "subject", "outcome", "message", "value", "bound")}
        for each in summary.decisions
        if each.outcome != "pass"
    ]
    return {
        "text": _text(summary, drifted, decisions),
        "events": list(happened),
        "pipeline": summary.pipeline,
        "run_id": summary.run_id,
        "span": summary.span,
        "status": summary.status,
        "headline": summary.headline,
        "error": summary.error,
        "drifted": drifted[:TOLD],
        "drifted_in_all": len(drifted),
        "decisions": decisions[:TOLD],
        "decisions_in_all": len(decisions),
        "report": str(report),
        "log": summary.log,
    }


def early_failure(pipeline: str, status: Status, error: str) -> dict[str, Any]:
    """The alert of a run that ended before it was on record, as where no file had come."""
    summary = Summary("", pipeline, status, error=error)
    return payload(summary, events(summary), {}, Path()) | {"run_id": None, "report": None}


def _drifted(record: Mapping[str, Any], span: int) -> dict[str, Any]:
    found = point(record, span)
    return {
        "feature": record["feature"],
        "group": record["group"],
        "slice": record["slice"],
        "metric": found.metric,
        "value": found.value,
        "threshold": found.threshold,
        "by": list(found.by),
        "message": found.message,
    }


def _text(summary: Summary, drifted: Sequence[Mapping[str, Any]], decisions: Sequence[Mapping[str, Any]]) -> str:
    """A few lines for a chat, which shows this field."""
    span = "" if summary.span is None else f", span {summary.span}"
    run = f" (run {summary.run_id}{span})" if summary.run_id else ""
    lines = [f"{summary.pipeline}: {summary.headline}{run}"]
    if summary.error:
        lines.append(summary.error)
    if drifted:
        named = [f"{each['feature']} [{each['slice']}]" if each["slice"] else each["feature"] for each in drifted]
        more = f" and {len(named) - TOLD} more" if len(named) > TOLD else ""
        lines.append(f"drifted: {', '.join(named[:TOLD])}{more}")
    told = [each for each in decisions if each["step"] != "drift" or not drifted]
    lines += [f"{each['outcome']}: {each['message']}" for each in told[:TOLD]]
    return "\n".join(lines)
