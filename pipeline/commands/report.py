"""`headgate report` and `headgate ui`: pages for people to look at."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.options import DEFAULT_WORKSPACE, AsJson, WorkspaceFolder
from pipeline.commands.output import print_json
from schema.errors import HeadgateError, SettingsError, first_line

if TYPE_CHECKING:
    from pipeline.summary import Summary


def report(
    run: Annotated[str | None, typer.Argument(help="The run's id. Default: the latest run.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Pages of all runs.")] = False,
    workspace: WorkspaceFolder = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    r"""Write the page of a run, one HTML file that asks nothing of any network, and the index over all runs.

    \b
    Examples:
      headgate report
      headgate report 20250131-120000-ab12
      headgate report --all --workspace /srv/headgate
    """
    from pipeline.history import History
    from pipeline.workspace import Workspace

    place = Workspace(workspace)
    if run is not None and every:
        raise SettingsError("A run and `--all` say two different things.", where="--all", fix="leave out one of them")
    runs = [run] if run is not None else [row.run_id for row in History(place).runs()][: None if every else 1]
    if not runs:
        raise SettingsError("There is no run to report on.", where=str(place.root), fix="start one: headgate run")
    from pipeline.report.write import write

    pages = write(place, *runs)
    index = place.reports / "index.html"
    if as_json:
        print_json({"reports": [str(page) for page in pages], "index": str(index)})
        return
    for page in pages:
        typer.echo(f"report: {page}")
    typer.echo(f"index: {index}")


def ui(
    workspace: WorkspaceFolder = DEFAULT_WORKSPACE,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8765,
    host: Annotated[str, typer.Option(help="Address to serve on; only this machine by default.")] = "127.0.0.1",
) -> None:
    r"""Serve all runs of a workspace to a browser: the index, and the page of each run. Ctrl-C ends it.

    Nothing can be changed through it. Whoever can reach the address can read it: it asks for no password.

    \b
    Examples:
      headgate ui
      headgate ui --workspace /srv/headgate --port 9000
    """
    import uvicorn

    from pipeline.report.server import app
    from pipeline.workspace import Workspace

    listening = _listen(host, port)
    name = f"[{host}]" if ":" in host else host
    place = Workspace(workspace)
    typer.echo(f"Runs of {place.root}: http://{name}:{listening.getsockname()[1]}/  (Ctrl-C ends it)")
    server = uvicorn.Server(uvicorn.Config(app(place, host), log_level="warning", lifespan="off", server_header=False))
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        typer.echo("Ended.")


def with_report(summary: Summary, folder: Path) -> Summary:
    """Writes the page of a run that has come to its end; a page that cannot be written is no fault of the run's.

    Args:
      summary: what the run came to.
      folder: the workspace.

    Returns:
      The summary, with the page's path if there is one.
    """
    from dataclasses import replace

    from pipeline.report.kept import fresh
    from pipeline.workspace import Workspace

    place = Workspace(folder)
    try:
        if not (summary.nothing_to_do and fresh(place, summary.pipeline, summary.run_id)):
            from pipeline.report.write import write

            write(place, summary.run_id)
    except Exception as error:
        why = error.what if isinstance(error, HeadgateError) else f"{type(error).__name__}: {first_line(error)}"
        typer.echo(f"report: not written ({why})", err=True)
        return summary
    return replace(summary, report=str(place.report(summary.pipeline, summary.run_id)))


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
      SettingsError: the address is taken, or not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen()
    except OSError as error:
        raise SettingsError(
            "The pages cannot be served there.",
            where=f"--host {host} --port {port}",
            received=error.strerror or str(error),
            fix="choose another port with --port; 0 takes any that is free",
        ) from error
    return listening
