"""A pipeline of toy steps around the real in_service and release steps, on TFX's own local runner."""

# No `from __future__ import annotations`: TFX reads the annotations of component functions.
import json
from pathlib import Path
from typing import Any

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts as artifacts

from components.evaluation import blessing
from components.in_service import in_service
from components.release import Release, ReleaseStepSettings


@component
def ingest(examples: OutputArtifact[artifacts.Examples], span: Parameter[int], rows: Parameter[str]):
    examples.span = span
    examples.splits = ["train", "eval", "test"]
    Path(examples.uri, "rows").write_text(rows)


@component
def statistics(examples: InputArtifact[artifacts.Examples], statistics: OutputArtifact[artifacts.ExampleStatistics]):
    statistics.span = examples.span
    statistics.splits = ["train"]
    Path(statistics.uri, "stats").write_text("statistics")


@component
def schema(statistics: InputArtifact[artifacts.ExampleStatistics], schema: OutputArtifact[artifacts.Schema]):
    Path(schema.uri, "schema.pbtxt").write_text("feature { name: 'x' }")


@component
def train(examples: InputArtifact[artifacts.Examples], model: OutputArtifact[artifacts.Model]):
    folder = Path(model.uri, "Format-Serving")
    folder.mkdir()
    (folder / "saved_model.pb").write_text("trained on " + Path(examples.uri, "rows").read_text())


@component
def judge(
    model: InputArtifact[artifacts.Model],
    verdict: OutputArtifact[artifacts.ModelBlessing],
    blessed: Parameter[int],
    seen: Parameter[str],
    baseline_model: InputArtifact[artifacts.Model] = None,
    statistics: InputArtifact[artifacts.ExampleStatistics] = None,
    previous_span: InputArtifact[artifacts.ExampleStatistics] = None,
):
    inputs = {"model": baseline_model, "statistics": statistics, "previous_span": previous_span}
    Path(seen).write_text(json.dumps({name: artifact and artifact.uri for name, artifact in inputs.items()}))
    Path(verdict.uri, "metrics.json").write_text(
        json.dumps({"overall": {"auc": 0.9}, "threshold": {"value": 0.3, "rule": "best F-beta, beta 1"}})
    )
    blessing.write(verdict, bool(blessed), model, baseline_model)


def run(workspace: Path, *, span: int, rows: str, blessed: bool = True) -> dict[str, str | None]:
    """Runs the pipeline once, with TFX's cache.

    Returns:
      Addresses of what in_service resolved, by output, as a later step saw them; None for what it left empty.
    """
    seen = workspace / "seen.json"
    workspace.mkdir(exist_ok=True)
    ingest_node = ingest(span=span, rows=rows).with_id("ingest")
    statistics_node = statistics(examples=ingest_node.outputs["examples"]).with_id("statistics")
    schema_node = schema(statistics=statistics_node.outputs["statistics"]).with_id("schema")
    served = in_service(workspace / "serving", "taxi", ingest_node.outputs["examples"])
    train_node = train(examples=ingest_node.outputs["examples"]).with_id("train")
    judge_node = judge(
        model=train_node.outputs["model"],
        blessed=int(blessed),
        seen=str(seen),
        baseline_model=served.outputs["model"],
        statistics=served.outputs["statistics"],
        previous_span=served.outputs["previous_span"],
    ).with_id("judge")
    settings = ReleaseStepSettings(
        pipeline="taxi",
        model="taxi",
        serving_dir=str(workspace / "serving"),
        keep=5,
        code_fingerprint="code",
    )
    release = Release(
        model=train_node.outputs["model"],
        blessing=judge_node.outputs["verdict"],
        examples=ingest_node.outputs["examples"],
        statistics=statistics_node.outputs["statistics"],
        schema=schema_node.outputs["schema"],
        settings=settings.model_dump_json(),
        code="",
        fingerprint="settings",
    ).with_id("release")
    pipeline = Pipeline(
        pipeline_name="taxi",
        pipeline_root=str(workspace / "artifacts"),
        components=[ingest_node, statistics_node, schema_node, served, train_node, judge_node, release],
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(workspace / "metadata.db")),
    )
    LocalDagRunner().run(pipeline)
    return json.loads(seen.read_text())


def pushed(workspace: Path) -> list[dict[str, Any]]:
    """Custom properties of each PushedModel, the oldest first."""
    with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(workspace / "metadata.db"))) as handle:
        found = handle.store.get_artifacts_by_type("PushedModel")
    return [
        {key: getattr(value, value.WhichOneof("value")) for key, value in artifact.custom_properties.items()}
        for artifact in found
    ]
