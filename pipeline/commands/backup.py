"""`headgate backup` and `headgate restore`: a workspace as one file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import DEFAULT_WORKSPACE, AsJson, WorkspaceFolder
from pipeline.commands.output import print_json


def backup(
    archive: Annotated[Path, typer.Argument(help="A new file, .tar or .tar.gz.")],
    workspace: WorkspaceFolder = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    r"""Back a workspace up. Runs may go on meanwhile.

    \b
    Example:
      headgate backup /backups/headgate-$(date +%F).tar.gz --workspace /srv/headgate
    """
    from pipeline.backup import back_up
    from pipeline.workspace import Workspace

    place = Workspace(workspace)
    written = back_up(place, archive)
    if as_json:
        print_json({"archive": str(archive), **asdict(written)})
        return
    typer.echo(f"{archive}: {archive.stat().st_size / 1e6:,.1f} MB, {written.workspace}")
    if written.database != str(place.metadata):
        typer.echo(
            f"The runs are recorded in {written.database}, which needs a backup of its own, made before this one."
        )


def restore(
    archive: Annotated[Path, typer.Argument(help="What `headgate backup` wrote.")],
    workspace: WorkspaceFolder = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    r"""Make a workspace from a backup, in its old place or another.

    \b
    Example:
      headgate restore /backups/headgate-2026-11-20.tar.gz --workspace /srv/headgate
    """
    from pipeline.backup import restore as restore_
    from pipeline.workspace import Workspace

    place = Workspace(workspace)
    found = restore_(archive, place)
    if as_json:
        print_json({"workspace": str(place.root), "backup": asdict(found)})
    else:
        typer.echo(f"{place.root}: as {found.workspace} was at {found.created}")
