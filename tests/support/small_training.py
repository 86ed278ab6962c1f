"""A small table taken through the real Transform and Trainer executors."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from components.evaluation.settings import SliceSettings
from components.label import LabelSettings
from components.models.settings import LayerSettings, ModelSettings
from components.training.accelerator_settings import AcceleratorSettings
from components.training.settings import TrainingSettings
from components.training.trainer import TrainerSettings
from components.transform.settings import ColumnSettings, CrossSettings, FeaturesSettings

FEATURES = FeaturesSettings(
    columns={
        "miles": ColumnSettings(type="float", transform=("zscore",), indicator=True),
        "fare": ColumnSettings(type="float", transform=("log", "minmax")),
        "latitude": ColumnSettings(type="float", transform=("bucketize",), buckets=4, impute="median"),
        "hour": ColumnSettings(type="int", transform=("identity",), size=24, embedding=2),
        "company": ColumnSettings(type="string", transform=("vocabulary",), size=10, embedding=3),
        "payment": ColumnSettings(type="string", transform=("one_hot",), size=3),
        "tract": ColumnSettings(type="int", transform=("hash",), size=7, embedding=2),
    },
    crosses={"place_and_hour": CrossSettings(of=("latitude", "hour"), size=50, embedding=2)},
)
LABEL = LabelSettings(name="tipped", classes=("no", "yes"))


@dataclasses.dataclass(frozen=True)
class Trained:
    """Where everything of one training lies, and the rows that it was made of."""

    rows: list[dict[str, Any]]
    examples: Any
    transform_graph: Any
    model: Path
    model_run: Path
    settings: TrainerSettings


def row(random_: random.Random) -> dict[str, Any]:
    """A row whose label follows from `fare` and `payment`."""
    fare = random_.uniform(1, 50)
    payment = random_.choice(["card", "cash"])
    return {
        "miles": random_.choice([None, random_.gauss(5, 2)]),
        "fare": fare,
        "latitude": random_.uniform(41, 42),
        "hour": random_.randrange(24),
        "company": random_.choice(["Sun", "Moon"]),
        "payment": payment,
        "tract": random_.randrange(1000),
        "tipped": "yes" if payment == "card" and fare > 20 else "no",
    }


def serialize(row: dict[str, Any]) -> bytes:
    """A row as a serialized tf.Example, missing values left out."""
    import tensorflow as tf

    def feature(value: Any) -> tf.train.Feature:
        match value:
            case bytes():
                return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
            case float():
                return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
            case int():
                return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[str(value).encode()]))

    present = {name: feature(value) for name, value in row.items() if value is not None}
    return tf.train.Example(features=tf.train.Features(feature=present)).SerializeToString()


LAYER = LayerSettings(units=16, dropout=0.1, l2=1e-4, batch_normalization=True)


def trainer_settings(
    tensorboard: Path,
    features: FeaturesSettings = FEATURES,
    model: ModelSettings = ModelSettings(layers=(LAYER,)),  # noqa: B008 - frozen
    sliced: str = "fare",
    label: LabelSettings = LABEL,
    accelerator: AcceleratorSettings = AcceleratorSettings(),  # noqa: B008 - frozen
    evaluation: Mapping[str, Any] = MappingProxyType({}),
    **training: Any,
) -> TrainerSettings:
    return TrainerSettings(
        features=features,
        label=label,
        model=model,
        training=TrainingSettings(**{"epochs": 15, "learning_rate": 0.01, "class_weights": "balanced", **training}),
        accelerator=accelerator,
        slices={f"{sliced}_band": SliceSettings(columns=(sliced,), boundaries=(10.0, 30.0))},
        tensorboard=str(tensorboard),
        checkpoints=str(tensorboard.with_name("checkpoints")),
        **evaluation,
    )


def train(
    settings: TrainerSettings, examples: Any, transform_graph: Any, folder: Path, hyperparameters: Any = None
) -> tuple[Path, Path]:
    """Runs TFX's Trainer executor; returns the folders of the model and of the model run."""
    from tfx.components.trainer.executor import GenericExecutor
    from tfx.types import standard_artifacts
    from tfx.utils import json_utils

    model, model_run = standard_artifacts.Model(), standard_artifacts.ModelRun()
    model.uri, model_run.uri = str(folder / "model"), str(folder / "run")
    GenericExecutor().Do(
        {"examples": [examples], "transform_graph": [transform_graph]}
        | ({"hyperparameters": [hyperparameters]} if hyperparameters else {}),
        {"model": [model], "model_run": [model_run]},
        {
            "run_fn": "components.training.trainer.run_fn",
            "train_args": '{"splits": ["train"]}',
            "eval_args": '{"splits": ["eval"]}',
            "custom_config": json_utils.dumps({"settings": settings.model_dump_json()}),
        },
    )
    return Path(model.uri, "Format-Serving"), Path(model_run.uri)


def table() -> list[dict[str, Any]]:
    """1,200 rows."""
    random_ = random.Random(7)
    return [row(random_) for _ in range(1200)]


def build(folder: Path, rows: list[dict[str, Any]] | None = None, **settings: Any) -> Trained:
    """Runs Transform and Trainer on rows, those of `table` by default; the last sixth is for evaluation."""
    chosen = trainer_settings(folder / "tensorboard", **settings)
    rows = rows or table()
    examples, graph = transform(folder, chosen.features, rows)
    model, model_run = train(chosen, examples, graph, folder)
    return Trained(rows, examples, graph, model, model_run, chosen)


def transform(folder: Path, features: FeaturesSettings, rows: list[dict[str, Any]]) -> tuple[Any, Any]:
    """Runs TFX's Transform executor; returns the examples and the transform graph."""
    import tensorflow as tf
    import tensorflow_data_validation as tfdv
    from apache_beam.options.pipeline_options import PipelineOptions
    from google.protobuf import text_format
    from tfx.components.transform.executor import Executor
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.types import standard_artifacts
    from tfx.utils import json_utils

    from components.beam import BeamSettings

    examples = standard_artifacts.Examples()
    examples.uri, examples.split_names = str(folder / "examples"), '["train", "eval"]'
    for_training = len(rows) * 5 // 6
    for split, part in (("train", rows[:for_training]), ("eval", rows[for_training:])):
        path = folder / "examples" / f"Split-{split}" / "data_tfrecord-00000-of-00001"
        path.parent.mkdir(parents=True)
        with tf.io.TFRecordWriter(str(path)) as writer:
            for each in part:
                writer.write(serialize(each))

    arguments = BeamSettings().pipeline_args()
    stats = tfdv.generate_statistics_from_tfrecord(
        str(folder / "examples" / "Split-train" / "*"),
        pipeline_options=PipelineOptions(arguments),
    )
    schema = standard_artifacts.Schema()
    schema.uri = str(folder / "schema")
    (folder / "schema").mkdir()
    inferred = tfdv.infer_schema(stats, infer_feature_shape=False)
    (folder / "schema" / "schema.pbtxt").write_text(text_format.MessageToString(inferred))

    graph = standard_artifacts.TransformGraph()
    graph.uri = str(folder / "transform")
    Executor(BaseBeamExecutor.Context(beam_pipeline_args=arguments, tmp_dir=str(folder / "tmp"))).Do(
        {"examples": [examples], "schema": [schema]},
        {"transform_graph": [graph]},
        {
            "preprocessing_fn": "components.transform.preprocessing.preprocessing_fn",
            "custom_config": json_utils.dumps({"features": features.model_dump_json()}),
            "disable_statistics": 1,
        },
    )
    return examples, graph
