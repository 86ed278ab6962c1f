"""A test split, a model with the signatures that every exported model has, and TFX's Evaluator run on both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import json_format
from tfx.components.evaluator import executor
from tfx.dsl.components.base import base_beam_executor
from tfx.types import standard_artifacts

from components.beam import BeamSettings
from components.evaluation.config import eval_config
from components.evaluation.settings import EvaluationSettings
from components.label import LabelSettings, Task

ROWS = 400


@dataclass
class TestSplit:
    """Columns of a test split; `x` alone tells about the label."""

    __test__ = False

    x: np.ndarray
    day: np.ndarray
    payment: np.ndarray
    label: np.ndarray


class TinyModel(tf.Module):
    """Scores from `x` by a formula, under the signatures of an exported Headgate model."""

    def __init__(self, task: Task, slope: float) -> None:
        super().__init__()
        self.task, self.slope = task, slope

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        x = tf.io.parse_example(serialized, {"x": tf.io.FixedLenFeature([], tf.float32)})["x"]
        return {"scores": self.scores(x)}

    def scores(self, x: tf.Tensor) -> tf.Tensor:
        if self.task == "multiclass":
            return tf.nn.softmax(-self.slope * tf.abs(x[:, None] + 1.2 - tf.range(3, dtype=tf.float32)))
        return (tf.sigmoid(self.slope * x) if self.task == "binary" else self.slope * x)[:, None]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def evaluation_features(self, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        kind = tf.float32 if self.task == "regression" else tf.int64
        spec = {"x": tf.io.FixedLenFeature([], tf.float32), "label": tf.io.FixedLenFeature([], kind)}
        parsed = tf.io.parse_example(serialized, spec)
        return {"label_index": parsed["label"], "half": tf.where(parsed["x"] < 0, "(-inf, 0)", "[0, inf)")}


def test_split(task: Task) -> TestSplit:
    rng = np.random.default_rng(7)
    x = rng.normal(size=ROWS).astype(np.float32)
    noisy = x + rng.normal(size=ROWS) * 0.7
    labels = {"binary": noisy > 0, "multiclass": np.clip(np.round(noisy) + 1, 0, 2), "regression": noisy}
    label = labels[task].astype(np.float32 if task == "regression" else np.int64)
    payment = rng.choice(["Cash", "Crédit", "Pcard"], ROWS, p=[0.5, 0.45, 0.05])
    if task == "binary":
        label[payment == "Pcard"] = 0  # a slice with one class
    return TestSplit(x, rng.integers(1, 4, ROWS), payment, label)


test_split.__test__ = False  # type: ignore[attr-defined]


def write_examples(split: TestSplit, folder: Path) -> standard_artifacts.Examples:
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder)
    artifact.splits = ["test"]
    (folder / "Split-test").mkdir(parents=True)
    feature = tf.train.Feature
    with tf.io.TFRecordWriter(str(folder / "Split-test" / "data_tfrecord-00000-of-00001")) as writer:
        for x, day, payment, label in zip(split.x, split.day, split.payment, split.label, strict=True):
            columns = {
                "x": feature(float_list=tf.train.FloatList(value=[x])),
                "day": feature(int64_list=tf.train.Int64List(value=[day])),
                "payment_type": feature(bytes_list=tf.train.BytesList(value=[payment.encode()])),
                "label": feature(float_list=tf.train.FloatList(value=[label]))
                if label.dtype.kind == "f"
                else feature(int64_list=tf.train.Int64List(value=[label])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=columns)).SerializeToString())
    return artifact


def export(model: TinyModel, folder: Path) -> standard_artifacts.Model:
    artifact = standard_artifacts.Model()
    artifact.uri = str(folder)
    signatures = {"serving_default": model.serve, "evaluation_features": model.evaluation_features}
    tf.saved_model.save(model, str(folder / "Format-Serving"), signatures=signatures)
    return artifact


SLICES = {
    "payment": "payment_type",
    "day_and_payment": ["day", "payment_type"],
    "half": {"columns": "x", "boundaries": [0]},
}


@dataclass
class Evaluated:
    """What TFX's Evaluator was given and what it wrote."""

    split: TestSplit
    examples: standard_artifacts.Examples
    candidate: standard_artifacts.Model
    baseline: standard_artifacts.Model
    evaluation: standard_artifacts.ModelEvaluation

    def scores(self, task: Task, slope: float) -> np.ndarray:
        return TinyModel(task, slope).scores(tf.constant(self.split.x)).numpy()


SLOPE, BASELINE_SLOPE = 2.0, 0.1


def evaluate(task: Task, folder: Path, with_baseline: bool) -> Evaluated:
    label = LabelSettings(name="label", task=task, classes=(0, 1, 2) if task == "multiclass" else ())
    settings = EvaluationSettings.model_validate({"slices": SLICES, "thresholds": {"any": {"min": 0}}})
    split = test_split(task)
    evaluated = Evaluated(
        split,
        write_examples(split, folder / "examples"),
        export(TinyModel(task, SLOPE), folder / "candidate"),
        export(TinyModel(task, BASELINE_SLOPE), folder / "baseline"),
        standard_artifacts.ModelEvaluation(),
    )
    evaluated.evaluation.uri = str(folder / "evaluation")
    blessing = standard_artifacts.ModelBlessing()
    blessing.uri = str(folder / "stock-blessing")
    context = base_beam_executor.BaseBeamExecutor.Context(beam_pipeline_args=BeamSettings().pipeline_args())
    inputs = {"examples": [evaluated.examples], "model": [evaluated.candidate]}
    executor.Executor(context).Do(
        inputs | ({"baseline_model": [evaluated.baseline]} if with_baseline else {}),
        {"evaluation": [evaluated.evaluation], "blessing": [blessing]},
        {"eval_config": json_format.MessageToJson(eval_config(settings, label)), "example_splits": '["test"]'},
    )
    assert not Path(blessing.uri).exists(), "the stock Evaluator leaves the verdict to the judge"
    return evaluated


@pytest.fixture(scope="session")
def binary(tmp_path_factory) -> Evaluated:
    """A binary task, with a model in service."""
    return evaluate("binary", tmp_path_factory.mktemp("binary"), with_baseline=True)


@pytest.fixture(scope="session")
def multiclass(tmp_path_factory) -> Evaluated:
    """Three classes, the first model."""
    return evaluate("multiclass", tmp_path_factory.mktemp("multiclass"), with_baseline=False)


@pytest.fixture(scope="session")
def regression(tmp_path_factory) -> Evaluated:
    """A number to predict, the first model."""
    return evaluate("regression", tmp_path_factory.mktemp("regression"), with_baseline=False)
