"""The drift timeline for a terminal: a bar for each span, half its height is the threshold."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from pipeline.history.timeline import Performance, Point, Series, Timeline

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.text import Text

BARS = "▁▂▃▄▅▆▇█"
"""Of scores: the lower four lie within the threshold, the upper four are drift, the last of twice as much or more."""

ABSENT = "·"
"""A span that did not compare the feature."""

MOST_SPANS = 60
"""As many spans, the latest ones, are drawn at most; fewer where the terminal is narrow."""

BESIDE = 68
"""Characters of a line that are left to what stands beside the bars."""

WIDE = 110
"""A line of as many characters also has room for the spans' numbers."""

_HEADINGS = {"feature": "features", "prediction": "predictions", "embedding": "embeddings"}


@dataclass(frozen=True)
class TimelineView:
    """A timeline as a Rich view, as wide as there is room.

    Attributes:
      timeline: with one comparison at least, or one record of performance.
    """

    timeline: Timeline

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        from rich.text import Text

        timeline, wide = self.timeline, options.max_width >= WIDE
        drawn = min(MOST_SPANS, max(options.max_width - BESIDE - 22 * wide, 12))
        if timeline.comparisons:
            for line in _head(timeline, drawn):
                yield Text(line)
            yield ""
            yield _series(timeline, drawn, wide)
        if timeline.performance:
            last = timeline.performance[-1]
            yield ""
            labelled = f"{last.labelled:,} of {last.rows:,} rows"
            yield Text(f"the model in service on span {last.span}, {labelled} with a label:")
            yield _performance(timeline.performance)
        for notice in timeline.notices:
            yield Text(f"note: {notice}")


def bar(point: Point | None) -> str:
    """One character for one span.

    >>> [bar(Point(1, score, "psi", 0.1, 0.2, score > 1, (), "")) for score in (0.0, 0.5, 1.0, 1.1, 9.0)]
    ['▁', '▂', '▄', '▅', '█']
    """
    if point is None:
        return ABSENT
    level = min(max(math.ceil(point.score * 4) - 1, 0), len(BARS) - 1)
    # Rounded numbers must not say other than the verdict.
    return BARS[max(level, 4) if point.drifted else min(level, 3)]


def ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers in short.

    >>> ranges([1, 2, 3, 7, 9, 10])
    '1-3, 7, 9-10'
    """
    runs = [[number for _, number in run] for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])]
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _head(timeline: Timeline, drawn: int) -> Iterator[str]:
    spans = timeline.spans
    last = timeline.comparisons[-1]
    left_out = f", of which the last {drawn} are drawn" if len(spans) > drawn else ""
    noun = "span" if len(spans) == 1 else "spans"
    yield f"{timeline.pipeline}: {len(spans)} {noun} compared ({ranges(spans)}){left_out}"
    kind = str(last.reference["kind"]).replace("_", " ")
    yield f"span {last.span} was compared with span {last.reference['span']} ({kind}), in run {last.run_id}"
    yield f"{BARS[:4]} within the threshold   {BARS[4:]} drifted   {ABSENT} not compared"


def _series(timeline: Timeline, drawn: int, wide: bool) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    if not timeline.series:
        return Text("No feature drifted, or has this name.")
    spans = timeline.spans
    table = Table(box=None, pad_edge=False)
    table.add_column("", overflow="fold")
    table.add_column("spans", no_wrap=True, min_width=min(len(spans), drawn))
    for heading in ("last", "threshold"):
        table.add_column(heading, no_wrap=True, justify="right", min_width=6)
    for heading in ("verdict", *(["drifted on span"] * wide)):
        table.add_column(heading, overflow="fold")
    for group, members in groupby(timeline.series, key=lambda each: each.group):
        table.add_row(Text(_HEADINGS.get(group, group), style="bold"))
        for each in members:
            table.add_row(*_cells(each, spans, drawn)[: len(table.columns)])
    return table


def _cells(series: Series, spans: Sequence[int], drawn: int) -> tuple[RenderableType, ...]:
    from rich.text import Text

    last = series.last
    name = f"{series.feature} [{series.slice}]" if series.slice else series.feature
    value = f"{last.value:.4f}" if last.value is not None else "-"
    threshold = f"{last.threshold:.4f}" if last.threshold is not None else "-"
    if last.span != spans[-1]:
        verdict = Text(f"not in span {spans[-1]}", style="dim")
    elif last.drifted:
        verdict = Text(f"! {', '.join(last.by) or 'drift'}", style="bold red")
    else:
        verdict = Text(f"ok ({last.metric})" if last.metric else "ok", style="green")
    return Text(f" {name}"), _bars(series, spans[-drawn:]), value, threshold, verdict, ranges(series.drifted)


def _bars(series: Series, spans: Sequence[int]) -> Text:
    from rich.text import Text

    points = {point.span: point for point in series.points}
    line = Text()
    for span in spans:
        point = points.get(span)
        line.append(bar(point), style="bold red" if point and point.drifted else "green" if point else "dim")
    return line


def _performance(records: Sequence[Performance]) -> RenderableType:
    """A row for each metric: its value at release and on the latest span of the same model."""
    from rich.table import Table
    from rich.text import Text

    last = records[-1]
    table = Table(box=None, pad_edge=False)
    table.add_column("", overflow="fold")
    for heading in ("at release", "now", "worse by"):
        table.add_column(heading, no_wrap=True, justify="right", min_width=7)
    for heading in ("how", "over the spans"):
        table.add_column(heading, overflow="fold")
    for metric in last.released:
        now = last.measured.get(metric, last.estimated.get(metric, {}).get("value"))
        drop = last.drops.get(metric)
        table.add_row(
            Text(f" {metric}"),
            f"{last.released[metric]:.4f}",
            "-" if now is None else f"{now:.4f}",
            "-" if drop is None else f"{drop:+.4f}",
            _how(last, metric),
            " ".join(_values(records, metric)),
        )
    return table


def _how(last: Performance, metric: str) -> str:
    if metric in last.measured:
        return "measured"
    if metric in last.estimated:
        found = last.estimated[metric]
        return f"estimated, {found['low']:.4f} to {found['high']:.4f}"
    return "no labels"


def _values(records: Sequence[Performance], metric: str, most: int = 6) -> Iterator[str]:
    """The latest values, `~` before an estimate, and the version of the model where it changes."""
    version = None
    for each in records[-most:]:
        if each.model["version"] != version:
            version = each.model["version"]
            yield f"v{version}:"
        if metric in each.measured:
            yield f"{each.measured[metric]:.3f}"
        elif metric in each.estimated:
            yield f"~{each.estimated[metric]['value']:.3f}"
        else:
            yield "-"
