"""A model that takes no training, with the signatures of an exported one."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from tfx.types import standard_artifacts

from components.evaluation.settings import AdversarialSettings
from components.label import LabelSettings, Task
from components.training.export import decision_function

SLOPE, BASELINE_SLOPE = 2.0, 0.1
THRESHOLD, BASELINE_THRESHOLD = 0.3, 0.52
ADVERSARIAL = AdversarialSettings(epsilon=0.25)


class TinyModel(tf.Module):
    """Scores from `x` by a formula, under the signatures of an exported Headgate model.

    Args:
      task: what it predicts.
      slope: how steeply scores rise with `x`.
      threshold: of the decision.
      attacked: whether it computes which rows withstand FGSM.
      nan_above: of `x`, above which the score is NaN.
    """

    def __init__(
        self,
        task: Task,
        slope: float,
        threshold: float = 0.5,
        attacked: bool = True,
        nan_above: float = float("inf"),
    ) -> None:
        super().__init__()
        self.task, self.slope, self.threshold, self.attacked = task, slope, threshold, attacked
        self.nan_above = nan_above

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(self, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        x = tf.io.parse_example(serialized, {"x": tf.io.FixedLenFeature([], tf.float32)})["x"]
        return {"scores": self.scores(x)}

    def scores(self, x: tf.Tensor) -> tf.Tensor:
        """In 64 bits, then rounded: in 32 bits, sigmoids depend on where in a batch a row stands."""
        logit = self.slope * tf.cast(tf.where(x > self.nan_above, float("nan"), x), tf.float64)
        if self.task == "multiclass":
            classes = tf.range(3, dtype=tf.float64)
            scores = tf.nn.softmax(-tf.abs(logit[:, None] + self.slope * (1.2 - classes)))
        else:
            scores = (tf.sigmoid(logit) if self.task == "binary" else logit)[:, None]
        return tf.cast(scores, tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def evaluation_features(self, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        kind = tf.float32 if self.task == "regression" else tf.int64
        label = tf.io.FixedLenFeature([], kind, 0)
        spec = {"x": tf.io.FixedLenFeature([], tf.float32), "label": label}
        parsed = tf.io.parse_example(serialized, spec)
        features = {"label_index": parsed["label"], "half": tf.where(parsed["x"] < 0, "(-inf, 0)", "[0, inf)")}
        if self.task == "binary" and self.attacked:
            features[ADVERSARIAL.output] = self.right_under_attack(parsed["x"], parsed["label"])[:, None]
        return features

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def embeddings(self, serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        x = tf.io.parse_example(serialized, {"x": tf.io.FixedLenFeature([], tf.float32)})["x"]
        return {"embeddings": tf.stack([x, 2 * x, tf.sin(x)], axis=1)}

    def right_under_attack(self, x: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        """FGSM needs no gradient here: scores rise with `x`."""
        step = tf.where(label == 1, -ADVERSARIAL.epsilon, ADVERSARIAL.epsilon)
        answers = self.scores(x + tf.cast(step, tf.float32))[:, 0] > self.threshold
        return tf.cast(answers == (label == 1), tf.float32)


def export(model: TinyModel, folder: Path) -> standard_artifacts.Model:
    artifact = standard_artifacts.Model()
    artifact.uri = str(folder)
    signatures = {
        "serving_default": model.serve,
        "evaluation_features": model.evaluation_features,
        "embeddings": model.embeddings,
    }
    if model.task == "binary":
        signatures["decision"] = decision_function(model.threshold, LabelSettings(name="label"))
    tf.saved_model.save(model, str(folder / "Format-Serving"), signatures=signatures)
    return artifact
