"""The first thing that a page says: how the run ended, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.decisions import Decision
from pipeline.report.gather import RunRecord
from pipeline.report.view import Cell, Tone, duration, listed, metric, moment, plural
from pipeline.summary import EXIT_CODES
from pipeline.words import plain_name

HEADLINES: dict[str, tuple[Tone, str]] = {
    "pushed": ("good", "Released"),
    "watched": ("good", "Nothing to train"),
    "stopped": ("info", "Ended before the release, as asked for"),
    "not_blessed": ("warn", "Not released: the model did not earn it"),
    "blocked": ("bad", "Blocked: the data did not pass"),
    "failed": ("bad", "Failed"),
    "running": ("info", "Running"),
    "interrupted": ("bad", "Interrupted"),
}
"""How a page and the index call each status, and how they mean it."""

SHORT = {
    "pushed": "released",
    "watched": "watched",
    "stopped": "ended early",
    "not_blessed": "not released",
    "blocked": "blocked",
    "failed": "failed",
    "running": "running",
    "interrupted": "interrupted",
}
"""The same in a word or two."""

MOST = 3
"""Reasons that are told one by one."""


@dataclass(frozen=True)
class Verdict:
    """How a run ended.

    Attributes:
      tone: how it is meant.
      headline: the status in words.
      why: a sentence for each reason.
      more: what else there is to know about the reasons.
      next: what to do about it.
      facts: the numbers to know first.
    """

    tone: Tone
    headline: str
    why: tuple[str, ...]
    more: str
    next: str
    facts: Mapping[str, Cell | str]


def verdict(run: RunRecord) -> Verdict:
    """Says how a run ended."""
    status = run.row.status
    tone, headline = HEADLINES[status]
    release = run.summary.release
    if status == "pushed" and release:
        headline = f"Released: {release.model} version {release.version}"
    blocking = [decision for decision in run.summary.decisions if decision.outcome == "block"]
    why = tuple(_why(run, blocking)) or ("It is not on record why.",)
    rest = len(blocking) - MOST
    return Verdict(
        tone=tone,
        headline=headline,
        why=why,
        more=f"{plural(rest, 'more rule')} did not pass: see the decisions." if rest > 0 else "",
        next=_next(run, blocking),
        facts=dict(_facts(run)),
    )


def main_metrics(settings: Mapping[str, Any], metrics: Mapping[str, Any], most: int = 3) -> list[str]:
    """The metrics to show first: those that rules bind, else the first that were computed.

    Args:
      settings: of the run.
      metrics: what was computed, by name.
      most: how many, at most.
    """
    evaluation = settings.get("evaluation") or {}
    bound = [*(evaluation.get("thresholds") or {}), *(evaluation.get("change_thresholds") or {})]
    named = [name for name in dict.fromkeys(bound) if name in metrics]
    return (named or list(metrics))[:most]


def _why(run: RunRecord, blocking: list[Decision]) -> Iterator[str]:
    status, summary = run.row.status, run.summary
    if status in ("not_blessed", "blocked"):
        yield from (_sentence(decision.message) for decision in blocking[:MOST])
    if status == "blocked" and not blocking and summary.error:
        yield summary.error.partition("\n")[0]
    if status == "failed":
        yield from (summary.error or "").splitlines()[:1]
    if status == "interrupted":
        yield "The run was killed, or its machine went down, before it came to an end. Nothing half done is in service."
    if status == "running":
        done = sum(step.state in ("complete", "cached") for step in summary.steps)
        yield f"{done} of {len(summary.steps)} steps are done so far. Load the page again to see more."
    if status == "stopped":
        yield "The run was asked to end before the release, and did."
    if status == "watched":
        yield from (run.monitor or {}).get("why") or [
            "The model in service still does as well as when it was released."
        ]
    if status == "pushed":
        rules = plural(len(summary.decisions), "rule")
        told = [decision for decision in summary.decisions if decision.outcome != "pass"]
        if not told:
            yield f"All {rules} passed."
        else:
            yield f"{len(summary.decisions) - len(told)} of {rules} passed, and none of the others blocks."
            yield f"Worth a look: {listed((f'`{each.subject}` ({each.step})' for each in told), 4)}."


def _next(run: RunRecord, blocking: list[Decision]) -> str:
    status, release = run.row.status, run.summary.release
    steps = {decision.step for decision in blocking}
    match status:
        case "pushed" if release and run.serving not in (None, release.version):
            return f"version {run.serving} has taken its place since; nothing needs to be done."
        case "pushed":
            warned = run.summary.drift and run.summary.drift.drifted
            return (
                "look at what drifted, below, before you rely on it." if warned else "nothing. It answers requests now."
            )
        case "watched":
            return "nothing. Training starts when the metrics, or drift, ask for it."
        case "not_blessed":
            return (
                "see below which slices are weak and how the curves compare; train on more or better data, or tune. "
                "Change a bound under `evaluation` only if it asks for what nobody needs. What was in service still is."
            )
        case "blocked" if "drift" in steps:
            return (
                "find out whether the world changed or the data broke (drift, below). If the change is real, "
                "let it pass: raise its bound, or set its action to `warn` under `drift`, and run again."
            )
        case "blocked":
            return (
                "mend the data. If they are right as they are, accept them into the schema: `headgate schema accept`. "
                "Then run again. What was in service still is."
            )
        case "failed":
            log = f" The end of the log tells more: `{run.summary.log}`." if run.summary.log else ""
            return f"mend what the message names and run again: finished steps are not repeated.{log}"
        case "interrupted":
            return "start the same command again: it goes on where this run stood."
        case "stopped":
            return "run again without `--to` to go on."
    return ""


def _facts(run: RunRecord) -> Iterator[tuple[str, Cell | str]]:
    summary, row = run.summary, run.row
    code = EXIT_CODES.get(row.status)  # type: ignore[call-overload]
    if code is not None:
        yield "Exit code", str(code)
    if row.span is not None:
        yield "Span of the data", str(row.span)
    if run.rows:
        yield (
            "Rows",
            f"{sum(run.rows.values()):,} ({', '.join(f'{split} {rows:,}' for split, rows in run.rows.items())})",
        )
    served = run.metrics.get("baseline") or {}
    for name in main_metrics(run.settings, summary.metrics):
        beside = f" (in service: {metric(served[name])})" if served.get(name) is not None else ""
        yield plain_name(name), metric(summary.metrics[name]) + beside
    if summary.drift:
        reference = summary.drift.reference
        found = (
            f"{len(summary.drift.drifted)} of {summary.drift.compared} features"
            if reference
            else "nothing to compare with"
        )
        yield "Drifted", found
    yield "Started", moment(row.started)
    yield "Took", duration(row.seconds)


def _sentence(text: str) -> str:
    """A message as a sentence: a capital first, a full stop last."""
    text = text.partition("\n")[0].strip()
    first = text if text.startswith("`") else text[:1].upper() + text[1:]
    return first if first.endswith((".", "?", "!")) else first + "."
