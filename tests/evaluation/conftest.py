"""A test split, a model with the signatures that every exported model has, and the step `evaluate` run on both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from google.protobuf import json_format
from tfx.components.evaluator import executor as stock
from tfx.dsl.components.base import base_beam_executor
from tfx.types import standard_artifacts
from tiny_model import ADVERSARIAL, BASELINE_SLOPE, BASELINE_THRESHOLD, SLOPE, THRESHOLD, TinyModel, export

from components.beam import BeamSettings
from components.evaluation import evaluate as step
from components.evaluation import saved_model
from components.evaluation.config import eval_config, for_models
from components.evaluation.evaluator import recorded as recorded_of
from components.evaluation.settings import EvaluationSettings
from components.label import LabelSettings, Task

ROWS = 400
PRISM = Path(__file__).parents[2] / ".cache/tools/prism"

ENGINES = {
    "local": BeamSettings(),
    "beam": BeamSettings(mode="multi_processing", workers=2),
    "processes": BeamSettings(mode="multi_processing", workers=2),
    "prism": BeamSettings(runner="prism", prism=PRISM),
}


@dataclass
class TestSplit:
    """Columns of a test split; `x` alone tells about the label. Rows may lack a payment, and have several tags."""

    __test__ = False

    x: np.ndarray
    day: np.ndarray
    payment: np.ndarray
    tags: list[list[str]]
    label: np.ndarray


def test_split(task: Task) -> TestSplit:
    rng = np.random.default_rng(7)
    x = rng.normal(size=ROWS).astype(np.float32)
    noisy = x + rng.normal(size=ROWS) * 0.7
    labels = {"binary": noisy > 0, "multiclass": np.clip(np.round(noisy) + 1, 0, 2), "regression": noisy}
    label = labels[task].astype(np.float32 if task == "regression" else np.int64)
    payment = rng.choice(["Cash", "Crédit", "Pcard", ""], ROWS, p=[0.45, 0.4, 0.05, 0.1])
    tags = [[["night"], ["night", "rain"], []][row % 3] for row in range(ROWS)]
    if task == "binary":
        label[payment == "Pcard"] = 0  # a slice with one class
    return TestSplit(x, rng.integers(1, 4, ROWS), payment, tags, label)


test_split.__test__ = False  # type: ignore[attr-defined]


def write_examples(split: TestSplit, folder: Path) -> standard_artifacts.Examples:
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder)
    artifact.splits = ["test"]
    (folder / "Split-test").mkdir(parents=True)
    for shard in range(2):
        with tf.io.TFRecordWriter(str(folder / "Split-test" / f"data_tfrecord-{shard:05d}-of-00002")) as writer:
            for row in range(shard, ROWS, 2):
                writer.write(example(split, row).SerializeToString())
    return artifact


def example(split: TestSplit, row: int) -> tf.train.Example:
    def feature(*values) -> tf.train.Feature:
        if isinstance(values[0], str):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode() for value in values]))
        if values[0].dtype.kind == "f":
            return tf.train.Feature(float_list=tf.train.FloatList(value=values))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    columns = {"x": feature(split.x[row]), "day": feature(split.day[row]), "label": feature(split.label[row])}
    if split.payment[row]:
        columns["payment_type"] = feature(str(split.payment[row]))
    if split.tags[row]:
        columns["tags"] = feature(*split.tags[row])
    return tf.train.Example(features=tf.train.Features(feature=columns))


SLICES = {
    "payment": "payment_type",
    "day_and_payment": ["day", "payment_type"],
    "half": {"columns": "x", "boundaries": [0]},
    "tags": "tags",
    "tags_and_payment": ["tags", "payment_type"],
    "nowhere": "a_column_without_values",
}


class Evaluated:
    """Examples, two models, and what an Evaluator writes about them.

    Args:
      task: of the models.
      folder: where all of it goes.
      with_baseline: whether `evaluation` compares the two models.
    """

    def __init__(self, task: Task, folder: Path, with_baseline: bool) -> None:
        self.task, self.folder = task, folder
        self.split = test_split(task)
        self.examples = write_examples(self.split, folder / "examples")
        self.candidate = export(TinyModel(task, SLOPE, THRESHOLD), folder / "candidate")
        self.baseline = export(TinyModel(task, BASELINE_SLOPE, BASELINE_THRESHOLD), folder / "baseline")
        self.run = cache(self._run)
        self.evaluation = self.run("local", with_baseline)

    def scores(self, slope: float) -> np.ndarray:
        return TinyModel(self.task, slope).scores(tf.constant(self.split.x)).numpy()

    def _run(
        self,
        engine: str,
        with_baseline: bool,
        baseline: standard_artifacts.Model | None = None,
        recorded: int = step.RECORDED_ROWS,
    ) -> standard_artifacts.ModelEvaluation:
        """Runs the step on one of `ENGINES`, or the stock Evaluator; at most `recorded` rows are in the table."""
        classes = (0, 1, 2) if self.task == "multiclass" else ()
        label = LabelSettings(name="label", task=self.task, classes=classes)
        rules = {"slices": SLICES, "thresholds": {"any": {"min": 0}}}
        settings = EvaluationSettings.model_validate(
            rules | ({"adversarial": ADVERSARIAL} if self.task == "binary" else {})
        )
        evaluation, blessing = standard_artifacts.ModelEvaluation(), standard_artifacts.ModelBlessing()
        model = Path(self.candidate.uri).name
        evaluation.uri = str(self.folder / f"{model}-{engine}-{with_baseline}-{bool(baseline)}-{recorded}")
        blessing.uri = str(self.folder / "blessing")
        context = base_beam_executor.BaseBeamExecutor.Context(
            beam_pipeline_args=ENGINES.get(engine, BeamSettings()).pipeline_args()
        )
        models = {"model": [self.candidate]}
        if with_baseline:
            models["baseline_model"] = [baseline or self.baseline]
        config = eval_config(settings, label)
        if engine == "stock":
            config = tfma.utils.update_eval_config_with_defaults(config, has_baseline=with_baseline, rubber_stamp=True)
            saved = {
                spec.name: models["baseline_model" if spec.is_baseline else "model"] for spec in config.model_specs
            }
            facts = {name: saved_model.facts(f"{each.uri}/Format-Serving") for name, [each] in saved.items()}
            config = for_models(config, facts)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(step, "RECORDED_ROWS", recorded)
            patch.setattr(step, "PART_BYTES", 1)  # each file is a part
            if engine == "beam":  # in this process, though workers were asked for
                make = partial(beam.Pipeline, argv=BeamSettings().pipeline_args())
                patch.setattr(step.Executor, "_make_beam_pipeline", lambda executor: make())
            executor = stock.Executor if engine == "stock" else step.Executor
            executor(context).Do(
                {"examples": [self.examples], **models},
                {"evaluation": [evaluation], "blessing": [blessing]},
                {
                    "eval_config": json_format.MessageToJson(config),
                    "example_splits": '["test"]',
                    "record": recorded_of(settings, label, ("x", "day", "payment_type", "tags")).model_dump_json(),
                },
            )
        assert not Path(blessing.uri).exists(), "the step leaves the verdict to the judge"
        return evaluation


@pytest.fixture(scope="session")
def binary(tmp_path_factory) -> Evaluated:
    """A binary task, with a model in service."""
    return Evaluated("binary", tmp_path_factory.mktemp("binary"), with_baseline=True)


@pytest.fixture(scope="session")
def multiclass(tmp_path_factory) -> Evaluated:
    """Three classes, the first model."""
    return Evaluated("multiclass", tmp_path_factory.mktemp("multiclass"), with_baseline=False)


@pytest.fixture(scope="session")
def regression(tmp_path_factory) -> Evaluated:
    """A number to predict, the first model."""
    return Evaluated("regression", tmp_path_factory.mktemp("regression"), with_baseline=False)
