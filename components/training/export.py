"""The exported model: raw rows in, scores out, with the transform graph inside.

Signatures:
  serving_default: serialized `tf.Example`s, string [batch] -> scores, float32 [batch, units].
  predict: raw columns by name (see `argument_names`), [batch] each: float32, int64 or string -> scores. A missing
    number is NaN, a missing string is empty, a missing integer is the smallest int64; an image is its file's bytes.
  pixels (where the transform graph decodes images): the same, but an image is its pixels, uint8 [batch, rows,
    columns, channels] -> scores.
  transform_features: serialized `tf.Example`s -> the transformed features by name.
  evaluation_features: serialized `tf.Example`s -> label_index [batch], a string [batch] for each slice that cuts
    a number into ranges and, where accuracy under FGSM is asked for, whether the answer to the row as changed by
    FGSM is right, float32 [batch, 1]. The Evaluator reads these; no client needs them.
  embeddings (where the network has a layer before its last): serialized `tf.Example`s -> what the last layer reads,
    float32 [batch, width]. The monitor reads these.
  decision (binary tasks): scores, float32 [batch, 1] -> label [batch], one of the two label values. Its argument
    `threshold`, float32 [], has the model's decision threshold as default, which the signature's metadata tell.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from itertools import pairwise
from typing import Any

import keras
import tensorflow as tf

from components.evaluation import decision
from components.evaluation.settings import AdversarialSettings, SliceSettings
from components.label import LabelSettings
from components.models.embeddings import embedder
from components.monitor.columns import EMBEDDINGS
from components.training.dataset import DTYPES, label_tensor
from components.training.fgsm import perturb
from components.training.raw_rows import EXAMPLES, RawRows
from components.transform.images import from_pixels
from components.transform.settings import MISSING, ImageSettings


class Exported(tf.Module):
    """A trained network with everything that it needs to take raw rows.

    Args:
      model: the trained network.
      rows: the transform graph that it was trained behind.
      label: the `label` section.
      slices: slices by name; those with boundaries become `evaluation_features`.
      images: the images that the transform graph decodes, by name.
      threshold: the decision threshold of a binary task.
      adversarial: the attack under which accuracy is measured, if any.
    """

    def __init__(
        self,
        model: keras.Model,
        rows: RawRows,
        label: LabelSettings,
        slices: Mapping[str, SliceSettings],
        images: Mapping[str, ImageSettings],
        threshold: float = decision.DEFAULT,
        adversarial: AdversarialSettings | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.embedder: Any = embedder(model)
        self.rows = rows
        self._arguments = argument_names(rows.columns)
        self._images = dict(images)
        self._label = label
        self.threshold = threshold
        self._adversarial = adversarial
        self._ranges = {name: group for name, group in slices.items() if group.boundaries}
        # A range may cut a column that the network does not read: its type is that of the data.
        self._range_dtypes = {
            column: rows.data[column].dtype if column in rows.data else tf.float32
            for group in self._ranges.values()
            for column in group.columns
        }

    def signatures(self) -> dict[str, Any]:
        """The functions to save, by signature name."""
        columns = {
            argument: tf.TensorSpec([None], DTYPES[self.rows.columns[name]], argument)
            for name, argument in self._arguments.items()
        }
        serialized = {
            "serving_default": self._serve_examples,
            "transform_features": self.rows.transform.python_function,
            "evaluation_features": self._evaluation_features,
        }
        if self.embedder is not None:
            serialized[EMBEDDINGS] = self._embeddings
        functions = {
            name: tf.function(function, input_signature=[EXAMPLES], autograph=False)
            for name, function in serialized.items()
        }
        functions["predict"] = tf.function(self._predict, autograph=False).get_concrete_function(columns)
        if self._images:
            # Of any shape: from_pixels tells what is wrong with it better than TensorFlow would.
            arguments = [self._arguments[name] for name in self._images]
            decoded = columns | {argument: tf.TensorSpec(None, tf.uint8, argument) for argument in arguments}
            functions["pixels"] = tf.function(self._pixels, autograph=False).get_concrete_function(decoded)
        if self._label.task == "binary":
            functions[decision.SIGNATURE] = decision_function(self.threshold, self._label)
        return functions

    def _serve_examples(self, examples: Any) -> dict[str, Any]:
        return {"scores": self.model(self.rows.transform(examples), training=False)}

    def _embeddings(self, examples: Any) -> dict[str, Any]:
        return {EMBEDDINGS: tf.cast(self.embedder(self.rows.transform(examples), training=False), tf.float32)}

    def _predict(self, columns: dict[str, Any]) -> dict[str, Any]:
        raw = {name: self._raw(name, columns[argument]) for name, argument in self._arguments.items()}
        return {"scores": self.model(self.rows.apply(raw), training=False)}

    def _pixels(self, columns: dict[str, Any]) -> dict[str, Any]:
        features = {
            name: from_pixels(columns[self._arguments[name]], name, image) for name, image in self._images.items()
        }
        others = {name: argument for name, argument in self._arguments.items() if name not in self._images}
        if others:
            # The transform graph wants files too. What it makes of these is not used.
            batch = tf.shape(next(iter(features.values())))[:1]
            files = dict.fromkeys(self._images, tf.fill(batch, tf.io.encode_png(tf.zeros([1, 1, 1], tf.uint8))))
            values = {name: columns[argument] for name, argument in others.items()} | files
            features = self.rows.apply({name: self._raw(name, value) for name, value in values.items()}) | features
        return {"scores": self.model(features, training=False)}

    def _evaluation_features(self, examples: Any) -> dict[str, Any]:
        features = {"label_index": tf.squeeze(label_tensor(examples, self._label), axis=1)}
        for name, group in self._ranges.items():
            [column] = group.columns
            spec = {column: tf.io.VarLenFeature(self._range_dtypes[column])}
            features[name] = range_names(tf.io.parse_example(examples, spec)[column], group.boundaries)
        if self._adversarial:
            features[self._adversarial.output] = self._right_under_fgsm(examples, self._adversarial.epsilon)
        return features

    def _right_under_fgsm(self, examples: Any, epsilon: float) -> Any:
        labels = label_tensor(examples, self._label)
        moved = perturb(self.model, self.rows.transform(examples), labels, epsilon, self._label.task)
        scores = self.model(moved, training=False)
        if self._label.task == "binary":
            answers = tf.cast(scores > self.threshold, tf.int64)
        else:
            answers = tf.argmax(scores, axis=1)[:, tf.newaxis]
        return tf.cast(tf.equal(answers, labels), tf.float32)

    def _raw(self, name: str, tensor: Any) -> Any:
        """A dense column as what the transform graph was traced with."""
        if isinstance(self.rows.spec[name], tf.io.FixedLenFeature):
            return tensor[:, tf.newaxis]
        kind = self.rows.columns[name]
        present = ~tf.math.is_nan(tensor) if kind == "float" else tf.not_equal(tensor, MISSING[kind])
        rows = tf.where(present)
        indices = tf.concat([rows, tf.zeros_like(rows)], axis=1)
        shape = tf.stack([tf.shape(tensor, tf.int64)[0], 1])
        return tf.SparseTensor(indices, tf.boolean_mask(tensor, present), shape)


def decision_function(threshold: float, label: LabelSettings) -> Any:
    """Scores to labels, float32 [batch, 1] -> `label` [batch], by a threshold that a caller may leave to its default.

    Args:
      threshold: the default; scores above it are positive.
      label: the `label` section of a binary task.
    """
    values, default = tf.constant(label.values, DTYPES[label.type]), tf.constant(threshold)

    def decide(scores: Any, threshold: Any = default) -> dict[str, Any]:
        return {"label": tf.gather(values, tf.cast(scores[:, 0] > threshold, tf.int32))}

    specs = [tf.TensorSpec([None, 1], tf.float32, "scores"), tf.TensorSpec([], tf.float32, decision.ARGUMENT)]
    return tf.function(decide, input_signature=specs, autograph=False)


def argument_names(columns: Collection[str]) -> dict[str, str]:
    """Names of the `predict` signature's arguments, by column.

    TensorFlow saves arguments of ASCII letters, digits and `_` only, a letter first: `mean radius` becomes
    `mean_radius`. A name that is taken gets a number; columns that have such a name anyway keep it.
    """
    plain = {name: re.sub(r"\W", "_", name, flags=re.ASCII) for name in columns}
    plain = {name: text if re.match("[A-Za-z]", text) else f"arg_{text}" for name, text in plain.items()}
    taken: dict[str, str] = {}
    for name in sorted(columns, key=lambda each: each != plain[each]):
        argument, number = plain[name], 2
        while argument in taken:
            argument, number = f"{plain[name]}_{number}", number + 1
        taken[argument] = name
    return {name: argument for argument, name in taken.items()}


def range_names(values: Any, boundaries: tuple[float, ...]) -> Any:
    """Names the range that each number falls in.

    Args:
      values: SparseTensor [batch, 1] of numbers.
      boundaries: rising cut points.

    Returns:
      String tensor [batch], such as `[10, 20)`, `< 10`, `>= 20` or `missing`.
    """
    cuts = [f"{cut:g}" for cut in boundaries]
    names = [f"< {cuts[0]}", *(f"[{low}, {high})" for low, high in pairwise(cuts)), f">= {cuts[-1]}"]
    numbers = tf.sparse.to_dense(tf.cast(values, tf.float32), float("nan"))[:, 0]
    position = tf.raw_ops.Bucketize(input=numbers, boundaries=list(boundaries))
    return tf.where(tf.math.is_nan(numbers), "missing", tf.gather(tf.constant(names), position))


def export(exported: Exported, folder: str) -> None:
    """Writes the SavedModel.

    Args:
      exported: the model with its transform graph.
      folder: where to write; created.
    """
    tf.saved_model.save(exported, folder, signatures=exported.signatures())
