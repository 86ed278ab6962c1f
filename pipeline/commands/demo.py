"""`headgate demo`: two spans of taxi trips, a model released, then a new span judged against it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.commands.options import DEFAULT_WORKSPACE, WorkspaceFolder
from pipeline.commands.output import print_summary
from pipeline.commands.report import with_report
from pipeline.commands.run import run_shown

if TYPE_CHECKING:
    from pipeline.summary import Summary


def demo(workspace: WorkspaceFolder = DEFAULT_WORKSPACE) -> None:
    r"""Show a release, new data, drift and a verdict.

    Takes a few minutes, offline. Chicago taxi trips, real data that are installed with TFX, are split by time into
    two spans. The first trains a model that is released; the second is compared with the first, and its model judged
    against the one in service.

    \b
    Example:
      headgate demo --workspace /tmp/headgate-demo
    """
    from data import spans
    from data.sources import SOURCES
    from pipeline.workspace import Workspace

    place = Workspace(workspace).ensure()
    taxi = SOURCES["taxi"]
    pattern = spans.make(taxi, [taxi.settings()] * 2, place.data("taxi-by-time")).pattern
    typer.echo(f"Chicago taxi trips, split by time into two spans: {pattern}\n")

    typer.echo("Span 1, the earlier trips: will a passenger tip more than a fifth of the fare?")
    first = _run(pattern, 1, workspace)
    if first.status != "pushed":
        raise typer.Exit(first.exit_code or 1)
    typer.echo("\nThe model is in service. Now the later trips arrive: span 2. They are compared with what the model")
    typer.echo("was trained on, and a new model has to do as well on them as the one in service.")
    second = _run(pattern, 2, workspace)

    typer.echo("\n" + _verdict(first, second))
    typer.echo(_next(place.root, second.run_id))
    raise typer.Exit(0 if second.status in ("pushed", "not_blessed", "blocked") else second.exit_code)


def _run(pattern: str, span: int, workspace: Path) -> Summary:
    from pipeline.settings_file import load

    loaded = load("taxi", [f"data.path={pattern!r}", f"data.span={span}"])
    summary = with_report(run_shown(loaded, workspace), workspace)
    print_summary(summary)
    return summary


def _verdict(first: Summary, second: Summary) -> str:
    """What the second span came to, in two sentences."""
    # Predictions and embeddings, which have a "/" in their names, follow from the features.
    drifted = [name for name in (second.drift.drifted if second.drift else ()) if "/" not in name]
    drift = f"Between the spans drifted: {', '.join(drifted)}." if drifted else "Nothing drifted between the spans."
    model, version = (first.release.model, first.release.version) if first.release else (first.pipeline, 1)
    if second.status == "pushed" and second.release:
        earned = f"The new model earned its place: version {second.release.version} is in service."
    elif second.status == "not_blessed":
        earned = f"The new model did not earn its place: {model} version {version} stays in service."
    elif second.status == "blocked":
        earned = f"The new data were blocked: {model} version {version} stays in service."
    else:
        earned = f"The second run failed; {model} version {version} stays in service."
    return f"{drift} {earned}"


def _next(root: Path, run_id: str) -> str:
    option = "" if root == Path.cwd() / DEFAULT_WORKSPACE else f" --workspace {root}"
    return "\n".join(
        [
            "Next:",
            f"  headgate show {run_id}{option}    metrics by slice, every decision",
            f"  headgate runs{option}    both runs",
            f"  headgate ui{option}    the pages of both runs, in a browser",
            f"  tensorboard --logdir {root / 'tensorboard'}    training and drift, drawn",
            "  headgate init YOUR.csv --label COLUMN    the same with your own data",
        ]
    )
