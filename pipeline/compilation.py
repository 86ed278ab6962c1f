"""Compiles a pipeline into a bundle."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from components import gpus
from pipeline import bundle as bundles
from pipeline.bundle import Bundle
from pipeline.check import check
from pipeline.imports import no_collection
from pipeline.lifecycle import enter, plan
from pipeline.quiet import quiet
from pipeline.settings_file import Loaded
from pipeline.workspace import Workspace


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
