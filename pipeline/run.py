"""Runs a pipeline from settings to release, and says what it came to."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from components import gpus
from components.fingerprint import user_modules
from components.ingest.spans import resolve
from pipeline.after import follow_up
from pipeline.check import check
from pipeline.data_path import Located, locate
from pipeline.device import training_environment
from pipeline.failures import told
from pipeline.history import History
from pipeline.history.environment import describe_environment
from pipeline.imports import no_collection
from pipeline.locks import on_database, on_pipeline
from pipeline.metadata.place import Metadata
from pipeline.progress import Progress
from pipeline.quiet import quiet
from pipeline.runners.process import NodeProcess
from pipeline.settings import PipelineSettings
from pipeline.settings_file import Loaded
from pipeline.steps import OPTIONAL, STEPS, TRAINING, active_steps, run_fingerprint, step_codes
from pipeline.summary import Status, StepResult, Summary
from pipeline.workspace import Workspace
from schema.curation import curated_path
from schema.errors import DataError, SettingsError
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
    workspace.ensure()
    _find_user_code(loaded.base)
    _has_steps(loaded.settings, from_step, to_step)
    name = loaded.settings.name
    metadata = Metadata.of(workspace, loaded.settings.metadata)
    with (
        # Whatever imports TensorFlow from here on, Beam's workers too, is to leave the GPUs alone.
        gpus.hidden() as chosen,
        on_pipeline(workspace, name),
        on_database(workspace, metadata, f"a run of `{name}`"),
    ):
        tell = partial(progress.message, None)
        located = locate(loaded, workspace.data, fresh=not cache, tell=tell)
        settings = located.settings
        schema = curated_path(settings.schema_, settings.name, loaded.file)
        found = resolve(settings.data)
        code = step_codes(settings)
        fingerprint = run_fingerprint(settings, code, found.fingerprint, schema.read_bytes() if schema else b"")
        metadata.prepare()
        history = History(workspace, metadata)
        if from_step not in (None, STEPS[0]) and not history.runs(settings.name):
            raise SettingsError(
                f"There is no run of `{settings.name}` to take the steps before `{from_step}` from.",
                where=f"--from {from_step}, in {workspace.root}",
                fix="run without --from",
            )
        if cache and not from_step and not to_step:
            done = _nothing_to_do(history, workspace, settings, fingerprint)
            if done:
                progress.finish(done)
                return done
        check(replace(loaded, settings=settings))
        environment = training_environment(settings.accelerator, chosen)
        history.close_interrupted(settings.name)
        run_ = _Run(located, workspace, schema, code, fingerprint, metadata, history, progress, environment)
        return run_.execute(from_step, to_step, cache)


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


def _nothing_to_do(
    history: History, workspace: Workspace, settings: PipelineSettings, fingerprint: str
) -> Summary | None:
    """The last run again, if it did the same work and its outcome still stands."""
    run_id = history.latest(settings.name, fingerprint)
    if run_id is None:
        return None
    summary = history.summary(run_id)
    release = in_service(workspace.serving, settings.served_as)
    unchanged = history.property(run_id, "in_service") == (str(release.version) if release else "")
    if summary.status not in STANDS or not unchanged or not history.artifacts_exist(run_id):
        return None
    steps = tuple(
        replace(step, state="skipped" if step.state == "skipped" else "cached", seconds=0.0) for step in summary.steps
    )
    return replace(summary, steps=steps, alerts=(), nothing_to_do=True)


def _find_user_code(base: Path) -> None:
    """Makes modules beside the settings file importable, here and in Beam's worker processes."""
    if str(base) not in sys.path:
        sys.path.insert(0, str(base))
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(base), os.environ.get("PYTHONPATH")]))


class _Run:
    """One run: starts it, records how it ended."""

    def __init__(
        self,
        located: Located,
        workspace: Workspace,
        schema: Path | None,
        code: Mapping[str, str],
        fingerprint: str,
        metadata: Metadata,
        history: History,
        progress: Progress,
        environment: Mapping[str, str] | None,
    ) -> None:
        self._settings, self._notes = located
        self._workspace = workspace
        self._schema = schema
        self._code = code
        self._fingerprint = fingerprint
        self._metadata = metadata
        self._history = history
        self._progress = progress
        self._environment = environment
        self._id = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"
        self._log = workspace.log(self._settings.name, self._id)
        self._results: list[StepResult] = []

    def execute(self, from_step: str | None, to_step: str | None, cache: bool) -> Summary:
        """Runs the steps and returns the summary that ML Metadata holds afterwards."""
        begin = time.monotonic()
        self._progress.start(self._id, self._settings.name, active_steps(dict(self._settings)))
        for note in self._notes:
            self._progress.message(None, f"note: {note}")
        status: Status | None = None
        error = ""
        with quiet(self._log):
            with no_collection():
                from pipeline.dag import Plan, build
                from pipeline.runners.local import LocalRunner, register_run

            plan = Plan(self._settings, self._workspace, self._schema, self._fingerprint, cache)
            runner = LocalRunner(build(plan), self._id, self._metadata, from_step, to_step, self._apart())
            register_run(self._metadata, self._settings.name, self._id)
            self._metadata.remember(self._workspace)
            self._record(
                status="running",
                log=str(self._log),
                settings=self._settings.model_dump_json(by_alias=True),
                environment=json.dumps(describe_environment()),
                code=json.dumps(self._code),
                notes="\n".join(self._notes),
            )
            try:
                runner.run(self._progress.step_started, self._finished)
            except Exception as failure:
                problem = told(failure, self._log, _own_modules(self._settings))
                status, error = "blocked" if isinstance(problem, DataError) else "failed", str(problem)
            except BaseException:
                self._history.close(self._id, seconds=f"{time.monotonic() - begin:.1f}")
                raise
        release = in_service(self._workspace.serving, self._settings.served_as)
        self._record(
            status=status or self._outcome(to_step),
            error=error,
            seconds=f"{time.monotonic() - begin:.1f}",
            fingerprint="" if from_step or to_step else self._fingerprint,
            in_service=str(release.version) if release else "",
        )
        summary = self._with_results(self._history.summary(self._id))
        seconds = time.monotonic() - begin
        summary = follow_up(self._settings, self._workspace, self._history, summary, release, seconds)
        self._progress.finish(summary)
        return summary

    def _apart(self) -> NodeProcess | None:
        """The steps that train in a process of their own, where there is an environment for it."""
        if self._environment is None:
            return None
        own = _own_modules(self._settings)
        return NodeProcess(TRAINING, self._workspace.root, self._environment, self._log, own, self._progress.message)

    def _record(self, **properties: str) -> None:
        self._history.record(self._id, pipeline=self._settings.name, **properties)

    def _finished(self, result: StepResult) -> None:
        self._results.append(result)
        self._progress.step_finished(result)

    def _outcome(self, to_step: str | None) -> Status:
        """What a run came to whose steps all went well."""
        summary = self._history.summary(self._id)
        if any(each.outcome == "block" and each.step in ("gate", "monitor", "drift") for each in summary.decisions):
            return "blocked"
        if summary.release:
            return "pushed"
        if summary.monitor and not summary.monitor.train and not _ends_before(to_step, "transform"):
            return "watched"
        return "stopped" if to_step and to_step != STEPS[-1] else "not_blessed"

    def _with_results(self, summary: Summary) -> Summary:
        """Wall times as this process saw them, imports included, in place of ML Metadata's."""
        seen = {result.id: result for result in self._results}
        return replace(summary, steps=tuple(seen.get(step.id, step) for step in summary.steps))


def _ends_before(to_step: str | None, step: str) -> bool:
    return to_step is not None and STEPS.index(to_step) < STEPS.index(step)


def _own_modules(settings: PipelineSettings) -> list[str]:
    """The top-level modules of the user's own functions."""
    return user_modules([settings.data.prepare, settings.features.preprocessing_fn, settings.model.build])
