"""The runs of a workspace: what each came to, what it was asked to do, and what it ran on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.ingest.sources import SourceFile
from pipeline.history import reports
from pipeline.history.artifacts import Artifacts, drift_result, read_or_tell, slice_results
from pipeline.history.forward import Forward, forward
from pipeline.history.lineage import Lineage, lineage
from pipeline.history.store import STATES, Step, Store, iso_time, noted
from pipeline.history.timeline import Timeline, timeline
from pipeline.locks import is_running
from pipeline.metadata.place import Metadata
from pipeline.steps import active_steps
from pipeline.summary import AlertResult, MonitorResult, State, StepEnd, StepResult, Summary, ThresholdResult
from pipeline.workspace import Workspace, file_name
from schema.errors import HeadgateError, SettingsError
from schema.remote import copies
from schema.remote.addresses import join
from schema.remote.places import children, exists, remove

ORCHESTRATED = "orchestrated"
"""Property of a run whose steps an orchestrator starts, each in a process of its own."""

STEP_PREFIX = "step."
"""Such a run has a property for each step that ended, named so and then by the step."""


@dataclass(frozen=True)
class RunRow:
    """One run in a list of runs.

    Attributes:
      status: a summary's status, `running`, or `interrupted` for a run that was killed.
      started: UTC, ISO 8601.
      seconds: wall time; None while it runs.
      metrics: overall metrics on the test split; empty if nothing was evaluated.
      notices: what could not be read.
    """

    run_id: str
    pipeline: str
    status: str
    started: str
    seconds: float | None
    span: int | None
    version: int | None
    metrics: dict[str, float]
    notices: tuple[str, ...] = ()


class History:
    """Reads a workspace's runs, and notes what becomes of them.

    Args:
      workspace: the workspace; one without a database has no runs.
      metadata: the database. Default: the one that the workspace remembers.
    """

    def __init__(self, workspace: Workspace, metadata: Metadata | None = None) -> None:
        self._workspace = workspace
        self._store = Store(metadata or Metadata.of(workspace))

    def runs(self, pipeline: str | None = None) -> list[RunRow]:
        """Lists runs, the newest first.

        Args:
          pipeline: only this pipeline's; default all.
        """
        return [self._row(run) for run in self._store.runs(pipeline)]

    def row(self, run_id: str) -> RunRow:
        """One run, as lists show it.

        Raises:
          SettingsError: if there is no such run.
        """
        return self._row(self._run(run_id))

    def row_of(self, pipeline: str, page: str) -> RunRow | None:
        """The run of a pipeline whose page has this name (without its ending); None if there is none."""
        runs = self._store.runs(pipeline)
        return next((self._row(run) for run in runs if file_name(run.name) == page), None)

    def pipelines(self) -> list[str]:
        """Names of the pipelines that ran, that of the latest run first."""
        return list(dict.fromkeys(run.custom_properties["pipeline"].string_value for run in self._store.runs()))

    def summary(self, run_id: str) -> Summary:
        """A run's summary, slices included.

        Raises:
          SettingsError: if there is no such run.
        """
        return self._summary(self._run(run_id))

    def latest(self, pipeline: str, fingerprint: str) -> str | None:
        """The latest run of a pipeline if it had this fingerprint; None otherwise."""
        for run in self._store.runs(pipeline):
            props = run.custom_properties
            return run.name if props["fingerprint"].string_value == fingerprint else None
        return None

    def latest_schema(self, pipeline: str) -> Path | None:
        """The schema file of the latest run that has one."""
        folder = self._latest_folder(pipeline, "schema", "schema")
        return folder / "schema.pbtxt" if folder else None

    def latest_statistics(self, pipeline: str) -> Path | None:
        """The folder of the latest statistics of a pipeline's data, `Split-*/FeatureStats.pb` in it."""
        return self._latest_folder(pipeline, "statistics", "statistics")

    def latest_drift(self, pipeline: str) -> dict[str, Any]:
        """The latest drift report of a pipeline that compared something; empty if there is none."""
        for run in self._store.runs(pipeline):
            report = Artifacts(self._store.steps(run)).drift()
            if report.get("reference"):
                return report
        return {}

    def latest_monitor(self, pipeline: str) -> MonitorResult | None:
        """The latest report of a pipeline on a model in service; None if there is none."""
        for run in self._store.runs(pipeline):
            found = Artifacts(self._store.steps(run)).monitor()
            if found and found.model:
                return found
        return None

    def drift(self, run_id: str) -> dict[str, Any]:
        """A run's drift report (`drift.json`); empty if it has none that can be read."""
        return self._artifacts(run_id).drift()

    def place(self, run_id: str, step: str, output: str) -> str | None:
        """The folder of an artifact, or its address; None as in `folder`."""
        return self._artifacts(run_id).place(step, output)

    def folder(self, run_id: str, step: str, output: str) -> Path | None:
        """The folder of an artifact that a step of a run gave; None if it gave none or it is no longer there."""
        return self._artifacts(run_id).folder(step, output)

    def settings(self, run_id: str) -> dict[str, Any]:
        """All settings of a run, defaults written out; empty for a run that failed before they were noted."""
        return noted(self._run(run_id), "settings")

    def environment(self, run_id: str) -> dict[str, Any]:
        """What a run ran on, as `describe_environment` has it."""
        return noted(self._run(run_id), "environment")

    def code(self, run_id: str) -> dict[str, str]:
        """Fingerprints of the code that each step of a run depended on, by step."""
        return noted(self._run(run_id), "code")

    def source_files(self, run_id: str) -> list[SourceFile]:
        """The files that a run read; empty where that is not on record."""
        return self._artifacts(run_id).source_files()

    def reference_statistics(self, run_id: str) -> Path | None:
        """The folder of the statistics that drift compared a run's with; None if there were none or they are gone."""
        reference = self._artifacts(run_id).drift().get("reference")
        return copies.fetch(reference["uri"]) if reference and exists(reference["uri"]) else None

    def timeline(self, pipeline: str) -> Timeline:
        """A pipeline's drift over time.

        Where ML Metadata cannot be read, it is put together from the drift log, which is a view of the same reports.

        Args:
          pipeline: its name; one that never ran has an empty timeline.
        """
        notices: list[str] = []
        try:
            compared = reports.comparisons(self._store, pipeline, notices)
            judged = reports.performance(self._store, pipeline, notices)
        except HeadgateError as error:
            log = self._workspace.drift(pipeline)
            notices.append(f"{error.what} {error.where}: {error.received}. What follows was read from {log}.")
            compared, judged = read_or_tell(reports.logged, log, [], notices), []
        return timeline(pipeline, compared, judged, notices)

    def lineage(self, model: str, version: int) -> Lineage:
        """Where a release came from: see `pipeline.history.lineage`."""
        return lineage(self._store, self._workspace, model, version)

    def forward(self, pipeline: str, span: int) -> Forward:
        """What became of a span's data: see `pipeline.history.forward`."""
        return forward(self._store, self._workspace, pipeline, span)

    def register(self, pipeline: str, run_id: str) -> None:
        """Makes a run, before its first step, so that even one that fails at once is on record."""
        self._store.register(pipeline, run_id)

    def record(self, run_id: str, **properties: str) -> None:
        """Notes properties of a run beside TFX's own, such as `status` and `seconds`."""
        self._store.note(self._run(run_id), properties)

    def owner(self, run_id: str) -> str | None:
        """The pipeline that a run is of; None if there is no such run."""
        run = self._store.run(run_id)
        return run.custom_properties["pipeline"].string_value if run else None

    def began(self, run_id: str) -> float:
        """When a run was registered, in seconds since 1970."""
        return self._run(run_id).create_time_since_epoch / 1000

    def note_step(self, run_id: str, ended: StepEnd) -> None:
        """Notes how a step of an orchestrated run ended; what an earlier attempt noted is gone."""
        self.record(run_id, **{STEP_PREFIX + ended.step: json.dumps(asdict(ended))})

    def step_ends(self, run_id: str) -> dict[str, StepEnd]:
        """How the steps of an orchestrated run ended, as far as they noted it, by step."""
        properties = self._run(run_id).custom_properties
        noted = (value.string_value for name, value in properties.items() if name.startswith(STEP_PREFIX))
        return {each.step: each for each in (StepEnd(**json.loads(text)) for text in noted)}

    def verdict(self, run_id: str, step: str) -> dict[str, bool]:
        """What a step's report says: `passed`, of a gate, and `train`, of the monitor and drift.

        The release step has `passed` where it released something.
        """
        artifacts = self._artifacts(run_id)
        if pushed := artifacts.artifact(step, "pushed_model"):
            return {"passed": bool(pushed.custom_properties["pushed"].int_value)}
        report = artifacts.artifact(step, "report")
        properties = report.properties if report else {}
        return {name: bool(properties[name].int_value) for name in ("passed", "train") if name in properties}

    def close_interrupted(self, pipeline: str) -> None:
        """Closes runs that were killed, so that they no longer count as running. Call it under the run lock.

        A run that an orchestrator drives goes on between its steps, when no process is there.
        """
        for run in self._store.runs(pipeline):
            props = run.custom_properties
            if props["status"].string_value == "running" and not props[ORCHESTRATED].string_value:
                self.close(run.name)

    def close(self, run_id: str, **properties: str) -> None:
        """Notes that a run was interrupted, and closes the step that it was at.

        Args:
          run_id: the run. Nothing of it runs any longer.
          properties: what else there is to note.
        """
        self.close_steps(run_id)
        self.record(run_id, status="interrupted", **properties)

    def close_steps(self, run_id: str) -> None:
        """Notes that the step that a run was at failed, if TFX could not, and removes what it had written."""
        run = self._run(run_id)
        for name, step in self._store.steps(run).items():
            self._close_step(run, name, step)

    def attempt(self, run_id: str, step: str) -> State | None:
        """What a step of a run has come to so far.

        Args:
          run_id: the run.
          step: the step. Nothing of it runs any longer.

        Returns:
          Its state if it succeeded. None if it has not been started, or failed, or was killed; the latter is closed as
          in `close`.
        """
        run = self._run(run_id)
        found = self._store.steps(run).get(step)
        if found is None:
            return None
        self._close_step(run, step, found)
        state = STATES.get(found.execution.last_known_state, "failed")
        return None if state == "failed" else state

    def _close_step(self, run: mlmd.Context, name: str, step: Step) -> None:
        if step.execution.last_known_state not in (mlmd.Execution.NEW, mlmd.Execution.RUNNING):
            return
        pipeline, number = run.custom_properties["pipeline"].string_value, str(step.execution.id)
        shutil.rmtree(self._workspace.tensorboard(pipeline) / number, ignore_errors=True)
        outputs = join(noted(run, "settings").get("artifacts") or self._workspace.root / "artifacts", pipeline, name)
        for folder in (outputs, join(outputs, ".system")):
            for output in children(folder):
                remove(join(folder, output, number))
        step.execution.last_known_state = mlmd.Execution.FAILED
        self._store.ask("put_executions", [step.execution])

    def artifacts_exist(self, run_id: str) -> bool:
        """Whether every artifact of a run is still on disk."""
        steps = self._store.steps(self._run(run_id)).values()
        return all(exists(artifact.uri) for step in steps for artifact in step.outputs.values())

    def property(self, run_id: str, name: str) -> str:
        """A property that `record` noted; empty if it was not."""
        value: str = self._run(run_id).custom_properties[name].string_value
        return value

    def _latest_folder(self, pipeline: str, step: str, output: str) -> Path | None:
        for run in self._store.runs(pipeline):
            if folder := Artifacts(self._store.steps(run)).folder(step, output):
                return folder
        return None

    def _artifacts(self, run_id: str) -> Artifacts:
        return Artifacts(self._store.steps(self._run(run_id)))

    def _run(self, run_id: str) -> mlmd.Context:
        found = self._store.run(run_id)
        if found is not None:
            return found
        known = [run.name for run in self._store.runs()]
        raise SettingsError(
            "There is no such run.",
            where=str(self._workspace.root),
            expected=f"one of {known[:5]}" if known else "a workspace with runs",
            received=run_id,
            fix="list the runs with `headgate runs`",
        )

    def _row(self, run: mlmd.Context) -> RunRow:
        artifacts = Artifacts(self._store.steps(run))
        props = run.custom_properties
        release = artifacts.release()
        examples = artifacts.artifact("ingest", "examples")
        return RunRow(
            run_id=run.name,
            pipeline=props["pipeline"].string_value,
            status=self._status(run),
            started=iso_time(run.create_time_since_epoch),
            seconds=float(props["seconds"].string_value) if props["seconds"].string_value else None,
            span=examples.custom_properties["span"].int_value if examples else None,
            version=release.version if release else None,
            metrics=artifacts.metrics().get("overall", {}),
            notices=tuple(artifacts.notices),
        )

    def _status(self, run: mlmd.Context) -> str:
        """The noted status.

        A local run that was killed could not note its end: it runs while somebody holds the lock. One that an
        orchestrator drives runs until its last step has noted the end.
        """
        status: str = run.custom_properties["status"].string_value
        if status != "running" or run.custom_properties[ORCHESTRATED].string_value:
            return status
        if not is_running(self._workspace, run.custom_properties["pipeline"].string_value):
            return "interrupted"
        return status

    def _summary(self, run: mlmd.Context) -> Summary:
        steps = self._store.steps(run)
        artifacts = Artifacts(steps)
        props = run.custom_properties
        metrics, drift = artifacts.metrics(), artifacts.drift()
        examples = artifacts.artifact("ingest", "examples")
        status: Any = self._status(run)
        found = Summary(
            run_id=run.name,
            pipeline=props["pipeline"].string_value,
            status="failed" if status in ("running", "interrupted") else status,
            steps=tuple(_step_results(steps, json.loads(props["settings"].string_value or "{}"))),
            metrics=metrics.get("overall", {}),
            threshold=ThresholdResult(**metrics["threshold"]) if metrics.get("threshold") else None,
            slices=slice_results(metrics.get("slices", [])),
            analysis=artifacts.analysis(),
            edge=tuple(artifacts.edge()),
            trials=tuple(artifacts.trials()),
            monitor=artifacts.monitor(),
            drift=drift_result(drift) if drift else None,
            decisions=tuple(artifacts.decisions()),
            release=artifacts.release(),
            span=examples.custom_properties["span"].int_value if examples else None,
            rows=examples.custom_properties["rows"].int_value if examples else None,
            quarantined=examples.custom_properties["quarantined"].int_value if examples else 0,
            alerts=tuple(AlertResult(**each) for each in json.loads(props["alerts"].string_value or "[]")),
            log=props["log"].string_value or None,
            stands_until=props["stands_until"].string_value or None,
            error=props["error"].string_value or ("The run was interrupted." if status == "interrupted" else None),
        )
        # What could not be read is known once everything has been.
        return replace(found, notes=(*props["notes"].string_value.splitlines(), *artifacts.notices))


def _step_results(steps: Mapping[str, Step], settings: dict[str, Any]) -> Iterator[StepResult]:
    for name in active_steps(settings):
        if name not in steps:
            yield StepResult(name, "skipped", 0.0)
            continue
        execution = steps[name].execution
        # Not below 0, where the clock was set back.
        seconds = max(0, execution.last_update_time_since_epoch - execution.create_time_since_epoch) / 1000
        yield StepResult(name, STATES.get(execution.last_known_state, "failed"), seconds)
