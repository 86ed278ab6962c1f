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
    kubeflow: Annotated[
        Path | None,
        typer.Option("--kubeflow", metavar="FILE", help="A .yaml (or .json) file for Kubeflow or Vertex AI."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    r"""Compile a pipeline for an orchestrator, which then runs it a step at a time with `headgate node`.

    What is compiled holds for the code and the curated schema of now: compile again when one of them changes.

    \b
    Examples:
      headgate compile taxi --airflow ~/airflow/dags
      headgate compile pipeline.yaml --workspace /srv/headgate --airflow ~/airflow/dags
      headgate compile pipeline.yaml --kubeflow pipeline.kubeflow.yaml
    """
    if (airflow is None) == (kubeflow is None):
        raise SettingsError(
            "There is nothing to compile for." if airflow is None else "There are two things to compile for.",
            expected="--airflow DIR or --kubeflow FILE",
            fix="see headgate compile --help",
        )
    if airflow is not None:
        _for_airflow(pipeline, assignments or [], workspace, airflow, as_json=as_json)
    if kubeflow is not None:
        _for_kubeflow(pipeline, assignments or [], kubeflow, as_json=as_json)


def _for_airflow(pipeline: str, assignments: list[str], workspace: Path, airflow: Path, *, as_json: bool) -> None:
    from pipeline.airflow.folder import write
    from pipeline.compilation import compile_bundle
    from pipeline.settings_file import load
    from pipeline.workspace import Workspace

    loaded = load(pipeline, assignments)
    bundle = compile_bundle(loaded, Workspace(workspace), airflow / loaded.settings.name)
    dag = write(airflow, loaded.settings, [asdict(step) for step in bundle.steps]).resolve()
    if as_json:
        print_json({"pipeline": bundle.pipeline, "bundle": str(bundle.folder), "dag": str(dag)})
    else:
        typer.echo(f"bundle: {bundle.folder}\nDAG file: {dag}")


def _for_kubeflow(pipeline: str, assignments: list[str], file: Path, *, as_json: bool) -> None:
    from pipeline.compilation import compile_for_kubeflow
    from pipeline.settings_file import load

    loaded = load(pipeline, assignments)
    compile_for_kubeflow(loaded, file)
    if as_json:
        print_json({"pipeline": loaded.settings.name, "file": str(file.resolve())})
    else:
        typer.echo(f"pipeline for Kubeflow: {file.resolve()}")
