"""The steps that read all rows, as the benchmark `scale` runs them: executors on real artifacts, in one process.

Imported by measuring processes only.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from google.protobuf import json_format, text_format
from tfx.components.trainer.executor import GenericExecutor
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts
from tfx.utils import json_utils

from benchmarks import harness
from components import statistics as describing
from components.artifacts import DriftReport
from components.beam import BeamSettings
from components.drift import component as drifting
from components.drift.settings import DriftSettings, DriftStepSettings
from components.evaluation import evaluate as evaluating
from components.evaluation.config import eval_config
from components.evaluation.evaluator import recorded
from components.evaluation.settings import EvaluationSettings
from components.ingest import component as ingesting
from components.ingest.settings import DataSettings, IngestSettings
from components.label import LabelSettings
from components.models.settings import LayerSettings, ModelSettings
from components.training.accelerator_settings import AcceleratorSettings
from components.training.settings import TrainingSettings
from components.training.trainer import TrainerSettings
from components.transform import component as transforming
from components.transform.settings import ColumnSettings, FeaturesSettings

LABEL = LabelSettings(name="number0", task="regression")
NUMBERS = tuple(f"number{index}" for index in range(1, 10))
WORDS = tuple(f"word{index}" for index in range(10))
FEATURES = FeaturesSettings(
    columns={**{name: ColumnSettings() for name in NUMBERS}, **{name: ColumnSettings(type="string") for name in WORDS}}
)
EVALUATION = EvaluationSettings.model_validate(
    {
        "slices": {"side": {"columns": "number1", "boundaries": [0]}},
        "thresholds": {"mean_absolute_error": {"max": 1e9}},
    }
)

Told = dict[str, float]


def run(folder: str, engine: Mapping[str, Any], model: str) -> dict[str, Told]:
    """Runs the steps one after the other.

    Args:
      folder: holds `source/*.csv`; gets the artifacts.
      engine: the section `beam`.
      model: folder of the Model that is evaluated; where there is none, it is trained, and that is all.

    Returns:
      By step: `seconds` of wall time, `cpu_seconds` of this process and its workers, `memory_bytes` beyond what the
      process took at first, and `worker_bytes` of the largest worker process so far.
    """
    imported, processes = harness.memory("VmRSS"), engine.get("mode") == "multi_processing"

    def told(work: Callable[[], None]) -> Told:
        begin, cpu = time.monotonic(), harness.cpu_seconds()
        harness.reset_peak()
        work()
        return {
            "seconds": time.monotonic() - begin,
            "cpu_seconds": harness.cpu_seconds() - cpu,
            "memory_bytes": harness.memory("VmHWM") - imported,
            "worker_bytes": processes and resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10,
        }

    found = {step.__name__: told(partial(step, folder, engine)) for step in (ingest, statistics, transform)}
    if not Path(model).exists():
        train(folder, model)
        return {}
    found["evaluate"] = told(partial(evaluate, folder, engine, model))
    return {**found, "drift": told(partial(drift, folder, engine))}


def ingest(folder: str, engine: Mapping[str, Any]) -> None:
    """CSV to examples."""
    settings = IngestSettings(data=DataSettings(path=f"{folder}/source/*.csv"), columns={}, label=LABEL)
    properties = {"settings": settings.model_dump_json(), "code": "", "span": 0}
    executor = ingesting.Executor(_context(engine))
    executor.Do({}, {"examples": [_examples(folder)]}, properties)


def statistics(folder: str, engine: Mapping[str, Any]) -> None:
    """Statistics of all splits."""
    properties = {"stats_options_json": describing.options(()).to_json()}
    executor = describing.Executor(_context(engine))
    executor.Do({"examples": [_examples(folder)]}, {"statistics": [_statistics(folder)]}, properties)


def transform(folder: str, engine: Mapping[str, Any]) -> None:
    """Learns the transform graph from the train split."""
    import tensorflow_data_validation as tfdv
    from tensorflow_metadata.proto.v0 import statistics_pb2

    schema = standard_artifacts.Schema()
    schema.uri = f"{folder}/schema"
    Path(schema.uri).mkdir(exist_ok=True)
    content = Path(folder, "statistics/Split-train/FeatureStats.pb").read_bytes()
    found = tfdv.infer_schema(
        statistics_pb2.DatasetFeatureStatisticsList.FromString(content), infer_feature_shape=False
    )
    Path(schema.uri, "schema.pbtxt").write_text(text_format.MessageToString(found), encoding="utf-8")
    graph = standard_artifacts.TransformGraph()
    graph.uri = f"{folder}/transform"
    properties = {
        "preprocessing_fn": "components.transform.preprocessing.preprocessing_fn",
        "custom_config": json_utils.dumps({"features": FEATURES.model_dump_json()}),
        "disable_statistics": 1,
    }
    executor = transforming.Executor(_context(engine, folder))
    inputs = {"examples": [_examples(folder)], "schema": [schema]}
    executor.Do(inputs, {"transform_graph": [graph]}, properties)


def train(folder: str, model: str) -> None:
    """A small network for `evaluate` to ask; not measured."""
    artifact, run, graph = (
        standard_artifacts.Model(),
        standard_artifacts.ModelRun(),
        standard_artifacts.TransformGraph(),
    )
    artifact.uri, run.uri, graph.uri = model, f"{folder}/run", f"{folder}/transform"
    settings = TrainerSettings(
        features=FEATURES,
        label=LABEL,
        model=ModelSettings(layers=(LayerSettings(units=64), LayerSettings(units=32))),
        training=TrainingSettings(epochs=1),
        accelerator=AcceleratorSettings(),
        slices=EVALUATION.slices,
        tensorboard=f"{folder}/tensorboard",
        checkpoints=f"{folder}/checkpoints",
    )
    GenericExecutor().Do(
        {"examples": [_examples(folder)], "transform_graph": [graph]},
        {"model": [artifact], "model_run": [run]},
        {
            "run_fn": "components.training.trainer.run_fn",
            "train_args": '{"splits": ["train"]}',
            "eval_args": '{"splits": ["eval"]}',
            "custom_config": json_utils.dumps({"settings": settings.model_dump_json()}),
        },
    )


def evaluate(folder: str, engine: Mapping[str, Any], model: str) -> None:
    """Evaluates the train split, so that all rows count, with the model in the folder `model`."""
    artifact, evaluation = standard_artifacts.Model(), standard_artifacts.ModelEvaluation()
    artifact.uri, evaluation.uri = model, f"{folder}/evaluation"
    properties = {
        "eval_config": json_format.MessageToJson(eval_config(EVALUATION, LABEL)),
        "example_splits": '["train", "eval", "test"]',
        "record": recorded(EVALUATION, LABEL, NUMBERS).model_dump_json(),
    }
    executor = evaluating.Executor(_context(engine))
    inputs = {"examples": [_examples(folder)], "model": [artifact]}
    executor.Do(inputs, {"evaluation": [evaluation]}, properties)


def drift(folder: str, engine: Mapping[str, Any]) -> None:
    """Compares the statistics with themselves."""
    settings = DriftStepSettings(
        drift=DriftSettings(),
        features=(*NUMBERS, *WORDS),
        label=LABEL.name,
        log=f"{folder}/drift.jsonl",
        tensorboard=f"{folder}/tensorboard/drift",
    )
    report = DriftReport()
    report.uri = f"{folder}/drift"
    inputs = {
        "statistics": [_statistics(folder)],
        "examples": [_examples(folder)],
        "in_service": [_statistics(folder)],
    }
    executor = drifting.Executor(_context(engine))
    executor.Do(inputs, {"report": [report]}, {"settings": settings.model_dump_json(), "code": ""})


def _context(engine: Mapping[str, Any], folder: str | None = None) -> BaseBeamExecutor.Context:
    arguments = BeamSettings.model_validate(engine).pipeline_args()
    return BaseBeamExecutor.Context(beam_pipeline_args=arguments, tmp_dir=folder and f"{folder}/scratch")


def _examples(folder: str) -> standard_artifacts.Examples:
    artifact = standard_artifacts.Examples()
    artifact.uri, artifact.split_names = f"{folder}/examples", '["train", "eval", "test"]'
    return artifact


def _statistics(folder: str) -> standard_artifacts.ExampleStatistics:
    artifact = standard_artifacts.ExampleStatistics()
    artifact.uri, artifact.split_names = f"{folder}/statistics", '["train", "eval", "test"]'
    return artifact
