"""`headgate lineage`: where a release came from, and what became of data."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.options import DEFAULT_WORKSPACE, AsJson, WorkspaceFolder
from pipeline.commands.output import print_json, print_rendered
from schema.errors import SettingsError

if TYPE_CHECKING:
    from pipeline.history import History


def lineage(
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL@VERSION", help="A release; with --forward PIPELINE:SPAN or a run. Default: latest."
        ),
    ] = None,
    forward: Annotated[
        bool, typer.Option("--forward", help="From data to what was made of them: models, releases, comparisons.")
    ] = False,
    workspace: WorkspaceFolder = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    r"""Trace a release back to its files, or data forward to its releases.

    Back: model, hyperparameters, transform, schema, statistics, examples, span and source files, each with the step,
    the run and the code that made it.

    \b
    Examples:
      headgate lineage taxi@2
      headgate lineage taxi:1 --forward
      headgate lineage 20250131-120000-ab12 --forward --json
    """
    from pipeline.history import History
    from pipeline.workspace import Workspace

    history = History(Workspace(workspace))
    if forward:
        from pipeline.terminal.lineage import render_forward

        ahead = history.forward(*_span(history, target))
        print_json(asdict(ahead)) if as_json else print_rendered(render_forward(ahead))
        return
    from pipeline.terminal.lineage import render

    behind = history.lineage(*_release(history, target))
    if as_json:
        manifest = behind.manifest.model_dump() if behind.manifest else None
        print_json(asdict(behind) | {"manifest": manifest})
    else:
        print_rendered(render(behind))


def _release(history: History, target: str | None) -> tuple[str, int]:
    """Model and version that `MODEL@VERSION` names, or those of the latest run that released."""
    if target is None:
        for row in history.runs():
            release = history.summary(row.run_id).release if row.version else None
            if release:
                return release.model, release.version
        raise SettingsError("No run has released a model yet.", where="headgate lineage", fix="headgate runs")
    model, at, version = target.rpartition("@")
    if not at or not version.isdecimal():
        raise SettingsError(
            "This names no release.",
            where="headgate lineage",
            expected="MODEL@VERSION, such as taxi@2",
            received=target,
            fix="see the column `version` of `headgate runs`; from data forward: --forward",
        )
    return model, int(version)


def _span(history: History, target: str | None) -> tuple[str, int]:
    """Pipeline and span that `PIPELINE:SPAN` or a run names; default: those of the latest run."""
    pipeline, colon, span = (target or "").rpartition(":")
    if colon and span.isdecimal():
        return pipeline, int(span)
    rows = [row for row in history.runs() if target in (None, row.run_id)]
    if not rows or rows[0].span is None:
        raise SettingsError(
            "This names no data." if not rows else "This run read no data.",
            where="headgate lineage --forward",
            expected="PIPELINE:SPAN, such as taxi:1, or a run that read data",
            received=target,
            fix="list the runs with `headgate runs`",
        )
    return rows[0].pipeline, rows[0].span
