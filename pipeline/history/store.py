"""ML Metadata as it is: the runs of a workspace, and what each step of a run did and gave."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ml_metadata.errors import AlreadyExistsError, StatusError
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.metadata.place import Metadata
from pipeline.summary import State
from schema.errors import HeadgateError

PIPELINE_TYPE = "pipeline"
RUN_TYPE = "pipeline_run"
"""TFX's context types for a pipeline and a run."""

STATES: dict[int, State] = {
    mlmd.Execution.COMPLETE: "complete",
    mlmd.Execution.CACHED: "cached",
    mlmd.Execution.FAILED: "failed",
}
"""What ML Metadata's states are called here. Any other is that of a step that was killed: it failed."""

OUTPUTS = (mlmd.Event.OUTPUT, mlmd.Event.INTERNAL_OUTPUT)


@dataclass(frozen=True)
class Step:
    """What ML Metadata knows of one step of a run: its execution and the artifacts it gave."""

    execution: mlmd.Execution
    outputs: dict[str, mlmd.Artifact]


@dataclass(frozen=True)
class Given:
    """An artifact, with the step's execution that gave it and the run that this was in."""

    artifact: mlmd.Artifact
    execution: mlmd.Execution
    run: mlmd.Context


class Store:
    """A workspace's database, read and written in the terms of runs and steps.

    Args:
      metadata: the database; a sqlite file that is not there has no runs.
    """

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    def runs(self, pipeline: str | None = None) -> list[mlmd.Context]:
        """The runs, of one pipeline or of all, the newest first."""
        if not self._metadata.exists:
            return []
        runs = [run for run in self.ask("get_contexts_by_type", RUN_TYPE) if "status" in run.custom_properties]
        if pipeline is not None:
            runs = [run for run in runs if run.custom_properties["pipeline"].string_value == pipeline]
        return sorted(runs, key=lambda run: run.id, reverse=True)

    def run(self, run_id: str) -> mlmd.Context | None:
        """A run by its name; None if there is no such run."""
        return self.ask("get_context_by_type_and_name", RUN_TYPE, run_id) if self._metadata.exists else None

    def register(self, pipeline: str, run_id: str) -> None:
        """Makes a run, and the database if there is none; nothing changes if the run is there."""
        for kind, name in ((PIPELINE_TYPE, pipeline), (RUN_TYPE, run_id)):
            if self._call("get_context_by_type_and_name", kind, name) is None:
                # As TFX registers it. Another process may do the same at this moment.
                type_id = self._call("put_context_type", mlmd.ContextType(name=kind), True, True)
                with contextlib.suppress(AlreadyExistsError):
                    self._connection.put_contexts([mlmd.Context(type_id=type_id, name=name)])

    def note(self, run: mlmd.Context, properties: Mapping[str, str]) -> None:
        """Writes properties of a run, and leaves those alone that another process may be writing."""
        noted = mlmd.Context(id=run.id, type_id=run.type_id, name=run.name)
        for name, value in properties.items():
            noted.custom_properties[name].string_value = value
        self.ask("put_contexts", [noted], [f"custom_properties.{name}" for name in properties])

    def steps(self, run: mlmd.Context) -> dict[str, Step]:
        """The run's steps that started, by id."""
        executions = sorted(self.ask("get_executions_by_context", run.id), key=lambda each: each.id)
        steps = {}
        outputs = self._outputs([execution.id for execution in executions])
        prefix = run.custom_properties["pipeline"].string_value + "."
        for execution in executions:
            for context in self.ask("get_contexts_by_execution", execution.id):
                if context.type == "node":
                    step = context.name.removeprefix(prefix)
                    steps[step] = Step(execution, outputs.get(execution.id, {}))
        return steps

    def of_type(self, kind: str) -> list[mlmd.Artifact]:
        """All artifacts of a type, in the order of their numbers."""
        found = self.ask("get_artifacts_by_type", kind) if self._metadata.exists else []
        return sorted(found, key=lambda artifact: artifact.id)

    def run_of(self, execution: int) -> mlmd.Context | None:
        """The run that an execution was in."""
        contexts = self.ask("get_contexts_by_execution", execution)
        return next((each for each in contexts if each.type == RUN_TYPE), None)

    def given(self, kind: str, pipeline: str) -> list[Given]:
        """A pipeline's artifacts of a type, the one that a run used last at the end.

        Args:
          kind: ML Metadata's name of the type.
          pipeline: the pipeline's name.

        Returns:
          Each artifact once, with the execution that made it: those that took it from the cache only tell the order.
        """
        runs = {run.id: run for run in self.runs(pipeline)}
        artifacts = {each.id: each for each in self.of_type(kind)} if runs else {}
        events = [each for each in self.ask("get_events_by_artifact_ids", list(artifacts)) if each.type in OUTPUTS]
        made: dict[int, int] = {}
        last: dict[int, int] = {}
        for event in sorted(events, key=lambda event: event.execution_id):
            made.setdefault(event.artifact_id, event.execution_id)
            last[event.artifact_id] = event.execution_id
        executions = {each.id: each for each in self.ask("get_executions_by_id", list(made.values()))}
        found = []
        for artifact in sorted(last, key=lambda artifact: last[artifact]):
            run = self.run_of(made[artifact])
            if run is not None and run.id in runs:
                found.append(Given(artifacts[artifact], executions[made[artifact]], run))
        return found

    def _outputs(self, executions: Sequence[int]) -> dict[int, dict[str, mlmd.Artifact]]:
        events = [event for event in self.ask("get_events_by_execution_ids", executions) if event.type in OUTPUTS]
        artifacts = {each.id: each for each in self.ask("get_artifacts_by_id", [event.artifact_id for event in events])}
        found: dict[int, dict[str, mlmd.Artifact]] = {}
        for event in events:
            found.setdefault(event.execution_id, {})[event_key(event)] = artifacts[event.artifact_id]
        return found

    def ask(self, method: str, *arguments: Any) -> Any:
        """Calls a method of `ml_metadata.MetadataStore`.

        Raises:
          HeadgateError: the database is not there, locked, damaged or none.
        """
        if not self._metadata.exists:  # ML Metadata would make one
            raise HeadgateError("The workspace has no database.", where=self._metadata.where, received="no such file")
        return self._call(method, *arguments)

    def _call(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._connection, method)(*arguments)
        except (RuntimeError, StatusError) as error:  # opening raises the one, asking the other
            raise HeadgateError(
                "The workspace's database cannot be read.",
                where=self._metadata.where,
                expected="an ML Metadata database that no other program has locked",
                received=str(error).partition("\n")[0].partition(" query: ")[0],
                fix="wait for the program that holds it; a damaged one comes back from a backup only, "
                "and a run in a fresh workspace starts anew",
            ) from error

    @cached_property
    def _connection(self) -> Any:
        return self._metadata.open()


def noted(run: mlmd.Context, name: str) -> dict[str, Any]:
    """What a run noted of itself as JSON; empty if it did not."""
    text = run.custom_properties[name].string_value
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


def event_key(event: mlmd.Event) -> str:
    """The name of the input or output that an event is about."""
    return next((step.key for step in event.path.steps if step.key), "")


def iso_time(milliseconds: int) -> str:
    """A time of ML Metadata as ISO 8601 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(milliseconds / 1000))
