"""`headgate run`: data in, a blessed model in the serving directory."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.options import DEFAULT_WORKSPACE, AsJson, Assignments, Pipeline, WorkspaceFolder
from pipeline.commands.output import print_json, print_summary
from pipeline.commands.report import with_report
from schema.errors import HeadgateError, SettingsError, first_line

if TYPE_CHECKING:
    from pipeline.settings_file import Loaded
    from pipeline.summary import Summary


def run(
    pipeline: Pipeline = "taxi",
    assignments: Assignments = None,
    workspace: WorkspaceFolder = DEFAULT_WORKSPACE,
    from_step: Annotated[
        str | None, typer.Option("--from", metavar="STEP", help="Start here; take what comes before from the last run.")
    ] = None,
    to_step: Annotated[str | None, typer.Option("--to", metavar="STEP", help="End after this step.")] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Run every step, also those that did not change.")
    ] = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no page of the run.")] = False,
    as_json: AsJson = False,
) -> None:
    r"""Run a pipeline from data to release.

    Exit codes: 0 released, or nothing to do; 1 failed; 2 wrong usage or settings; 3 the model was not blessed;
    4 blocked by the data gate or by drift.

    \b
    Examples:
      headgate run
      headgate run pipeline.yaml --set training.epochs=5 --workspace /srv/headgate
      headgate run taxi --to statistics --json
    """
    from pipeline.settings_file import load

    _known_steps(from_step, to_step)
    loaded = load(pipeline, assignments or [])
    summary = run_shown(loaded, workspace, from_step, to_step, cache=not no_cache, silent=as_json)
    if not no_report:
        summary = with_report(summary, workspace)
    if as_json:
        print_json(summary.to_json())
    else:
        print_summary(summary)
    raise typer.Exit(summary.exit_code)


def run_shown(
    loaded: Loaded,
    folder: Path,
    from_step: str | None = None,
    to_step: str | None = None,
    *,
    cache: bool = True,
    silent: bool = False,
) -> Summary:
    """Runs a pipeline and shows its progress on stdout, unless `silent`.

    Raises:
      HeadgateError: also for what should never have got here; the trace is then in the run's log.
    """
    from pipeline.after import tell_early
    from pipeline.disk import disk_error
    from pipeline.progress import shown
    from pipeline.quiet import screen
    from pipeline.run import run as run_pipeline
    from pipeline.signals import terminable
    from pipeline.workspace import Workspace

    workspace = Workspace(folder)
    with terminable(), screen() as stream, shown(stream, silent=silent) as progress:
        try:
            return run_pipeline(loaded, workspace, from_step=from_step, to_step=to_step, cache=cache, progress=progress)
        except SystemExit as error:
            raise HeadgateError(
                "A function of your own ended the program.",
                received=f"sys.exit({error.code!r})",
                fix="it returns, or raises an error: it must not call sys.exit",
            ) from error
        except Exception as error:
            disk = disk_error(error, workspace.root)
            if progress.run_id is None:  # else the run itself tells
                for told in tell_early(loaded.settings, disk or error):
                    progress.message(None, f"alert: {told}")
            if disk:
                raise disk from error
            if progress.run_id is None or isinstance(error, HeadgateError):
                raise
            log = workspace.log(loaded.settings.name, progress.run_id)
            with log.open("a", encoding="utf-8") as file:
                traceback.print_exc(file=file)
            raise HeadgateError(
                f"The run failed in the step `{progress.running}`." if progress.running else "The run failed.",
                received=f"{type(error).__name__}: {first_line(error)}",
                fix=f"read the end of {log}",
            ) from error


def _known_steps(from_step: str | None, to_step: str | None) -> None:
    from pipeline.problems import choice
    from pipeline.steps import STEPS

    for option, step in (("--from", from_step), ("--to", to_step)):
        if step is not None and step not in STEPS:
            raise SettingsError(
                "There is no such step.",
                where=option,
                expected=f"one of {', '.join(STEPS)}",
                received=step,
                fix=choice(step, STEPS),
            )
    if from_step and to_step and STEPS.index(from_step) > STEPS.index(to_step):
        raise SettingsError(f"The step `{from_step}` comes after `{to_step}`.", where="--from", fix="swap the two")
