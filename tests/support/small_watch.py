"""A tiny model in service, and spans of rows to ask it about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from small_statistics import column, statistics, statistics_artifact
from tfx.types import standard_artifacts
from tiny_model import TinyModel, export

from components import decisions
from components.artifacts import MonitorReport
from components.decisions import Decision
from components.evaluation import blessing
from components.evaluation.config import eval_config
from components.evaluation.settings import EvaluationSettings
from components.label import LabelSettings, Task
from components.monitor import profile
from components.monitor.age import PROPERTY, Age
from components.monitor.component import Executor
from components.monitor.settings import MonitorSettings, MonitorStepSettings
from serving import releases
from serving.manifest import Provenance

SPLITS = ("train", "eval", "test")
THRESHOLD = 0.4
NO_AGE = Age()

Rows = dict[str, list[Any]]
"""Columns `x`, `side` and `label`; None for a missing label."""


def rows(number: int, seed: int, task: Task = "binary", mean: float = 0.0) -> Rows:
    """Rows of which the model knows the rule: P(label is 1) = sigmoid(2x), three rounded classes, or 2x."""
    random = np.random.default_rng(seed)
    x = random.normal(mean, 1, number).astype(np.float32)
    labels: dict[Task, Any] = {
        "binary": (random.random(number) < 1 / (1 + np.exp(-2 * x))).astype(int),
        "multiclass": np.clip(np.round(x + 1.2 + random.normal(0, 0.3, number)), 0, 2).astype(int),
        "regression": (2 * x + random.normal(0, 0.3, number)).astype(float),
    }
    return {"x": x.tolist(), "side": np.where(x < 0, "low", "high").tolist(), "label": labels[task].tolist()}


class Served:
    """A model that was released on span 1.

    Args:
      folder: where all of it goes.
      task: of the model.
    """

    def __init__(self, folder: Path, task: Task = "binary") -> None:
        self.folder, self.task = folder, task
        classes = (0, 1, 2) if task == "multiclass" else ()
        self.label = LabelSettings(name="label", task=task, classes=classes)
        self.model = export(TinyModel(task, 2.0, THRESHOLD, attacked=False), folder / "model")
        self.saved = Path(self.model.uri, "Format-Serving")
        self.trained_on = {split: rows(1500, seed, task) for seed, split in enumerate(SPLITS, 100)}
        self._profile()
        self.in_service = self._statistics("in_service", self.trained_on, 1)
        self.blessing = self._blessing()
        self.release({"auc": 0.9, "binary_accuracy": 0.8})

    def scores(self, x: list[float]) -> np.ndarray:
        """The model's scores, [rows, units]."""
        return TinyModel(self.task, 2.0).scores(tf.constant(x, tf.float32)).numpy()

    def release(self, metrics: Mapping[str, float]) -> None:
        """Puts the model in service, with these metrics in the manifest."""
        provenance = Provenance(
            run_id="r1", pipeline="taxi", span=1, model_uri=self.model.uri, statistics_uri=self.in_service.uri,
            schema_fingerprint="", code_fingerprint="", settings_fingerprint="", metrics=dict(metrics),
        )  # fmt: skip
        releases.publish(self.folder / "serving", "taxi", self.saved, provenance, keep=2)

    def ask(
        self,
        splits: Mapping[str, Rows],
        span: int = 2,
        without: tuple[str, ...] = (),
        slices: Mapping[str, Any] | None = None,
        age: Age = NO_AGE,
        executor: Executor | None = None,
        **monitor: Any,
    ) -> Asked:
        """Runs the executor.

        Args:
          splits: the rows of a span.
          span: its number.
          without: inputs that are not there.
          slices: of the `evaluation` section.
          age: what the driver read off the clock.
          executor: default: one that asks in this process.
          monitor: of the `monitor` section.
        """
        settings = EvaluationSettings.model_validate(
            {"slices": slices or {"side": "side"}, "thresholds": {"a": {"min": 0}}}
        )
        step = MonitorStepSettings(
            monitor=MonitorSettings(**monitor),
            label=self.label,
            slices=settings.slices,
            min_slice_rows=50,
            serving_dir=str(self.folder / "serving"),
            model="taxi",
            log=str(self.folder / "monitor/taxi.jsonl"),
            tensorboard=str(self.folder / "tensorboard"),
        )
        number = len(list(self.folder.glob("span-*")))
        place = self.folder / f"span-{number}"
        inputs = {
            "examples": [self._examples(place, splits, span)],
            "statistics": [self._statistics(f"span-{number}/statistics", splits, span)],
            "model": [self.model],
            "in_service": [self.in_service],
            "released": [self.blessing],
        }
        report = MonitorReport()
        report.uri = str(place / "report")
        (executor or Executor()).Do(
            {name: artifacts for name, artifacts in inputs.items() if name not in without},
            {"report": [report]},
            {
                "settings": step.model_dump_json(),
                "eval_config": json_format.MessageToJson(eval_config(settings, self.label)),
                "code": "",
                PROPERTY: json.dumps(asdict(age)),
            },
        )
        return Asked(report)

    def _profile(self) -> None:
        known = self.trained_on["eval"]
        embeddings = np.stack([np.array(known["x"]), 2 * np.array(known["x"]), np.sin(known["x"])], axis=1)
        made = profile.make(self.label, self.scores(known["x"]), np.array(known["label"]), embeddings, THRESHOLD)
        assert made
        profile.write(made, self.saved)

    def _blessing(self) -> standard_artifacts.ModelBlessing:
        """With the metrics that the model has on the test split of span 1, as the monitor would find them."""
        artifact = standard_artifacts.ModelBlessing()
        artifact.uri = str(self.folder / "blessing")
        blessing.write(artifact, True, self.model, None)
        Path(artifact.uri, "metrics.json").write_text(json.dumps({"overall": {}, "slices": []}))
        self.blessing = artifact
        self.release({})
        first = self.ask({"test": self.trained_on["test"]})
        Path(artifact.uri, "metrics.json").write_text(json.dumps(first.content["metrics"]))
        return artifact

    def _examples(self, place: Path, splits: Mapping[str, Rows], span: int) -> standard_artifacts.Examples:
        artifact = standard_artifacts.Examples()
        artifact.uri, artifact.span, artifact.splits = str(place / "examples"), span, list(splits)
        for split, columns in splits.items():
            folder = place / "examples" / f"Split-{split}"
            folder.mkdir(parents=True)
            with tf.io.TFRecordWriter(str(folder / "data_tfrecord-00000-of-00001")) as writer:
                for x, side, label in zip(*(columns[name] for name in ("x", "side", "label")), strict=True):
                    writer.write(_example(x, side, label))
        return artifact

    def _statistics(self, name: str, splits: Mapping[str, Rows], span: int) -> standard_artifacts.ExampleStatistics:
        kind = "float" if self.task == "regression" else "int"
        found = {
            split: statistics(x=columns["x"], side=columns["side"], label=column(columns["label"], kind))
            for split, columns in splits.items()
        }
        return statistics_artifact(str(self.folder / name), found, span)


class Asked:
    """What the executor left.

    Args:
      report: the artifact.
    """

    def __init__(self, report: MonitorReport) -> None:
        self.report = report
        self.folder = Path(report.uri)
        self.content = json.loads((self.folder / "monitor.json").read_text())
        self.decisions: list[Decision] = decisions.read(report.uri)

    @property
    def outcomes(self) -> dict[tuple[str, str], str]:
        """Outcome by rule and subject."""
        return {(each.rule, each.subject): each.outcome for each in self.decisions}


def _example(x: float | None, side: str, label: int | float | None) -> bytes:
    features = {
        "x": tf.train.Feature(float_list=tf.train.FloatList(value=[] if x is None else [x])),
        "side": tf.train.Feature(bytes_list=tf.train.BytesList(value=[side.encode()])),
    }
    if isinstance(label, float):
        features["label"] = tf.train.Feature(float_list=tf.train.FloatList(value=[label]))
    elif label is not None:
        features["label"] = tf.train.Feature(int64_list=tf.train.Int64List(value=[label]))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
