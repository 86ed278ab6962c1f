"""Judgement in depth for a terminal: rules and margins, metrics with intervals, weak slices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from components.decisions import Decision
from pipeline.summary import OUTCOME_STYLES, Summary

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

MOST_RULES = 20
"""Rules that are shown, those that failed or nearly did first; `--json` has them all."""

_ORDER = ("block", "warn", "flag", "pass")


def render(summary: Summary) -> RenderableType:
    """The judgement of a run: what passed and what failed, by how much, how sure that is, and where the model is weak.

    Args:
      summary: of a run with decisions, or one that was judged; of another run nothing is shown.
    """
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = []
    if summary.decisions:
        parts += ["", Text("rules, what failed first:"), *_rules(summary.decisions)]
    if summary.analysis:
        parts += ["", *_metrics(summary.analysis), "", *_weak_slices(summary.analysis)]
    return Group(*parts)


def _rules(decisions: Sequence[Decision]) -> Iterator[RenderableType]:
    from rich.text import Text

    table = _table("", "rule", "subject", right=("value", "bound", "margin"))
    ranked = sorted(decisions, key=_urgency)
    for each in ranked[:MOST_RULES]:
        value = f"{each.value:.4g}" if isinstance(each.value, int | float) else ""
        margin = "" if each.margin is None else f"{each.margin:+.2g}"
        bound = each.bound if value and each.bound else ""
        table.add_row(
            Text(each.outcome, OUTCOME_STYLES[each.outcome]), each.rule, Text(each.subject), value, bound, margin
        )
    yield table
    if len(ranked) > MOST_RULES:
        yield Text(f"and {len(ranked) - MOST_RULES} more: --json")


def _urgency(decision: Decision) -> tuple[int, float]:
    """Blocks first; of those that passed, the closest to their bound."""
    near = float("inf") if decision.margin is None else abs(decision.margin)
    return _ORDER.index(decision.outcome), near


def _metrics(analysis: Mapping[str, Any]) -> Iterator[RenderableType]:
    from rich.text import Text

    sampled = ", a sample" if analysis["sampled"] else ""
    left_out = f", {analysis['not_finite']:,} left out without a finite score" if analysis["not_finite"] else ""
    yield Text(
        f"metrics ({analysis['rows']:,} rows of the test split{sampled}{left_out}), "
        f"intervals of {analysis['confidence']:.0%} confidence:"
    )
    compared = analysis["comparison"] or {}
    table = _table(
        "metric", right=("value", "interval", *(("in service", "difference", "interval") if compared else ()))
    )
    table.add_column("")
    for name, each in analysis["intervals"]["overall"].items():
        cells = [name, _number(each["value"]), _interval(each)]
        other = compared.get(name)
        if other:
            undecided = "may be chance" if other["difference"] else "the same"
            verdict = {True: "better", False: "worse", None: undecided}[other["better"]]
            cells += [_number(other["served"]), _number(other["difference"]), _interval(other), verdict]
        table.add_row(*(Text(cell) for cell in cells))
    yield table


def _weak_slices(analysis: Mapping[str, Any]) -> Iterator[RenderableType]:
    from rich.text import Text

    found = [each for each in analysis["weak_slices"] if each["significant"]]
    looked_at = f"{analysis['slices_looked_at']:,} looked at"
    if not found:
        yield Text(f"weak slices: none beyond chance ({looked_at})")
        return
    yield Text(f"weak slices, worse than the rest beyond chance ({looked_at}):")
    metric, familiar = found[0]["metric"], found[0]["familiar"]["metric"]
    table = _table("where", right=("rows", metric, "elsewhere", familiar, "elsewhere"))
    for each in found:
        values = (each["value"], each["rest"], each["familiar"]["value"], each["familiar"]["rest"])
        table.add_row(Text(each["where"]), f"{each['rows']:,}", *map(_number, values))
    yield table


def _table(*left: str, right: Sequence[str]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in left:
        table.add_column(heading)
    for heading in right:
        table.add_column(heading, justify="right")
    return table


def _interval(record: Mapping[str, Any]) -> str:
    return "-" if record["low"] is None else f"[{record['low']:.4g}, {record['high']:.4g}]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
