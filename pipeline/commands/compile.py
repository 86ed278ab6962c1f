"""`headgate compile`: a pipeline for an orchestrator to run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import DEFAULT_WORKSPACE, AsJson, Assignments, Pipeline, WorkspaceFolder
from pipeline.commands.output import print_json
from schema.errors import SettingsError


def compile_(
    pipeline: Pipeline = "taxi",
    assignments: Assignments = None,
    workspace: WorkspaceFolder = DEFAULT_WORKSPACE,
    airflow: Annotated[
        Path | None, typer.Option("--airflow", metavar="DIR", help="Airflow's DAG folder, or one below it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    r"""Compile a pipeline for an orchestrator, which then runs it a step at a time with `headgate node`.

    What is compiled holds for the code and the curated schema of now: compile again when one of them changes.

    \b
    Examples:
      headgate compile taxi --airflow ~/airflow/dags
      headgate compile pipeline.yaml --workspace /srv/headgate --airflow ~/airflow/dags
    """
    if airflow is None:
        raise SettingsError(
            "There is nothing to compile for.", expected="--airflow DIR", fix="see headgate compile --help"
        )
    from pipeline.airflow.folder import write
    from pipeline.compilation import compile_bundle
    from pipeline.settings_file import load
    from pipeline.workspace import Workspace

    loaded = load(pipeline, assignments or [])
    bundle = compile_bundle(loaded, Workspace(workspace), airflow / loaded.settings.name)
    dag = write(airflow, loaded.settings, [asdict(step) for step in bundle.steps]).resolve()
    if as_json:
        print_json({"pipeline": bundle.pipeline, "bundle": str(bundle.folder), "dag": str(dag)})
    else:
        typer.echo(f"bundle: {bundle.folder}\nDAG file: {dag}")
