"""Runs a pipeline from settings to release, and says what it came to."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from components import gpus
from pipeline.check import check
from pipeline.device import training_environment
from pipeline.failures import told
from pipeline.history import History
from pipeline.imports import no_collection
from pipeline.lifecycle import Job, Run, enter, own_modules, plan
from pipeline.locks import on_database, on_pipeline
from pipeline.metadata.place import Metadata
from pipeline.progress import Progress
from pipeline.quiet import quiet
from pipeline.runners.process import NodeProcess
from pipeline.settings import PipelineSettings
from pipeline.settings_file import Loaded
from pipeline.steps import OPTIONAL, STEPS, TRAINING, active_steps
from pipeline.summary import Status, StepResult, Summary
from pipeline.workspace import Workspace
from schema.errors import SettingsError
from serving.releases import in_service

STANDS: tuple[Status, ...] = ("pushed", "watched", "not_blessed")
"""Outcomes that would come out the same again while nothing changes."""


def run(
    loaded: Loaded,
    workspace: Workspace,
    *,
    from_step: str | None = None,
    to_step: str | None = None,
    cache: bool = True,
    progress: Progress,
) -> Summary:
    """Runs a pipeline on this machine.

    Args:
      loaded: the settings.
      workspace: where everything goes.
      from_step: first step to run; what comes before is taken from the latest run.
      to_step: last step to run.
      cache: reuse what an earlier run computed from the same inputs, settings and code.
      progress: told what happens.

    Returns:
      What the run came to. A step that fails is told in the summary, not raised.

    Raises:
      SettingsError: if the settings or the workspace cannot be used, or there is no run for `from_step` to go on from.
      DataError: if there are no input files to look at.
    """
    enter(workspace, loaded.base)
    _has_steps(loaded.settings, from_step, to_step)
    name = loaded.settings.name
    metadata = Metadata.of(workspace, loaded.settings.metadata)
    with (
        # Whatever imports TensorFlow from here on, Beam's workers too, is to leave the GPUs alone.
        gpus.hidden() as chosen,
        on_pipeline(workspace, name),
        on_database(workspace, metadata, f"a run of `{name}`"),
    ):
        job = plan(loaded, workspace, fresh=not cache, tell=partial(progress.message, None))
        metadata.prepare(name)
        history = History(workspace, metadata)
        if from_step not in (None, STEPS[0]) and not history.runs(name):
            raise SettingsError(
                f"There is no run of `{name}` to take the steps before `{from_step}` from.",
                where=f"--from {from_step}, in {workspace.root}",
                fix="run without --from",
            )
        if cache and not from_step and not to_step:
            done = _nothing_to_do(history, workspace, job)
            if done:
                progress.finish(done)
                return done
        with quiet(Path(os.devnull)):  # what the user's functions print here, the run's log has again
            check(replace(loaded, settings=job.settings))
        environment = training_environment(job.settings.accelerator, chosen)
        history.close_interrupted(name)
        run_id = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"
        run_ = Run(run_id, job.settings, workspace, metadata)
        return _execute(run_, job, progress, environment, from_step, to_step, cache)


def _execute(
    run_: Run,
    job: Job,
    progress: Progress,
    environment: Mapping[str, str] | None,
    from_step: str | None,
    to_step: str | None,
    cache: bool,
) -> Summary:
    """Runs the steps and returns the summary that ML Metadata holds afterwards."""
    begin, settings, results = time.monotonic(), job.settings, list[StepResult]()
    progress.start(run_.id, settings.name, active_steps(dict(settings)))
    for note in job.notes:
        progress.message(None, f"note: {note}")

    def finished(result: StepResult) -> None:
        results.append(result)
        progress.step_finished(result)

    failure = None
    with quiet(run_.log):
        with no_collection():
            from pipeline.dag import Plan, build
            from pipeline.runners.local import LocalRunner

        pipeline, apart = build(Plan(settings, run_.workspace, job.schema, cache)), _apart(environment, run_, progress)
        runner = LocalRunner(pipeline, run_.id, job.parameters, run_.metadata, from_step, to_step, apart)
        run_.begin(job, **{"fingerprint": ""} if from_step or to_step else {})
        try:
            runner.run(progress.step_started, finished)
        except Exception as error:
            failure = told(error, run_.log, own_modules(settings))
        except BaseException:
            run_.history.close(run_.id, seconds=f"{time.monotonic() - begin:.1f}")
            raise
    summary = run_.end(failure, results, time.monotonic() - begin, to_step)
    progress.finish(summary)
    return summary


def _apart(environment: Mapping[str, str] | None, run_: Run, progress: Progress) -> NodeProcess | None:
    """The steps that train in a process of their own, where there is an environment for it."""
    if environment is None:
        return None
    own = own_modules(run_.settings)
    return NodeProcess(TRAINING, run_.workspace.root, environment, run_.log, own, progress.message)


def _has_steps(settings: PipelineSettings, *steps: str | None) -> None:
    """Refuses to start from, or end with, a step that a pipeline without its section does not have."""
    active = active_steps(dict(settings))
    for step in steps:
        if step is not None and step not in active:
            raise SettingsError(
                f"The pipeline `{settings.name}` has no step `{step}`.",
                where=f"--from or --to {step}",
                expected=f"one of {', '.join(active)}",
                fix=f"add a section `{OPTIONAL[step]}` to the settings",
            )


def _nothing_to_do(history: History, workspace: Workspace, job: Job) -> Summary | None:
    """The last run again, if it did the same work and its outcome still stands."""
    run_id = history.latest(job.settings.name, job.fingerprint)
    if run_id is None:
        return None
    summary = history.summary(run_id)
    release = in_service(job.settings.serving_dir(workspace), job.settings.served_as)
    unchanged = history.property(run_id, "in_service") == (str(release.version) if release else "")
    until = datetime.fromisoformat(summary.stands_until) if summary.stands_until else None
    over = until is not None and datetime.now(UTC) >= until
    if summary.status not in STANDS or over or not unchanged or not history.artifacts_exist(run_id):
        return None
    steps = tuple(
        replace(step, state="skipped" if step.state == "skipped" else "cached", seconds=0.0) for step in summary.steps
    )
    return replace(summary, steps=steps, alerts=(), nothing_to_do=True)
