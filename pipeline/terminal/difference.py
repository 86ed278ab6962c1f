"""What differs between two runs, for a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.history.difference import Changed, Difference

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

LISTED = 20
"""As many lines of a part are shown; `--json` has all."""


def render(found: Difference) -> RenderableType:
    """The parts in which two runs differ, each as a table."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [Text.assemble(("first   ", "dim"), found.first, ("\nsecond  ", "dim"), found.second)]
    same = []
    for name, rows in _parts(found):
        if rows:
            parts += ["", Text(name, style="bold"), _table(rows[:LISTED])]
            if len(rows) > LISTED:
                parts.append(Text(f"  and {len(rows) - LISTED} more: --json"))
        else:
            same.append(name)
    if same:
        parts += ["", Text(f"no difference in: {', '.join(same)}")]
    for name, recorded in (("code", found.code), ("environment", found.environment)):
        if recorded is None:
            parts.append(Text(f"note: one of the runs did not record its {name}."))
    return Group(*parts, *(Text(f"note: {notice}") for notice in found.notices))


def _parts(found: Difference) -> Iterator[tuple[str, Sequence[Sequence[str]]]]:
    yield "outcome", _rows(found.outcome)
    yield "settings", _rows(found.settings)
    yield "data", _rows(found.data)
    yield "schema", [(each,) for each in found.schema]
    if found.code is not None:
        yield "code", [(f"the step {each} ran other code",) for each in found.code]
    if found.environment is not None:
        yield "environment", _rows(found.environment)
    if any(each.difference != 0 for each in found.metrics):
        yield "metrics (each model on its own test split)", _metric_rows(found.metrics)
    else:
        yield "metrics", []
    yield (
        "drift",
        [(each.name, f"drifted in the {'first' if each.first else 'second'} alone") for each in found.drifted],
    )
    yield "decisions", _rows(found.decisions)


def _rows(changes: Iterable[Changed]) -> list[tuple[str, str]]:
    return [(each.name, f"{_shown(each.first)} → {_shown(each.second)}") for each in changes]


def _metric_rows(changes: Iterable[Changed]) -> list[tuple[str, str, str]]:
    return [
        (
            each.name,
            f"{_number(each.first)} → {_number(each.second)}",
            "" if each.difference is None else f"{each.difference:+.4f}",
        )
        for each in changes
    ]


def _table(rows: Sequence[Sequence[str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in rows[0]:
        table.add_column()
    for row in rows:
        table.add_row(*(Text(f"  {cell}" if not number else cell) for number, cell in enumerate(row)))
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
