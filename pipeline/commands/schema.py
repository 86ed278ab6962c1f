"""`headgate schema`: what the data must look like, and how that changes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline.commands.options import DEFAULT_WORKSPACE, AsJson, Assignments, Pipeline, WorkspaceFolder, help_of
from pipeline.commands.output import print_json
from schema.errors import SettingsError
from schema.remote.addresses import told

if TYPE_CHECKING:
    from pipeline.settings_file import Loaded

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look at the data's schema, adopt what the data show.",
)


def show(
    pipeline: Pipeline = "taxi", assignments: Assignments = None, workspace: WorkspaceFolder = DEFAULT_WORKSPACE
) -> None:
    r"""Print the schema in force.

    The curated one; where there is none, that of the latest run.

    \b
    Example:
      headgate schema show taxi
    """
    loaded = _load(pipeline, assignments)
    path = _curated(loaded) or _inferred(loaded, workspace)
    if path is None:
        raise SettingsError(f"`{loaded.settings.name}` has no schema yet.", fix=f"run it once: headgate run {pipeline}")
    typer.echo(f"# {told(str(path))}\n{path.read_text(encoding='utf-8')}", nl=False)


def diff(
    pipeline: Pipeline = "taxi",
    assignments: Assignments = None,
    workspace: WorkspaceFolder = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    r"""List what the data show that the schema does not say.

    Compares the curated schema with the latest run's data.

    \b
    Example:
      headgate schema diff taxi
    """
    from pipeline.observed import observed_schema
    from pipeline.workspace import Workspace
    from schema.curation import accepted_path, read
    from schema.difference import diff as differences

    loaded = _load(pipeline, assignments)
    curated = _curated(loaded)
    if curated is None:
        raise SettingsError(
            f"`{loaded.settings.name}` has no curated schema to compare with.",
            where=str(accepted_path(loaded.settings.schema_, loaded.settings.name, loaded.file)),
            fix=f"adopt what the data show: headgate schema accept {pipeline}",
        )
    present = read(curated)
    changes = differences(present, observed_schema(loaded.settings, Workspace(workspace), present))
    if as_json:
        print_json([asdict(change) for change in changes])
    elif not changes:
        typer.echo(f"The data look as {told(str(curated))} says.")
    else:
        typer.echo("\n".join(map(str, changes)))


def accept(
    pipeline: Pipeline = "taxi", assignments: Assignments = None, workspace: WorkspaceFolder = DEFAULT_WORKSPACE
) -> None:
    r"""Adopt what the latest run's data show.

    It becomes the curated schema, which later data are held against. A schema that is there already is widened: what
    you wrote into it stays.

    \b
    Example:
      headgate run pipeline.yaml --to statistics
      headgate schema accept pipeline.yaml
    """
    from pipeline.observed import observed_schema
    from pipeline.workspace import Workspace
    from schema.curation import accepted_path, read, write

    loaded = _load(pipeline, assignments)
    curated = _curated(loaded)
    schema = observed_schema(loaded.settings, Workspace(workspace), read(curated) if curated else None)
    path = accepted_path(loaded.settings.schema_, loaded.settings.name, loaded.file)
    write(schema, path)
    typer.echo(
        f"{told(str(path))}: {len(schema.feature)} features. Read it, correct it, keep it under version control."
    )


def _load(pipeline: str, assignments: list[str] | None) -> Loaded:
    from pipeline.settings_file import load

    return load(pipeline, assignments or [])


def _curated(loaded: Loaded) -> Path | None:
    from schema.curation import curated_path

    return curated_path(loaded.settings.schema_, loaded.settings.name, loaded.file)


def _inferred(loaded: Loaded, workspace: Path) -> Path | None:
    from pipeline.history import History
    from pipeline.workspace import Workspace

    return History(Workspace(workspace)).latest_schema(loaded.settings.name)


for command in (show, diff, accept):
    app.command(help=help_of(command))(command)
