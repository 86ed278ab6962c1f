"""Runs, decisions, drift and releases: typed views over ML Metadata.

ML Metadata is the one record of truth; nothing here imports TFX or TensorFlow, so looking back is quick.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import ml_metadata
from filelock import FileLock, Timeout
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components import decisions
from components.edge import record
from components.evaluation import results
from components.tuning import trials
from pipeline.steps import active_steps
from pipeline.summary import (
    DriftResult,
    EdgeResult,
    ReleaseResult,
    SliceResult,
    State,
    StepResult,
    Summary,
    ThresholdResult,
)
from pipeline.workspace import Workspace
from schema.errors import HeadgateError, SettingsError

RUN_TYPE = "pipeline_run"
"""TFX's context type for a run."""

STATES: dict[int, State] = {
    mlmd.Execution.COMPLETE: "complete",
    mlmd.Execution.CACHED: "cached",
    mlmd.Execution.FAILED: "failed",
}
"""What ML Metadata's states are called here. Any other is that of a step that was killed: it failed."""


@dataclass(frozen=True)
class RunRow:
    """One run in a list of runs.

    Attributes:
      status: a summary's status, `running`, or `interrupted` for a run that was killed.
      started: UTC, ISO 8601.
      seconds: wall time; None while it runs.
      metrics: overall metrics on the test split; empty if nothing was evaluated.
    """

    run_id: str
    pipeline: str
    status: str
    started: str
    seconds: float | None
    span: int | None
    version: int | None
    metrics: dict[str, float]


@dataclass(frozen=True)
class Step:
    """What ML Metadata knows of one step of a run: its execution and the artifacts it gave."""

    execution: mlmd.Execution
    outputs: dict[str, mlmd.Artifact]


class History:
    """Reads a workspace's runs.

    Args:
      workspace: the workspace; one without a database has no runs.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    @cached_property
    def _store(self) -> Any:
        config = mlmd.ConnectionConfig()
        config.sqlite.filename_uri = str(self._workspace.metadata)
        try:
            return ml_metadata.MetadataStore(config)
        except Exception as error:  # ML Metadata raises bare RuntimeError and its own kinds alike
            raise HeadgateError(
                "The workspace's database cannot be opened.",
                where=str(self._workspace.metadata),
                expected="an ML Metadata database (sqlite) that no other program has locked",
                received=str(error).partition("\n")[0],
            ) from error

    def runs(self, pipeline: str | None = None) -> list[RunRow]:
        """Lists runs, the newest first.

        Args:
          pipeline: only this pipeline's; default all.
        """
        return [self._row(run) for run in self._contexts(pipeline)]

    def summary(self, run_id: str) -> Summary:
        """A run's summary, slices included.

        Raises:
          SettingsError: if there is no such run.
        """
        return self._summary(self._run(run_id))

    def latest(self, pipeline: str, fingerprint: str) -> str | None:
        """The latest run of a pipeline if it came to an end and had this fingerprint; None otherwise."""
        for run in self._contexts(pipeline):
            props = run.custom_properties
            return run.name if props["fingerprint"].string_value == fingerprint else None
        return None

    def latest_schema(self, pipeline: str) -> Path | None:
        """The schema file of the latest run that has one."""
        for run in self._contexts(pipeline):
            folder = _folder(self._steps(run), "schema", "schema")
            if folder:
                return folder / "schema.pbtxt"
        return None

    def latest_statistics(self, pipeline: str) -> Path | None:
        """The folder of the latest statistics of a pipeline's data, `Split-*/FeatureStats.pb` in it."""
        for run in self._contexts(pipeline):
            folder = _folder(self._steps(run), "statistics", "statistics")
            if folder:
                return folder
        return None

    def record(self, run_id: str, **properties: str) -> None:
        """Notes properties of a run beside TFX's own, such as `status` and `finished`."""
        run = self._run(run_id)
        for name, value in properties.items():
            run.custom_properties[name].string_value = value
        self._store.put_contexts([run])

    def close_interrupted(self, pipeline: str) -> None:
        """Marks runs that were killed, so that they no longer count as running. Call it under the run lock."""
        for run in self._contexts(pipeline):
            if run.custom_properties["status"].string_value == "running":
                self.record(run.name, status="interrupted")

    def artifacts_exist(self, run_id: str) -> bool:
        """Whether every artifact of a run is still on disk."""
        steps = self._steps(self._run(run_id)).values()
        return all(Path(artifact.uri).exists() for step in steps for artifact in step.outputs.values())

    def property(self, run_id: str, name: str) -> str:
        """A property that `record` noted; empty if it was not."""
        value: str = self._run(run_id).custom_properties[name].string_value
        return value

    def _contexts(self, pipeline: str | None) -> list[mlmd.Context]:
        if not self._workspace.metadata.exists():
            return []
        runs = [run for run in self._store.get_contexts_by_type(RUN_TYPE) if "status" in run.custom_properties]
        if pipeline is not None:
            runs = [run for run in runs if run.custom_properties["pipeline"].string_value == pipeline]
        return sorted(runs, key=lambda run: run.id, reverse=True)

    def _run(self, run_id: str) -> mlmd.Context:
        found = (
            self._store.get_context_by_type_and_name(RUN_TYPE, run_id) if self._workspace.metadata.exists() else None
        )
        if found is not None:
            return found
        known = [run.name for run in self._contexts(None)]
        raise SettingsError(
            "There is no such run.",
            where=str(self._workspace.root),
            expected=f"one of {known[:5]}" if known else "a workspace with runs",
            received=run_id,
            fix="list the runs with `headgate runs`",
        )

    def _steps(self, run: mlmd.Context) -> dict[str, Step]:
        """The run's steps that started, by id."""
        executions = sorted(self._store.get_executions_by_context(run.id), key=lambda each: each.id)
        steps = {}
        outputs = self._outputs([execution.id for execution in executions])
        prefix = run.custom_properties["pipeline"].string_value + "."
        for execution in executions:
            for context in self._store.get_contexts_by_execution(execution.id):
                if context.type == "node":
                    step = context.name.removeprefix(prefix)
                    steps[step] = Step(execution, outputs.get(execution.id, {}))
        return steps

    def _outputs(self, executions: list[int]) -> dict[int, dict[str, mlmd.Artifact]]:
        events = [
            event
            for event in self._store.get_events_by_execution_ids(executions)
            if event.type in (mlmd.Event.OUTPUT, mlmd.Event.INTERNAL_OUTPUT)
        ]
        artifacts = {each.id: each for each in self._store.get_artifacts_by_id([event.artifact_id for event in events])}
        found: dict[int, dict[str, mlmd.Artifact]] = {}
        for event in events:
            key = next((step.key for step in event.path.steps if step.key), "")
            found.setdefault(event.execution_id, {})[key] = artifacts[event.artifact_id]
        return found

    def _row(self, run: mlmd.Context) -> RunRow:
        steps = self._steps(run)
        props = run.custom_properties
        release = _release(steps)
        examples = _output(steps, "ingest", "examples")
        return RunRow(
            run_id=run.name,
            pipeline=props["pipeline"].string_value,
            status=self._status(run),
            started=_time(run.create_time_since_epoch),
            seconds=float(props["seconds"].string_value) if props["seconds"].string_value else None,
            span=examples.custom_properties["span"].int_value if examples else None,
            version=release.version if release else None,
            metrics=_metrics(steps).get("overall", {}),
        )

    def _status(self, run: mlmd.Context) -> str:
        """The noted status. A run that was killed could not note its end: it runs while somebody holds the lock."""
        noted: str = run.custom_properties["status"].string_value
        if noted == "running":
            try:
                with FileLock(self._workspace.lock(run.custom_properties["pipeline"].string_value), timeout=0):
                    return "interrupted"
            except Timeout:
                pass
        return noted

    def _summary(self, run: mlmd.Context) -> Summary:
        steps = self._steps(run)
        props = run.custom_properties
        metrics = _metrics(steps)
        examples = _output(steps, "ingest", "examples")
        status: Any = self._status(run)
        return Summary(
            run_id=run.name,
            pipeline=props["pipeline"].string_value,
            status="failed" if status in ("running", "interrupted") else status,
            steps=tuple(_step_results(steps, json.loads(props["settings"].string_value))),
            metrics=metrics.get("overall", {}),
            threshold=ThresholdResult(**metrics["threshold"]) if metrics.get("threshold") else None,
            slices=_slices(metrics.get("slices", [])),
            edge=tuple(_edge(steps)),
            trials=tuple(_trials(steps)),
            drift=_drift(steps),
            decisions=tuple(_decisions(steps)),
            release=_release(steps),
            quarantined=examples.custom_properties["quarantined"].int_value if examples else 0,
            log=props["log"].string_value or None,
            error=props["error"].string_value or ("The run was interrupted." if status == "interrupted" else None),
            notes=tuple(props["notes"].string_value.splitlines()),
        )


def _step_results(steps: dict[str, Step], settings: dict[str, Any]) -> Iterator[StepResult]:
    for name in active_steps(settings):
        if name not in steps:
            yield StepResult(name, "skipped", 0.0)
            continue
        execution = steps[name].execution
        seconds = (execution.last_update_time_since_epoch - execution.create_time_since_epoch) / 1000
        yield StepResult(name, STATES.get(execution.last_known_state, "failed"), seconds)


def _output(steps: dict[str, Step], step: str, output: str) -> mlmd.Artifact | None:
    """An artifact that a step gave, if it did."""
    return steps[step].outputs.get(output) if step in steps else None


def _folder(steps: dict[str, Step], step: str, output: str) -> Path | None:
    """The folder of a step's output, if the step gave one and it is still there."""
    artifact = _output(steps, step, output)
    return Path(artifact.uri) if artifact and Path(artifact.uri).exists() else None


def _decisions(steps: dict[str, Step]) -> Iterator[decisions.Decision]:
    for step, output in (("gate", "report"), ("drift", "report"), ("judge", "blessing")):
        folder = _folder(steps, step, output)
        if folder:
            yield from decisions.read(str(folder))


def _metrics(steps: dict[str, Step]) -> dict[str, Any]:
    folder = _folder(steps, "judge", "blessing")
    return results.read(str(folder)) if folder else {}


def _slices(records: list[dict[str, Any]]) -> tuple[SliceResult, ...]:
    return tuple(SliceResult(each["slice"], each["value"], each["rows"], each["metrics"]) for each in records)


def _edge(steps: dict[str, Step]) -> Iterator[EdgeResult]:
    folder = _folder(steps, "judge", "blessing")
    for each in record.read(str(folder)) if folder else []:
        yield EdgeResult(
            name=each.name,
            format=each.format,
            bytes=each.bytes,
            gzip_bytes=each.gzip_bytes,
            sparsity=each.sparsity,
            passed=bool(each.passed),
            metrics=each.metrics,
            slices=_slices(each.slices),
        )


def _trials(steps: dict[str, Step]) -> list[trials.Trial]:
    folder = _folder(steps, "tune", "tuner_results")
    return trials.read(str(folder)) if folder else []


def _drift(steps: dict[str, Step]) -> DriftResult | None:
    folder = _folder(steps, "drift", "report")
    if folder is None:
        return None
    record = json.loads((folder / "drift.json").read_text("utf-8"))
    reference = record["reference"]
    return DriftResult(
        reference=f"span {reference['span']} ({reference['kind'].replace('_', ' ')})" if reference else None,
        compared=record["compared"],
        drifted=tuple(record["drifted"]),
    )


def _release(steps: dict[str, Step]) -> ReleaseResult | None:
    pushed = _output(steps, "release", "pushed_model")
    if pushed is None or not pushed.custom_properties["pushed"].int_value:
        return None
    path = Path(pushed.custom_properties["pushed_destination"].string_value)
    return ReleaseResult(path.parent.name, int(path.name), str(path))


def _time(milliseconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(milliseconds / 1000))
