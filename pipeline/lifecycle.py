"""The life of a run, whoever drives it: what it is to do, its entry in ML Metadata, and its end.

`headgate run` goes through it in one process (`pipeline/run.py`), an orchestrator in a process for each step
(`pipeline/orchestrated.py`).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from components.fingerprint import user_modules
from components.ingest.spans import resolve
from pipeline.after import follow_up
from pipeline.data_path import locate
from pipeline.history import History
from pipeline.history.environment import describe_environment
from pipeline.metadata.place import Metadata
from pipeline.parameters import FINGERPRINT, LATEST, SPAN
from pipeline.settings import PipelineSettings
from pipeline.settings_file import Loaded
from pipeline.standing import stands_until
from pipeline.steps import STEPS, run_fingerprint, step_codes
from pipeline.summary import Status, StepResult, Summary
from pipeline.workspace import Workspace
from schema.curation import curated_path
from schema.errors import DataError, HeadgateError
from serving.releases import Release, in_service


@dataclass(frozen=True)
class Job:
    """What a run is to do.

    Attributes:
      settings: `data.path` filled in.
      schema: the curated schema; None on first contact.
      code: fingerprint of each step's code.
      span: the span that it reads; None where the data have no spans.
      fingerprint: of everything that it depends on.
      notes: what whoever looks at the run must know.
    """

    settings: PipelineSettings
    schema: Path | None
    code: Mapping[str, str]
    span: int | None
    fingerprint: str
    notes: tuple[str, ...]

    @property
    def parameters(self) -> dict[str, int | str]:
        """Values for what a compiled pipeline leaves open."""
        return {SPAN: LATEST if self.span is None else self.span, FINGERPRINT: self.fingerprint}


def enter(workspace: Workspace, base: Path) -> None:
    """Makes the workspace, and the modules beside the settings file importable, here and in Beam's worker processes.

    Raises:
      SettingsError: the workspace cannot be used.
    """
    workspace.ensure()
    find_own_code(base)


def find_own_code(base: Path) -> None:
    """Makes the modules beside the settings file importable, here and in Beam's worker processes."""
    if str(base) not in sys.path:
        sys.path.insert(0, str(base))
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(base), os.environ.get("PYTHONPATH")]))


def plan(loaded: Loaded, workspace: Workspace, *, fresh: bool = False, tell: Callable[[str], None]) -> Job:
    """Finds the data and everything else that a run depends on.

    Args:
      loaded: the settings.
      workspace: where data that ship with Headgate are put.
      fresh: run a generator though its data are there.
      tell: told what takes a while.

    Raises:
      SettingsError: there are no input files, or a function is not there.
      DataError: a generator yields what is no image with a label.
      HeadgateError: a generator failed.
    """
    settings, notes = locate(loaded, workspace.data, fresh=fresh, tell=tell)
    schema = curated_path(settings.schema_, settings.name, loaded.file)
    found = resolve(settings.data)
    code = step_codes(settings)
    fingerprint = run_fingerprint(settings, code, found.fingerprint, schema.read_bytes() if schema else b"")
    span = found.span if "{SPAN}" in (settings.data.path or "") else None
    return Job(settings, schema, code, span, fingerprint, notes)


class Run:
    """A run's entry in ML Metadata, from its beginning to its end.

    Args:
      run_id: its name.
      settings: its settings.
      workspace: where it runs.
      metadata: the database.

    Attributes:
      log: file with everything that TensorFlow, Beam and TFX say.
    """

    def __init__(self, run_id: str, settings: PipelineSettings, workspace: Workspace, metadata: Metadata) -> None:
        self.id = run_id
        self.settings = settings
        self.workspace = workspace
        self.metadata = metadata
        self.log = workspace.log(settings.name, run_id)
        self.history = History(workspace, metadata)

    def begin(self, job: Job, **properties: str) -> None:
        """Registers the run and notes what it is to do.

        Args:
          job: what it is to do.
          **properties: what there is to note besides, in place of what follows from the job.
        """
        self.history.register(self.settings.name, self.id)
        self.metadata.remember(self.workspace)
        noted = {
            "log": str(self.log),
            "settings": job.settings.model_dump_json(by_alias=True),
            "environment": json.dumps(describe_environment()),
            "code": json.dumps(dict(job.code)),
            "notes": "\n".join(job.notes),
            "parameters": json.dumps(job.parameters),
            "fingerprint": job.fingerprint,
        }
        self.record(status="running", **noted | properties)

    def record(self, **properties: str) -> None:
        """Notes properties."""
        self.history.record(self.id, pipeline=self.settings.name, **properties)

    def end(
        self,
        failure: HeadgateError | None,
        steps: Sequence[StepResult],
        seconds: float,
        to_step: str | None = None,
    ) -> Summary:
        """Notes what the run came to, and does what follows from it.

        Args:
          failure: what ended it before its last step; None if nothing did.
          steps: how its steps ended, as the processes saw it that ran them, imports included.
          seconds: how long it took.
          to_step: the step that it was to end with; None for the last.

        Returns:
          The summary that ML Metadata holds now, with the times of `steps`.
        """
        release = self._in_service(failure)
        if failure:
            self.history.close_steps(self.id)
        self.record(
            status=_failed(failure) if failure else self._outcome(to_step),
            error=str(failure or ""),
            seconds=f"{seconds:.1f}",
            in_service=str(release.version) if release else "",
        )
        summary = self.history.summary(self.id)
        until = stands_until(self.settings.monitor, summary, release.manifest.created if release else None)
        if until:
            summary = replace(summary, stands_until=until.isoformat())
            self.record(stands_until=until.isoformat())
        seen = {step.id: step for step in steps}
        summary = replace(summary, steps=tuple(seen.get(step.id, step) for step in summary.steps))
        return follow_up(self.settings, self.workspace, self.history, summary, release, seconds)

    def _in_service(self, failure: HeadgateError | None) -> Release | None:
        """What is in service now. What ended the run may well keep this from being known too."""
        try:
            return in_service(self.settings.serving_dir(self.workspace), self.settings.served_as)
        except HeadgateError:
            if failure is None:
                raise
            return None

    def _outcome(self, to_step: str | None) -> Status:
        """What a run came to whose steps all went well."""
        summary = self.history.summary(self.id)
        if any(each.outcome == "block" and each.step in ("gate", "monitor", "drift") for each in summary.decisions):
            return "blocked"
        if summary.release:
            return "pushed"
        if summary.monitor and not summary.monitor.train and not _ends_before(to_step, "transform"):
            return "watched"
        return "stopped" if to_step and to_step != STEPS[-1] else "not_blessed"


def own_modules(settings: PipelineSettings) -> list[str]:
    """The top-level modules of the user's own functions."""
    return user_modules([settings.data.prepare, settings.features.preprocessing_fn, settings.model.build])


def _failed(failure: HeadgateError) -> Status:
    return "blocked" if isinstance(failure, DataError) else "failed"


def _ends_before(to_step: str | None, step: str) -> bool:
    return to_step is not None and STEPS.index(to_step) < STEPS.index(step)
