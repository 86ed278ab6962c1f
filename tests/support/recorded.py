"""A workspace whose runs were written into ML Metadata by hand, as TFX would: quick, and with any past one likes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ml_metadata
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.history import History
from pipeline.workspace import Workspace


@dataclass
class Output:
    """An artifact to record.

    Attributes:
      kind: ML Metadata's name of its type.
      properties: custom properties, whole numbers or text.
      files: content by name; anything but text and bytes is written as JSON.
    """

    kind: str
    properties: Mapping[str, int | str] = field(default_factory=dict)
    files: Mapping[str, Any] = field(default_factory=dict)


class Recorder:
    """Writes runs into a workspace.

    Args:
      root: the workspace.
    """

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace(root).ensure()
        config = mlmd.ConnectionConfig()
        config.sqlite.filename_uri = str(self.workspace.metadata)
        config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self._store = ml_metadata.MetadataStore(config)
        self._types = {
            name: self._store.put_context_type(mlmd.ContextType(name=name))
            for name in ("pipeline", "pipeline_run", "node")
        }
        self._kind = self._store.put_execution_type(mlmd.ExecutionType(name="step"))

    @property
    def history(self) -> History:
        """What a program finds that looks back now."""
        return History(self.workspace)

    def run(self, run_id: str, pipeline: str = "sales", status: str = "pushed", **noted: Any) -> None:
        """Records a run; what is noted and no text is written as JSON."""
        context = mlmd.Context(type_id=self._types["pipeline_run"], name=run_id)
        noted = {"settings": {"name": pipeline}, "seconds": "1.0", "status": status, "pipeline": pipeline, **noted}
        for name, value in noted.items():
            context.custom_properties[name].string_value = value if isinstance(value, str) else json.dumps(value)
        self._store.put_contexts([context])

    def step(
        self,
        run_id: str,
        step: str,
        inputs: Mapping[str, int] | None = None,
        outputs: Mapping[str, Output | int] | None = None,
        state: int = mlmd.Execution.COMPLETE,
        pipeline: str = "sales",
    ) -> dict[str, int]:
        """Records a step of a run.

        Args:
          run_id: the run.
          step: the step's id.
          inputs: artifacts' numbers by input.
          outputs: what it gave, by output; a number is an artifact that was there, as of a cached step.
          state: what became of it.
          pipeline: the run's.

        Returns:
          The outputs' numbers.
        """
        run = self._store.get_context_by_type_and_name("pipeline_run", run_id)
        node = mlmd.Context(type_id=self._types["node"], name=f"{pipeline}.{step}")
        found = self._store.get_context_by_type_and_name("node", node.name)
        node_id = found.id if found else self._store.put_contexts([node])[0]
        execution = mlmd.Execution(type_id=self._kind, last_known_state=state)
        [execution_id] = self._store.put_executions([execution])
        made = {key: self._artifact(step, key, each, pipeline) for key, each in (outputs or {}).items()}
        self._store.put_events(
            [
                *(self._event(execution_id, each, key, mlmd.Event.INPUT) for key, each in (inputs or {}).items()),
                *(self._event(execution_id, each, key, mlmd.Event.OUTPUT) for key, each in made.items()),
            ]
        )
        self._store.put_attributions_and_associations(
            [
                mlmd.Attribution(artifact_id=each, context_id=context)
                for each in made.values()
                for context in (run.id, node_id)
            ],
            [mlmd.Association(execution_id=execution_id, context_id=context) for context in (run.id, node_id)],
        )
        return made

    def compared(self, run_id: str, report: Mapping[str, Any] | str, pipeline: str = "sales") -> int:
        """Records a run's drift step with this drift.json; returns the report's number."""
        output = Output("HeadgateDriftReport", {}, {"drift.json": report, "decisions.json": []})
        return self.step(run_id, "drift", outputs={"report": output}, pipeline=pipeline)["report"]

    def uri(self, artifact: int) -> Path:
        """The folder of an artifact."""
        return Path(self._store.get_artifacts_by_id([artifact])[0].uri)

    def _artifact(self, step: str, key: str, output: Output | int, pipeline: str) -> int:
        if isinstance(output, int):
            return output
        kind = self._store.put_artifact_type(mlmd.ArtifactType(name=output.kind))
        [number] = self._store.put_artifacts([mlmd.Artifact(type_id=kind)])
        folder = self.workspace.artifacts(pipeline) / step / key / str(number)
        folder.mkdir(parents=True)
        for name, content in output.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            text = content if isinstance(content, str | bytes) else json.dumps(content)
            path.write_bytes(text.encode() if isinstance(text, str) else text)
        artifact = mlmd.Artifact(id=number, type_id=kind, uri=str(folder), state=mlmd.Artifact.LIVE)
        for name, value in output.properties.items():
            if isinstance(value, int):
                artifact.custom_properties[name].int_value = value
            else:
                artifact.custom_properties[name].string_value = value
        self._store.put_artifacts([artifact])
        return number

    @staticmethod
    def _event(execution: int, artifact: int, key: str, kind: int) -> mlmd.Event:
        event = mlmd.Event(execution_id=execution, artifact_id=artifact, type=kind)
        event.path.steps.add(key=key)
        event.path.steps.add(index=0)
        return event


def feature(name: str, score: float, group: str = "feature", **more: Any) -> dict[str, Any]:
    """A feature's record in a drift report: `psi` at `score` times its threshold of 0.2."""
    return {
        "feature": name,
        "group": group,
        "slice": None,
        "type": "numeric",
        "metrics": {"psi": 0.2 * score, "mean_shift": 0.1},
        "bounds": {"psi": 0.2},
        "noise": {"psi": 0.01},
        "rows": 1000,
        "reference_rows": 1000,
        "bins": 10,
        "score": score,
        "drifted": score > 1,
        "by": ["psi"] if score > 1 else [],
        "action": "warn",
        "message": "",
        **more,
    }


def drift_report(span: int, features: Sequence[Mapping[str, Any]], reference: int = 1) -> dict[str, Any]:
    """A drift report of a span against another; without features, one with nothing to compare with."""
    drifted = [each["feature"] for each in features if each["drifted"]]
    return {
        "span": span,
        "reference": {"uri": "nowhere", "span": reference, "kind": "in_service"} if features else None,
        "compared": len(features),
        "drifted": drifted,
        "share": len(drifted) / len(features) if features else 0.0,
        "features": list(features),
    }
