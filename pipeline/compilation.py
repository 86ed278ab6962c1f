"""Compiles a pipeline: into a bundle, or for Kubeflow."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from components import gpus
from pipeline import bundle as bundles
from pipeline.bundle import Bundle
from pipeline.check import check
from pipeline.imports import no_collection
from pipeline.lifecycle import enter, find_own_code, plan
from pipeline.own_functions import require_functions
from pipeline.quiet import quiet
from pipeline.runners.container import in_container
from pipeline.settings_file import Loaded
from pipeline.workspace import Workspace
from schema.curation import curated_path


def compile_bundle(loaded: Loaded, workspace: Workspace, folder: Path) -> Bundle:
    """Checks a pipeline and writes it as a bundle.

    Args:
      loaded: the settings.
      workspace: where its runs will write to.
      folder: for the bundle.

    Raises:
      SettingsError: the settings, the workspace or the folder cannot be used.
      DataError: the data lack a column.
    """
    enter(workspace, loaded.base)
    job = plan(loaded, workspace, tell=lambda text: None)
    check(replace(loaded, settings=job.settings))
    settings = job.settings
    if loaded.preset and job.schema:
        # A preset's schema is looked for in the current folder, and a worker's is another one.
        settings = settings.model_copy(
            update={"schema_": settings.schema_.model_copy(update={"path": str(job.schema)})}
        )
    with tempfile.TemporaryDirectory() as log, quiet(Path(log, "log")), gpus.hidden():
        with no_collection():
            from tfx.dsl.compiler import compiler

            from pipeline.dag import Plan, build

        ir = compiler.Compiler().compile(build(Plan(settings, workspace, job.schema)))
    found = replace(loaded, settings=settings)
    return bundles.write(folder.resolve(), ir, found, job.schema, job.code, job.notes, workspace.root)


def compile_for_kubeflow(loaded: Loaded, file: Path) -> None:
    """Writes a pipeline for Kubeflow Pipelines v2. Data and workspace are the cluster's: neither is looked at.

    Args:
      loaded: the settings.
      file: `.yaml` or `.json`.

    Raises:
      SettingsError: the settings name what a cluster does not have, or a function that is not there; or the file cannot
        be written.
    """
    find_own_code(loaded.base)
    require_functions(loaded)
    settings = loaded.settings
    workspace = Workspace(Path(settings.kubeflow.workspace))
    document = in_container(loaded, workspace.root)
    with tempfile.TemporaryDirectory() as log, quiet(Path(log, "log")), gpus.hidden():
        with no_collection():
            from tfx.dsl.compiler import compiler

            from pipeline.dag import Plan, build
            from pipeline.runners import kubeflow

        schema = curated_path(settings.schema_, settings.name, loaded.file)
        ir = compiler.Compiler().compile(build(Plan(settings, workspace, schema)))
        kubeflow.write(bundles.steps_of(ir), settings, document, file)
