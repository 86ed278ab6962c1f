"""The peer of the benchmark `schedule`: stock TFX components, by TFX's AirflowDagRunner. Airflow 2.11 reads this.

Only the packages of the peer's own environment (`benchmarks/peers.py`) are imported. The functions are given by name:
`module_file` would add pip's installing of a wheel to each step.
"""

# mypy: disable-error-code="import-not-found, import-untyped"
from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

from tfx.components.example_gen.csv_example_gen.component import CsvExampleGen
from tfx.components.example_validator.component import ExampleValidator
from tfx.components.pusher.component import Pusher
from tfx.components.schema_gen.component import SchemaGen
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.trainer.component import Trainer
from tfx.components.transform.component import Transform
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.airflow.airflow_dag_runner import AirflowDagRunner, AirflowPipelineConfig
from tfx.proto import pusher_pb2, trainer_pb2

from benchmarks.schedule import note_executors

BATCH, STEPS = 32, 40
NUMBERS = ("amount", "miles")


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Scales the numbers; the label stays."""
    import tensorflow as tf
    import tensorflow_transform as tft

    dense = {name: _dense(inputs[name]) for name in (*NUMBERS, "again")}
    scaled = {name: tft.scale_to_z_score(tf.cast(dense[name], tf.float32)) for name in NUMBERS}
    return {**scaled, "again": dense["again"]}


def _dense(column: Any) -> Any:
    import tensorflow as tf

    if isinstance(column, tf.sparse.SparseTensor):
        column = tf.sparse.to_dense(tf.sparse.reset_shape(column, [column.dense_shape[0], 1]))
    return tf.reshape(column, [-1, 1])


def run_fn(fn_args: Any) -> None:
    """Trains one small layer."""
    import keras
    import tensorflow_transform as tft
    from tfx_bsl.public.tfxio import TensorFlowDatasetOptions

    graph = tft.TFTransformOutput(fn_args.transform_output)
    options = TensorFlowDatasetOptions(batch_size=BATCH, label_key="again")
    rows = fn_args.data_accessor.tf_dataset_factory(
        fn_args.train_files, options, graph.transformed_metadata.schema
    ).repeat()
    inputs = {name: keras.Input((1,), name=name) for name in NUMBERS}
    hidden = keras.layers.Dense(8, activation="relu")(keras.layers.Concatenate()(list(inputs.values())))
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(hidden))
    model.compile(optimizer="adam", loss="binary_crossentropy")
    model.fit(rows, steps_per_epoch=STEPS, verbose=0)
    model.export(fn_args.serving_model_dir)


def make_dag(folder: Path) -> Any:
    """The DAG.

    Args:
      folder: of the rows, and for all that is written.
    """
    examples = CsvExampleGen(input_base=str(folder / "pipeline/span-1"))
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    schema = SchemaGen(statistics=statistics.outputs["statistics"])
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    transform = Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        preprocessing_fn="benchmarks.schedule_peer.preprocessing_fn",
    )
    trainer = Trainer(
        run_fn="benchmarks.schedule_peer.run_fn",
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema.outputs["schema"],
        train_args=trainer_pb2.TrainArgs(num_steps=STEPS),
        eval_args=trainer_pb2.EvalArgs(num_steps=1),
    )
    pusher = Pusher(
        model=trainer.outputs["model"],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(folder / "serving"))
        ),
    )
    config = AirflowPipelineConfig(airflow_dag_config={"schedule": None, "start_date": datetime(2026, 1, 1)})
    return AirflowDagRunner(config).run(
        pipeline.Pipeline(
            pipeline_name="sales",
            pipeline_root=str(folder / "artifacts"),
            components=[examples, statistics, schema, validator, transform, trainer, pusher],
            metadata_connection_config=metadata.sqlite_metadata_connection_config(str(folder / "metadata.db")),
            beam_pipeline_args=["--runner=FnApiRunner", "--direct_running_mode=in_memory"],
        )
    )


note_executors()
dag = make_dag(Path(os.environ["HEADGATE_BENCHMARK_FOLDER"]))
