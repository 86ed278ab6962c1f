"""Sections on what the gates decided: every rule, and what the data gate found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from components.decisions import Decision
from pipeline.report.gather import RunRecord
from pipeline.report.view import (
    Cell,
    Column,
    Part,
    Section,
    Table,
    Text,
    Tone,
    plural,
    text_cell,
    value_cell,
    without_empty,
)
from pipeline.words import plain_name

OUTCOMES: dict[str, tuple[Tone, str]] = {
    "block": ("bad", "blocks"),
    "warn": ("warn", "warns"),
    "flag": ("warn", "not judged"),
    "pass": ("good", "passed"),
}
"""How each outcome is meant, and what it is called; those that matter most first."""

COLUMNS = (
    Column("About"),
    Column("Outcome"),
    Column("Rule", wide=True),
    Column("Value", numeric=True),
    Column("Bound", numeric=True),
    Column("Margin", numeric=True),
    Column("Rows", numeric=True),
    Column("What was found", wide=True),
)

OPEN = 12
"""Rules that passed are folded if there are more."""


def decisions(run: RunRecord) -> Section | None:
    """Every rule that a gate applied, those that did not pass first."""
    found = run.summary.decisions
    if not found:
        return None
    failed = [each for each in found if each.outcome != "pass"]
    passed = [each for each in found if each.outcome == "pass"]
    parts: list[Part] = [Text(_count(found, failed))]
    if failed:
        parts.append(table("Rules that did not pass", failed))
    if passed:
        closed = bool(failed) or len(passed) > OPEN
        parts.append(table(f"{plural(len(passed), 'rule')} passed", passed, closed=closed))
    return Section("decisions", "Decisions", parts)


def anomalies(run: RunRecord) -> Section | None:
    """What the data gate found."""
    found = [each for each in run.summary.decisions if each.step == "gate"]
    if not found:
        return None
    told = [each for each in found if each.outcome != "pass"]
    part = table("What the data gate found", told) if told else Text(" ".join(each.message for each in found))
    return Section("anomalies", "Anomalies", [part])


def table(caption: str, found: Iterable[Decision], *, closed: bool = False) -> Table:
    """Decisions as a table, those that block first."""
    order = list(OUTCOMES)
    ranked = sorted(found, key=lambda each: order.index(each.outcome))
    return without_empty(Table(caption, COLUMNS, [_row(each) for each in ranked], closed))


def _row(found: Decision) -> Sequence[Cell]:
    tone, words = OUTCOMES[found.outcome]
    return (
        text_cell(found.subject),
        Cell(words, list(OUTCOMES).index(found.outcome), tone),
        text_cell(_rule(found)),
        text_cell(found.value) if isinstance(found.value, str) else value_cell(found.value),
        text_cell(found.bound.replace(">=", "≥").replace("<=", "≤") if found.bound else None),
        value_cell(found.margin, signed=True),
        value_cell(found.rows),
        text_cell(found.message),
    )


def _rule(found: Decision) -> str:
    """The rule with the step that applied it, which some rules are named for."""
    rule, _, metric = found.rule.partition(":")
    words = [plain_name(word) for word in (found.step, rule, metric) if word]
    return ": ".join(dict.fromkeys(words))


def _count(found: Sequence[Decision], failed: Sequence[Decision]) -> str:
    if not failed:
        return f"All {plural(len(found), 'rule')} passed."
    blocking = sum(each.outcome == "block" for each in failed)
    told = (
        f"{plural(blocking, 'rule')} block{'s' if blocking == 1 else ''}." if blocking else "None of the others blocks."
    )
    return f"{len(found) - len(failed)} of {plural(len(found), 'rule')} passed. {told}"
