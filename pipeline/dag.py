"""The one place where steps are chained into a TFX pipeline.

  ingest ─ statistics ─ schema ─ gate ┄ monitor ─ drift ┄ transform ─ (tune) ─ train ─ (edge) ─ evaluate ─ judge
      └─── in_service ─────────────────────┘────────┘─────────────────────────────────────────────┘          │
                                                                                                          release

A dotted line is a condition: what follows runs only if the data gate, or drift, lets the data through, and, for what
trains, only if the monitor or drift asks for a new model. A step in brackets is there only where its section is in the
settings. The model in service comes in three times: it is what the monitor asks, its training statistics are drift's
reference, itself is the Evaluator's baseline.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tfx.components.schema_gen.component import SchemaGen
from tfx.components.trainer.component import Trainer
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import trainer_pb2
from tfx.types.channel import Channel

from components.curated_schema import CuratedSchema
from components.drift.component import Drift
from components.drift.settings import DriftStepSettings
from components.edge.component import Edge
from components.edge.make import MakeSettings
from components.edge.settings import EdgeSettings, Recipe
from components.evaluation.component import Judge
from components.evaluation.config import eval_config
from components.evaluation.evaluator import evaluator
from components.gate.component import DataGate
from components.gate.settings import GateStepSettings
from components.in_service import in_service as in_service_resolver
from components.ingest.component import Ingest
from components.label import ColumnType
from components.measured import measured
from components.monitor.component import Monitor
from components.monitor.settings import MonitorStepSettings
from components.release import Release, ReleaseStepSettings
from components.statistics import Statistics
from components.training.trainer import TrainerSettings
from components.transform.component import Transform
from components.tuning.component import Tune
from components.tuning.settings import TuningSettings
from components.tuning.tuner import TunerSettings
from pipeline.metadata.place import Metadata
from pipeline.parameters import FINGERPRINT, LATEST, SPAN
from pipeline.settings import PipelineSettings
from pipeline.steps import step_code
from pipeline.workspace import Workspace
from schema.remote.addresses import join, told


@dataclass(frozen=True)
class Plan:
    """What a pipeline is built from.

    Attributes:
      settings: the pipeline's settings, `data.path` filled in.
      workspace: where everything goes.
      schema: the curated schema; None on first contact.
      cache: reuse what an earlier run computed from the same inputs, settings and code.
    """

    settings: PipelineSettings
    workspace: Workspace
    schema: Path | None
    cache: bool = True


def build(plan: Plan) -> Pipeline:
    """Chains the steps.

    Args:
      plan: settings and places.

    Returns:
      The TFX pipeline, for any runner.
    """
    settings = plan.settings
    coded = ("ingest", "statistics", "gate", "monitor", "drift", "evaluate", "judge", "release")
    code = {step: step_code(step, settings) for step in coded}
    ingest = Ingest(
        settings=settings.ingestion.model_dump_json(),
        code=code["ingest"],
        span=RuntimeParameter(SPAN, int, default=LATEST),
    ).with_id("ingest")
    examples = ingest.outputs["examples"]
    statistics = Statistics(
        examples=examples,
        images=settings.features.images,
        slices=settings.drift_slices,
        code=code["statistics"],
    ).with_id("statistics")
    schema = _schema(plan, statistics)
    in_service = in_service_resolver(settings.serving_dir(plan.workspace), settings.served_as, examples)
    gate = DataGate(
        statistics=statistics.outputs["statistics"],
        schema=schema.outputs["schema"],
        examples=examples,
        settings=_gate(plan).model_dump_json(),
        code=code["gate"],
    ).with_id("gate")
    steps: list[Any] = [ingest, statistics, schema, in_service, gate]
    with _passed(gate):
        monitor = Monitor(
            examples=examples,
            statistics=statistics.outputs["statistics"],
            model=in_service.outputs["model"],
            in_service=in_service.outputs["statistics"],
            released=in_service.outputs["released"],
            settings=_monitor(plan).model_dump_json(),
            eval_config=eval_config(settings.evaluation, settings.label),
            code=code["monitor"],
        ).with_id("monitor")
        drift = Drift(
            statistics=statistics.outputs["statistics"],
            in_service=in_service.outputs["statistics"],
            previous_span=in_service.outputs["previous_span"],
            spans=in_service.outputs["spans"],
            model=in_service.outputs["model"],
            examples=examples,
            monitor=monitor.outputs["report"],
            settings=_drift(plan).model_dump_json(),
            code=code["drift"],
        ).with_id("drift")
        steps += [monitor, drift]
        with _passed(drift), Cond(drift.outputs["report"].future()[0].property("train") == 1):
            transform = _transform(settings, examples, schema)
            tune = _tune(plan, settings.tuning, examples, transform) if settings.tuning else None
            train = _train(plan, examples, transform, schema, tune)
            edge = _edge(settings, settings.edge, examples, train, transform, tune) if settings.edge else None
            edge_models = edge.outputs["edge_models"] if edge else None
            evaluate = evaluator(
                examples,
                train.outputs["model"],
                in_service.outputs["model"],
                settings.evaluation,
                settings.label,
                _recorded_columns(settings),
                code["evaluate"],
            )
            judge = Judge(
                evaluation=evaluate.outputs["evaluation"],
                model=train.outputs["model"],
                model_run=train.outputs["model_run"],
                baseline_model=in_service.outputs["model"],
                settings=settings.evaluation.model_dump_json(),
                code=code["judge"],
                edge_models=edge_models,
                edge=settings.edge.model_dump_json() if settings.edge else "",
            ).with_id("judge")
            release = Release(
                model=train.outputs["model"],
                blessing=judge.outputs["blessing"],
                examples=examples,
                statistics=statistics.outputs["statistics"],
                schema=schema.outputs["schema"],
                settings=_release(plan).model_dump_json(),
                code=code["release"],
                edge_models=edge_models,
                fingerprint=RuntimeParameter(FINGERPRINT, str, default=""),
            ).with_id("release")
            steps += [transform, *filter(None, [tune]), train, *filter(None, [edge]), evaluate, judge, release]
    return Pipeline(
        pipeline_name=settings.name,
        pipeline_root=join(settings.artifacts, settings.name)
        if settings.artifacts
        else str(plan.workspace.artifacts(settings.name)),
        components=steps,
        enable_cache=plan.cache,
        metadata_connection_config=Metadata.of(plan.workspace, settings.metadata).plain_config,
        beam_pipeline_args=settings.beam.pipeline_args(),
    )


def _passed(step: Any) -> Cond:
    return Cond(step.outputs["report"].future()[0].property("passed") == 1)


def _schema(plan: Plan, statistics: Statistics) -> SchemaGen | CuratedSchema:
    """A curated schema is imported; on first contact one is inferred, every feature optional."""
    if plan.schema is not None:
        fingerprint = hashlib.sha256(plan.schema.read_bytes()).hexdigest()
        return CuratedSchema(schema_file=told(str(plan.schema)), fingerprint=fingerprint).with_id("schema")
    # From the train split alone: TFDV would call a column deprecated, and Transform then leave it out, that is there
    # but has no value in a small split.
    return SchemaGen(
        statistics=statistics.outputs["statistics"], infer_feature_shape=False, exclude_splits=["eval", "test"]
    ).with_id("schema")


def _gate(plan: Plan) -> GateStepSettings:
    settings = plan.settings
    return GateStepSettings(
        gate=settings.gate,
        label=settings.label,
        columns=_named_columns(settings),
        late_labels=settings.monitor.labels == "late",
        curated=plan.schema is not None,
    )


def _named_columns(settings: PipelineSettings) -> dict[str, ColumnType | None]:
    """Columns that must be there: of features, images and slices, with the types that the settings declare."""
    features = settings.features
    images: dict[str, ColumnType] = dict.fromkeys(features.images, "string")
    declared = features.types | images | measured(features.images)
    sliced = set(settings.evaluation.columns)
    return {name: declared.get(name) for name in [*declared, *sorted(sliced - set(declared))]}


def _monitor(plan: Plan) -> MonitorStepSettings:
    settings = plan.settings
    return MonitorStepSettings(
        monitor=settings.monitor,
        label=settings.label,
        slices=settings.evaluation.slices,
        min_slice_rows=settings.evaluation.min_slice_rows,
        serving_dir=str(settings.serving_dir(plan.workspace)),
        model=settings.served_as,
        log=str(plan.workspace.monitor(settings.name)),
        tensorboard=str(plan.workspace.tensorboard(settings.name) / "monitor"),
    )


def _recorded_columns(settings: PipelineSettings) -> list[str]:
    """Columns that slices may be cut by: of images what was measured, not their bytes."""
    features = settings.features
    return list(dict.fromkeys((*features.columns, *measured(features.images), *settings.evaluation.columns)))


def _drift(plan: Plan) -> DriftStepSettings:
    settings = plan.settings
    return DriftStepSettings(
        drift=settings.drift,
        # Of an image what was measured; one picture's bytes are never another's.
        features=(*settings.features.columns, *measured(settings.features.images)),
        label=settings.label.name,
        slices=settings.drift_slices,
        log=str(plan.workspace.drift(settings.name)),
        tensorboard=str(plan.workspace.tensorboard(settings.name) / "drift"),
    )


def _transform(settings: PipelineSettings, examples: Channel, schema: Any) -> Transform:
    """Learns the transform graph only: the Trainer applies it as it reads, which saves a second Beam pass."""
    return Transform(
        examples=examples,
        schema=schema.outputs["schema"],
        preprocessing_fn="components.transform.preprocessing.preprocessing_fn",
        custom_config={"features": settings.features.model_dump_json(), "code": step_code("transform", settings)},
        materialize=False,
        disable_statistics=True,
        disable_analyzer_cache=True,
    ).with_id("transform")


def _tune(plan: Plan, tuning: TuningSettings, examples: Channel, transform: Transform) -> Tune:
    settings = plan.settings
    tuner = TunerSettings(
        features=settings.features,
        label=settings.label,
        model=settings.model,
        training=settings.training,
        accelerator=settings.accelerator,
        tuning=tuning,
        trials=str(plan.workspace.tuning(settings.name)),
        tensorboard=str(plan.workspace.tensorboard(settings.name) / "tuning"),
    )
    return Tune(
        tuner_fn="components.tuning.tuner.tuner_fn",
        examples=examples,
        transform_graph=transform.outputs["transform_graph"],
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=["eval"]),
        custom_config={"settings": tuner.model_dump_json(), "code": step_code("tune", settings)},
    ).with_id("tune")


def _train(plan: Plan, examples: Channel, transform: Transform, schema: Any, tune: Tune | None) -> Trainer:
    settings = plan.settings
    trainer = TrainerSettings(
        features=settings.features,
        label=settings.label,
        model=settings.model,
        training=settings.training,
        accelerator=settings.accelerator,
        # Only ranges are computed by the model: no other slice is a reason to train again.
        slices={name: group for name, group in settings.evaluation.slices.items() if group.boundaries},
        tensorboard=str(plan.workspace.tensorboard(settings.name)),
        checkpoints=str(plan.workspace.checkpoints(settings.name)),
        decision=settings.evaluation.decision,
        adversarial=settings.evaluation.adversarial,
    )
    return Trainer(
        run_fn="components.training.trainer.run_fn",
        examples=examples,
        transform_graph=transform.outputs["transform_graph"],
        schema=schema.outputs["schema"],
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=["eval"]),
        hyperparameters=tune.outputs["best_hyperparameters"] if tune else None,
        custom_config={"settings": trainer.model_dump_json(), "code": step_code("train", settings)},
    ).with_id("train")


def _edge(
    settings: PipelineSettings,
    edge: EdgeSettings,
    examples: Channel,
    train: Trainer,
    transform: Transform,
    tune: Tune | None,
) -> Edge:
    """The bounds are left to the judge: a change of theirs is no reason to convert again."""
    make = MakeSettings(
        label=settings.label,
        model=settings.model,
        training=settings.training,
        features=settings.features,
        recipes={name: Recipe(format=each.format, pruning=each.pruning) for name, each in edge.variants.items()},
        representative_rows=edge.representative_rows,
    )
    return Edge(
        examples=examples,
        model=train.outputs["model"],
        transform_graph=transform.outputs["transform_graph"],
        hyperparameters=tune.outputs["best_hyperparameters"] if tune else None,
        settings=make.model_dump_json(),
        eval_config=eval_config(settings.evaluation, settings.label),
        code=step_code("edge", settings),
    ).with_id("edge")


def _release(plan: Plan) -> ReleaseStepSettings:
    settings = plan.settings
    return ReleaseStepSettings(
        pipeline=settings.name,
        model=settings.served_as,
        serving_dir=str(settings.serving_dir(plan.workspace)),
        keep=settings.release.keep,
        code_fingerprint=step_code("train", settings),
    )
