"""What pages are made of, before there is any HTML: sections of facts, tables and figures, as plain data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

Tone = Literal["good", "warn", "bad", "info", "quiet"]
"""How something is meant. Pages give each a colour and a sign, never a colour alone."""

NOTHING = "\N{EN DASH}"
"""What stands where there is no value."""

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
      text: what is shown.
      sort: what the column is sorted by; None sorts last.
      tone: shown as a mark with a sign.
      bar: a share in [0, 1], drawn beneath the text; None: no bar.
      below: a second line, such as what was there before; empty: none.
      spark: a small drawing beside the text, as SVG; empty: none.
      link: where it leads; empty: nowhere.
    """

    text: str
    sort: float | str | None = None
    tone: Tone | None = None
    bar: float | None = None
    below: str = ""
    spark: str = ""
    link: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
      title: its heading.
      numeric: set flush right.
      wide: holds sentences.
    """

    title: str
    numeric: bool = False
    wide: bool = False


@dataclass(frozen=True)
class Table:
    """A table; its first column heads the rows.

    Attributes:
      caption: what it shows.
      columns: see `Column`.
      rows: a cell for each column.
      closed: shown folded, its caption as the handle.
      fixed: rows in an order that matters, which no reader may change.
    """

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    closed: bool = False
    fixed: bool = False


@dataclass(frozen=True)
class Figure:
    """A chart, which has a title and a description of its own, with the numbers that it shows.

    Attributes:
      chart: an Altair chart.
      reading: how to read it: what is good, what is bad.
      table: the same as numbers; None where another table of the section has them.
    """

    chart: Any
    reading: str
    table: Table | None = None


@dataclass(frozen=True)
class Facts:
    """Names with values, such as the parts of an environment."""

    values: Mapping[str, Cell | str]


@dataclass(frozen=True)
class Text:
    """A paragraph; words between backticks are set as code."""

    text: str
    tone: Tone | None = None


@dataclass(frozen=True)
class Code:
    """Text as it is, such as YAML."""

    title: str
    text: str


@dataclass(frozen=True)
class Group:
    """Figures side by side where there is room; many of them if they are `small`."""

    figures: Sequence[Figure]
    small: bool = False


Part: TypeAlias = Facts | Text | Code | Table | Figure | Group


@dataclass(frozen=True)
class Section:
    """A section of a page.

    Attributes:
      id: its anchor.
      title: its heading.
      parts: what it holds; a section may have nothing but a text that says why it is empty.
    """

    id: str
    title: str
    parts: Sequence[Part] = field(default_factory=tuple)


def number(value: Any, *, signed: bool = False) -> str:
    """A number as people read it: four significant digits, thousands separated; a dash for what is none.

    >>> number(0.93156), number(12000), number(1234.5)
    ('0.9316', '12,000', '1,234')
    >>> number(0.005, signed=True)
    '+0.005'
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return NOTHING if value is None else str(value)
    if not math.isfinite(value):
        return NOTHING
    if value == int(value) and abs(value) < 1e15:
        text = f"{abs(int(value)):,}"
    elif abs(value) >= 1000:
        text = f"{abs(value):,.0f}"
    else:
        text = f"{abs(value):.4g}"
    sign = MINUS if value < 0 else "+" if signed and value > 0 else ""
    return sign + text


def percent(share: float | None) -> str:
    """A share in percent.

    >>> percent(0.1234), percent(0.0002), percent(0.95)
    ('12.3%', '0.02%', '95%')
    """
    if share is None or not math.isfinite(share):
        return NOTHING
    text = f"{share:.1%}" if share == 0 or abs(share) >= 0.001 else f"{share:.2%}"
    return text.replace(".0%", "%")


def value_cell(value: Any, *, signed: bool = False) -> Cell:
    """A number in a cell."""
    sort = float(value) if isinstance(value, int | float) and math.isfinite(value) else None
    return Cell(number(value, signed=signed), sort)


def metric(value: float | None, *, signed: bool = False, decimals: int = 4) -> str:
    """A metric with as many decimals as its neighbours, so that columns line up; tiny or large ones as `number` has it.

    >>> metric(0.93156), metric(0.9), metric(0.00001234), metric(0.0049, signed=True, decimals=3)
    ('0.9316', '0.9000', '1.234e-05', '+0.005')
    """
    if value is None or not math.isfinite(value) or abs(value) >= 10:
        return number(value, signed=signed)
    if not signed and 0 < abs(value) < 10**-decimals:  # a small loss, not a small difference
        return number(value)
    sign = MINUS if value < 0 else "+" if signed and value > 0 else ""
    return f"{sign}{abs(value):.{decimals}f}"


def metric_cell(value: float | None, *, signed: bool = False) -> Cell:
    """A metric in a cell."""
    return Cell(metric(value, signed=signed), value if value is not None and math.isfinite(value) else None)


def interval_cell(found: Mapping[str, Any] | None, *, signed: bool = False) -> Cell:
    """A metric with its interval in a cell: `{"value", "low", "high"}`."""
    if not found or found.get("value") is None:
        return Cell(NOTHING)
    text = metric(found["value"], signed=signed)
    if found.get("low") is not None and found.get("high") is not None:
        ends = (metric(found[end], signed=signed, decimals=3) for end in ("low", "high"))
        text += f" [{', '.join(ends)}]"
    return Cell(text, found["value"])


def text_cell(value: Any, tone: Tone | None = None) -> Cell:
    """A word in a cell."""
    text = NOTHING if value in (None, "") else str(value)
    return Cell(text, text.lower(), tone)


def without_empty(table: Table) -> Table:
    """The table without columns that hold nothing."""
    filled = [index for index in range(len(table.columns)) if any(row[index].text != NOTHING for row in table.rows)]
    return replace(
        table,
        columns=[table.columns[index] for index in filled],
        rows=[[row[index] for index in filled] for row in table.rows],
    )


def duration(seconds: float | None) -> str:
    """Seconds in words.

    >>> duration(3.21), duration(75), duration(7300)
    ('3.2 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def moment(iso: str) -> str:
    """A time as people read it: `2026-11-20T14:10:20Z` is `2026-11-20 14:10 UTC`."""
    return f"{iso[:10]} {iso[11:16]} UTC" if len(iso) >= 16 else iso


def plural(count: int, noun: str) -> str:
    """A count with its noun.

    >>> plural(1, "rule"), plural(1200, "row")
    ('1 rule', '1,200 rows')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def listed(names: Iterable[str], most: int = 5) -> str:
    """Names in a sentence, no more than `most`.

    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    every = list(names)
    if len(every) <= most:
        return ", ".join(every)
    return f"{', '.join(every[:most])} and {len(every) - most} more"


def sparkline(values: Sequence[float | None], *, width: int = 72, height: int = 20) -> str:
    """A line through values, oldest first, as SVG with its last point marked; empty for fewer than two values."""
    points = [(index, value) for index, value in enumerate(values) if value is not None and math.isfinite(value)]
    if len(points) < 2:
        return ""
    low, high = min(value for _, value in points), max(value for _, value in points)
    across = (width - 6) / max(len(values) - 1, 1)
    down = (height - 6) / (high - low) if high > low else 0.0
    placed = [(3 + index * across, height - 3 - (value - low) * down) for index, value in points]
    if high == low:
        placed = [(x, height / 2) for x, _ in placed]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    x, y = placed[-1]
    return (
        f'<svg class="spark" width="{width}" height="{height}" viewBox="0 0 {width} {height}" aria-hidden="true">'
        f'<polyline points="{line}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="2.4"/></svg>'
    )
