"""`headgate doctor`: whether this machine is fit for Headgate."""

from __future__ import annotations

import typer

from pipeline.commands.options import DEFAULT_WORKSPACE, AsJson, WorkspaceFolder
from pipeline.commands.output import print_json, print_table


def doctor(workspace: WorkspaceFolder = DEFAULT_WORKSPACE, as_json: AsJson = False) -> None:
    r"""Report machine, versions, and what is missing.

    Exit code 1 if something that every run needs is missing.

    \b
    Example:
      headgate doctor --json
    """
    from pipeline.doctor import examine
    from pipeline.workspace import Workspace

    report = examine(Workspace(workspace).root)
    if as_json:
        print_json(report.to_json())
    else:
        print_table(("what", "found"), [*report.machine.items(), *report.versions.items()])
        for finding in report.findings:
            typer.echo(f"{'missing' if finding.needed else 'optional'}: {finding.message}")
        if not report.findings:
            typer.echo("Nothing is missing.")
    raise typer.Exit(0 if report.healthy else 1)
