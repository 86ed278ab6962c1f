"""`headgate runs` and `headgate show`: what ran, and what it came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.options import DEFAULT_WORKSPACE, AsJson, WorkspaceFolder
from pipeline.commands.output import print_json, print_rendered, print_summary, print_table
from schema.errors import SettingsError

if TYPE_CHECKING:
    from components.tuning.trials import Trial
    from pipeline.history import History


def runs(
    pipeline: Annotated[str | None, typer.Argument(help="Only this pipeline's runs.")] = None,
    workspace: WorkspaceFolder = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    r"""List the runs of a workspace, the latest first.

    \b
    Example:
      headgate runs taxi
    """
    from pipeline.history import History
    from pipeline.workspace import Workspace

    place = Workspace(workspace)
    rows = History(place).runs(pipeline)
    if as_json:
        print_json([asdict(row) for row in rows])
    elif not rows:
        typer.echo(f"No runs in {place.root} yet. Start one: headgate run")
    else:
        print_table(
            ("run", "pipeline", "status", "started", "seconds", "span", "version", "metrics"),
            (
                (
                    row.run_id,
                    row.pipeline,
                    row.status,
                    row.started,
                    row.seconds,
                    row.span,
                    row.version,
                    _first(row.metrics),
                )
                for row in rows
            ),
        )
    for notice in dict.fromkeys(notice for row in rows for notice in row.notices):
        typer.echo(f"note: {notice}", err=True)


def show(
    run: Annotated[str | None, typer.Argument(help="The run's id. Default: the latest run.")] = None,
    other: Annotated[str | None, typer.Argument(help="Another run: show what differs between the two.")] = None,
    workspace: WorkspaceFolder = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    r"""Show one run: rules and margins, metrics with intervals, weak slices. Or what differs between two runs.

    \b
    Examples:
      headgate show
      headgate show 20250131-120000-ab12 --json
      headgate show 20250131-120000-ab12 20250201-120000-cd34
    """
    from pipeline.history import History
    from pipeline.terminal import judgement
    from pipeline.workspace import Workspace

    place = Workspace(workspace)
    history = History(place)
    if run is None:
        rows = history.runs()
        if not rows:
            raise SettingsError("There is no run to show.", where=str(place.root), fix="start one: headgate run")
        run = rows[0].run_id
    if other is not None:
        _show_difference(history, run, other, as_json)
        return
    summary = history.summary(run)
    if as_json:
        print_json(summary.to_json(details=True))
        return
    print_summary(summary)
    print_rendered(judgement.render(summary))
    if summary.trials:
        _print_trials(summary.trials)
    if summary.slices:
        typer.echo("\nmetrics by slice (test split):")
        names = list(summary.metrics)
        print_table(
            ("slice", "rows", *names),
            ((f"{each.slice}: {each.value}", each.rows, *_values(each.metrics, names)) for each in summary.slices),
        )


def _show_difference(history: History, first: str, second: str, as_json: bool) -> None:
    from pipeline.history.difference import difference
    from pipeline.summary import finite
    from pipeline.terminal.difference import render

    found = difference(history, first, second)
    if as_json:
        print_json(finite(asdict(found)))
    else:
        print_rendered(render(found))


def _print_trials(trials: Sequence[Trial]) -> None:
    """A row for each trial; below them, why the failed ones failed."""
    from components.tuning.trials import compact

    typer.echo("\ntrials, the best first:")
    paths = list(trials[0].values)
    print_table(
        ("trial", trials[0].objective, "epochs", *paths),
        (
            (
                each.trial,
                None if each.score is None else f"{each.score:.4f}",
                each.epochs,
                *(compact(each.values[path]) for path in paths),
            )
            for each in trials
        ),
    )
    for each in trials:
        if each.error:
            typer.echo(f"trial {each.trial} failed: {each.error}")


def _first(metrics: Mapping[str, float], most: int = 5) -> str:
    return " ".join(f"{name}={value:.3f}" for name, value in list(metrics.items())[:most])


def _values(metrics: Mapping[str, float | None], names: Sequence[str]) -> list[str | None]:
    return [None if metrics.get(name) is None else f"{metrics[name]:.3f}" for name in names]
