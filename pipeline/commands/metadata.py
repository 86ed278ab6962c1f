"""`headgate metadata`: where the runs are recorded, and how to move them to a database server."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import DEFAULT_WORKSPACE, AsJson, WorkspaceFolder, help_of
from pipeline.commands.output import print_json, print_table
from schema.errors import SettingsError

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look at the database that runs are recorded in, move it to a server.",
)


def show(workspace: WorkspaceFolder = DEFAULT_WORKSPACE, as_json: AsJson = False) -> None:
    r"""Show where a workspace's runs are recorded, and how much that is.

    \b
    Example:
      headgate metadata show --workspace /srv/headgate
    """
    from pipeline.metadata.place import Metadata
    from pipeline.metadata.size import measure
    from pipeline.workspace import Workspace

    size = measure(Metadata.of(Workspace(workspace)))
    if as_json:
        print_json(asdict(size))
        return
    print_table(("database", size.where), ((key, value) for key, value in asdict(size).items() if key != "where"))


def copy(
    to: Annotated[
        str, typer.Option("--to", metavar="URL", help="postgresql://USER@HOST:PORT/DATABASE, or mysql://...")
    ],
    workspace: WorkspaceFolder = DEFAULT_WORKSPACE,
    password_file: Annotated[
        Path | None, typer.Option("--password-file", metavar="FILE", help="File with the password (mode 600).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    r"""Copy all records from the workspace's sqlite file to an empty database on a server, and use that from now on.

    The password comes from HEADGATE_METADATA_PASSWORD, --password-file, or for PostgreSQL ~/.pgpass. All is copied or
    nothing; a copy that was killed can be run again.

    \b
    Example:
      headgate metadata copy --workspace /srv/headgate --to postgresql://headgate@db.example.com:5432/headgate
    """
    from pydantic import ValidationError

    from pipeline.metadata.move import move
    from pipeline.metadata.settings import MetadataSettings
    from pipeline.workspace import Workspace

    try:
        settings = MetadataSettings(url=to, password_file=password_file and password_file.absolute())
    except ValidationError as error:
        [problem] = error.errors(include_input=False)
        raise SettingsError(
            "The database's address cannot be used.", where="--to", expected=str(problem["ctx"]["error"])
        ) from None
    place = Workspace(workspace)
    copied = move(place, settings)
    if as_json:
        print_json(asdict(copied))
        return
    if copied.before:
        typer.echo("An earlier copy had come to its end: nothing to do.")
    else:
        kinds = ("Context", "Execution", "Artifact", "Event")
        typer.echo("copied " + ", ".join(f"{copied.rows[kind]} {kind.lower()}s" for kind in kinds))
    typer.echo(
        f"{place.root} has its runs in {copied.where} from now on. {place.metadata} is no longer read: "
        "keep it until the server has a backup."
    )


for command in (show, copy):
    app.command(help=help_of(command))(command)
