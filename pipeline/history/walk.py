"""From artifact to artifact along ML Metadata's events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.history.store import Store, event_key, iso_time, noted
from schema.remote.places import exists

ORDER = ("PushedModel", "Model", "HyperParameters", "TransformGraph", "Schema", "ExampleStatistics", "Examples")
"""What a release is made of, from the release back. Other types stand behind."""

SHOWN = (
    "span",
    "version",
    "rows",
    "rows_train",
    "rows_eval",
    "rows_test",
    "quarantined",
    "dropped",
    "input_fingerprint",
)
"""Custom properties of artifacts that are told."""


@dataclass(frozen=True)
class Made:
    """An artifact, and how it was made.

    Attributes:
      id: its number in ML Metadata.
      kind: its type, such as `TransformGraph`.
      uri: where it lies.
      there: whether it still lies there.
      step: the step that made it.
      execution: that execution's number.
      run_id: the run that this was in.
      time: when it was done: ISO 8601, UTC.
      code: fingerprint of the code that the step depended on; None where the run did not record it.
      properties: of those in `SHOWN` that it has.
      inputs: numbers of the artifacts that it was made from, by input.
    """

    id: int
    kind: str
    uri: str
    there: bool
    step: str
    execution: int
    run_id: str | None
    time: str
    code: str | None
    properties: Mapping[str, int | str]
    inputs: Mapping[str, tuple[int, ...]]


class Walk:
    """Follows artifacts back to what they were made from, and forward to what was made from them.

    Args:
      store: the workspace's database.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: dict[int, Made | None] = {}

    def made(self, artifact: int) -> Made | None:
        """An artifact with the execution that made it, which is the first that gave it; None if none did."""
        if artifact not in self._seen:
            self._seen[artifact] = self._look_up(artifact)
        return self._seen[artifact]

    def back(self, start: Iterable[int]) -> list[Made]:
        """All that artifacts were made from, themselves among it, in the order of `ORDER`."""
        found: dict[int, Made] = {}
        waiting = list(start)
        while waiting:
            number = waiting.pop()
            made = None if number in found else self.made(number)
            if made is not None:
                found[number] = made
                waiting += [each for numbers in made.inputs.values() for each in numbers]
        return sorted(found.values(), key=_rank)

    def forward(self, artifact: int, step: str, key: str) -> Iterator[Made]:
        """What executions of a step made that read an artifact as the input `key`, in the order in which they did."""
        readers = {
            event.execution_id
            for event in self._store.ask("get_events_by_artifact_ids", [artifact])
            if event.type == mlmd.Event.INPUT and event_key(event) == key
        }
        for execution in sorted(readers):
            if self._step(execution) == step:
                for event in self._store.ask("get_events_by_execution_ids", [execution]):
                    made = self.made(event.artifact_id) if event.type == mlmd.Event.OUTPUT else None
                    if made is not None and made.execution == execution:  # else it came from the cache
                        yield made

    def _look_up(self, number: int) -> Made | None:
        events = self._store.ask("get_events_by_artifact_ids", [number])
        makers = sorted(event.execution_id for event in events if event.type == mlmd.Event.OUTPUT)
        found = self._store.ask("get_artifacts_by_id", [number])
        if not makers or not found:
            return None
        [execution] = self._store.ask("get_executions_by_id", makers[:1])
        inputs: dict[str, tuple[int, ...]] = {}
        for event in self._store.ask("get_events_by_execution_ids", makers[:1]):
            if event.type == mlmd.Event.INPUT:
                inputs[event_key(event)] = (*inputs.get(event_key(event), ()), event.artifact_id)
        run, step = self._store.run_of(execution.id), self._step(execution.id)
        return Made(
            id=number,
            kind=found[0].type,
            uri=found[0].uri,
            there=exists(found[0].uri),
            step=step,
            execution=execution.id,
            run_id=run.name if run else None,
            time=iso_time(execution.last_update_time_since_epoch),
            code=noted(run, "code").get(step) if run else None,
            properties=_shown(found[0]),
            inputs=inputs,
        )

    def _step(self, execution: int) -> str:
        contexts = self._store.ask("get_contexts_by_execution", execution)
        return next((each.name.rpartition(".")[2] for each in contexts if each.type == "node"), "")


def _rank(made: Made) -> tuple[int, int]:
    return ORDER.index(made.kind) if made.kind in ORDER else len(ORDER), -made.id


def _shown(artifact: mlmd.Artifact) -> dict[str, int | str]:
    values = {name: artifact.custom_properties[name] for name in SHOWN if name in artifact.custom_properties}
    return {name: value.string_value or value.int_value for name, value in values.items()}
