"""`headgate drift`: how the data changed, span by span, and what became of the model in service."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.options import DEFAULT_WORKSPACE, AsJson, RanPipeline, WorkspaceFolder
from pipeline.commands.output import print_json, print_rendered
from schema.errors import SettingsError

if TYPE_CHECKING:
    from pipeline.history.timeline import Timeline


def drift(
    pipeline: RanPipeline = None,
    feature: Annotated[
        list[str] | None, typer.Option("--feature", metavar="NAME", help="Only this feature. Repeatable.")
    ] = None,
    span: Annotated[str | None, typer.Option("--span", metavar="N|A-B", help="Only this span, or these.")] = None,
    drifted: Annotated[bool, typer.Option("--drifted", help="Only what drifted on one of the spans.")] = False,
    workspace: WorkspaceFolder = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    r"""Show drift over time: each feature on each span, worst first.

    A bar's lower half lies within the threshold, its upper half is drift. Below stands what the model in service was
    worth on each span, measured where there are labels, else estimated.

    \b
    Examples:
      headgate drift
      headgate drift taxi --span 3-6 --drifted
      headgate drift taxi --feature payment_type --json
    """
    from pipeline.commands.ran import ran_pipeline
    from pipeline.history import History
    from pipeline.history.timeline import select
    from pipeline.workspace import Workspace

    spans = _spans(span)
    place = Workspace(workspace)
    history = History(place)
    name = ran_pipeline(history, place, pipeline)
    whole = history.timeline(name)
    _known(feature or [], whole)
    part = select(whole, features=feature or [], spans=spans, drifted=drifted)
    if as_json:
        print_json(_plain(part))
        return
    if part.comparisons or part.performance:
        from pipeline.terminal.drift import TimelineView

        print_rendered(TimelineView(part))
        return
    typer.echo(_nothing(whole, span))
    for notice in whole.notices:
        typer.echo(f"note: {notice}")


def _spans(text: str | None) -> range | None:
    """The spans that an option means."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if last < first:
        raise SettingsError(
            "This is no span.", where="--span", expected="a number, or two as in 3-6", received=text, fix="--span 3-6"
        )
    return range(first, last + 1)


def _known(features: list[str], whole: Timeline) -> None:
    """Refuses a feature that no comparison has."""
    from pipeline.problems import choice

    known = sorted({each.feature for each in whole.series})
    for name in features:
        if known and name not in known:
            raise SettingsError(
                f"No comparison of `{whole.pipeline}` has the feature `{name}`.",
                where="--feature",
                expected=f"one of {', '.join(known)}",
                received=name,
                fix=choice(name, known),
            )


def _nothing(whole: Timeline, span: str | None) -> str:
    if span and whole.spans:
        from pipeline.terminal.drift import ranges

        return f"{whole.pipeline}: span {span} was not compared; there is {ranges(whole.spans)}."
    return (
        f"{whole.pipeline}: nothing was compared yet. The next run on new data is compared with what the model in "
        "service was trained on."
    )


def _plain(timeline: Timeline) -> dict[str, Any]:
    record = asdict(timeline)
    for each in record["comparisons"]:
        del each["features"]  # `series` has them
    return record
