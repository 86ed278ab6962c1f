"""`headgate watch`: the pipeline by itself, whenever there is a reason to run it."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.options import DEFAULT_WORKSPACE, AsJson, Assignments, Pipeline, WorkspaceFolder

if TYPE_CHECKING:
    from pipeline.watch.watcher import Told


def watch(
    pipeline: Pipeline,
    assignments: Assignments = None,
    workspace: WorkspaceFolder = DEFAULT_WORKSPACE,
    once: Annotated[bool, typer.Option("--once", help="Do what is due now, and end.")] = False,
    as_json: AsJson = False,
) -> None:
    r"""Run a pipeline whenever new data come, or a rule asks for a new model.

    Looks at data.path every watch.every_seconds. A new or changed span goes through the gate, the monitor and drift;
    what follows is up to the section `monitor`: train, max_drop, max_age_days, cooldown_hours. It goes on where it
    stood after a restart. SIGTERM and Ctrl-C end it, and with it a run that is going on. With --json it prints one
    JSON object a line.

    With --once the exit code is that of the last run, 0 if nothing was due.

    \b
    Examples:
      headgate watch pipeline.yaml --workspace /srv/headgate
      headgate watch pipeline.yaml --once
    """
    from pipeline.settings_file import load
    from pipeline.watch.watcher import Watcher
    from pipeline.workspace import Workspace

    overrides = assignments or []
    place = Workspace(workspace)
    words = [pipeline, *(word for each in overrides for word in ("--set", each)), "--workspace", str(place.root)]
    watcher = Watcher(lambda: load(pipeline, overrides), words, place, _shown(as_json=as_json))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: watcher.stop())
    if once:
        raise typer.Exit(watcher.once())
    watcher.watch()


def _shown(*, as_json: bool) -> Callable[[Told], None]:
    """Prints what a watcher tells, each with its time."""

    def show(told: Told) -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        typer.echo(
            json.dumps({"time": now, "message": told.text, "run": told.run}) if as_json else f"{now} {told.text}"
        )

    return show
