"""`headgate node`: one step of a compiled pipeline, for an orchestrator."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.options import AsJson
from pipeline.commands.output import print_summary
from pipeline.commands.report import with_report
from schema.errors import HeadgateError

if TYPE_CHECKING:
    from pipeline.summary import StepEnd


def node(
    bundle: Annotated[Path, typer.Argument(help="The compiled pipeline: a folder that `headgate compile` wrote.")],
    step: Annotated[str, typer.Argument(help="begin, the step's name, or finish.")],
    run_id: Annotated[str, typer.Option("--run-id", metavar="ID", help="The run, the same for all its steps.")],
    span: Annotated[
        int | None, typer.Option("--span", metavar="N", min=0, help="The span to read; begin pins it for the run.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    r"""Run one step of a compiled pipeline. The last line on stdout is a JSON object that says how it ended.

    `begin` comes before a run's first step, and `finish` after its last, whatever became of them. A step that was
    killed may be started again under the same run id.

    Exit codes: 0 done, or taken from an earlier run; 99 a condition holds the step back; 1 failed; 2 wrong usage or
    settings, or another code than the one that was compiled; 4 blocked by the data. `finish` exits as `headgate run`
    would.

    \b
    Examples:
      headgate node dags/taxi begin --run-id taxi.2026-01-31 --span 31
      headgate node dags/taxi ingest --run-id taxi.2026-01-31
      headgate node dags/taxi finish --run-id taxi.2026-01-31
    """
    raise typer.Exit(launch(bundle, step, run_id, span, as_json=as_json).exit_code)


def launch(bundle: Path, step: str, run_id: str, span: int | None, *, as_json: bool = False) -> StepEnd:
    """Runs a step and prints how it ended; takes what the command takes, and returns what its last line says."""
    from pipeline.orchestrated import Node
    from pipeline.progress import shown
    from pipeline.quiet import screen
    from pipeline.signals import terminable
    from pipeline.summary import StepEnd

    summary = None
    try:
        with terminable(), screen() as stream, shown(stream, silent=as_json) as progress:
            launched = Node(bundle, step, run_id, span, progress)
            ended = launched.launch()
        if launched.summary:
            summary = with_report(launched.summary, launched.workspace)
    except HeadgateError as error:
        ended = StepEnd(step, "failed", 0.0, error=error.parts, exit_code=error.exit_code)
    if ended.error:
        typer.echo(str(HeadgateError(**ended.error)), err=True)
    elif summary and not as_json:
        print_summary(summary)
    typer.echo(json.dumps(asdict(ended), ensure_ascii=False))
    return ended
