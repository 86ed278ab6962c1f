"""The tf.Transform `preprocessing_fn`, driven by the `features` section alone.

Every analyzer looks at present values only and none waits for another's result, so the whole training split is
analysed in a single pass: a missing value is filled after scaling parameters are known, not before. All numeric
columns are analysed as one matrix, since what an analyzer costs on Beam hardly depends on its width: 30 columns took
20 CPU s one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from components.dotted import load_function
from components.label import ColumnType
from components.transform import images
from components.transform.settings import MISSING, NUMERIC_STEPS, ColumnSettings, FeaturesSettings

MISSING_SUFFIX = "_missing"
"""A column's missing-value indicator is named after it."""

UNKNOWN_ID_COUNT = 1
"""Ids for values outside the vocabulary or range: all of them share one."""


def preprocessing_fn(inputs: Mapping[str, Any], custom_config: Mapping[str, str]) -> dict[str, Any]:
    """Maps raw columns to model inputs; called by TFX's Transform.

    Args:
      inputs: a tensor for each raw column: `SparseTensor` [batch, 1] (optional columns), or dense [batch, 1].
      custom_config: `features` holds the `FeaturesSettings` as JSON.

    Returns:
      For each feature: float32 [batch, 1] for scaled numbers and indicators, float32 [batch, size + 1] for
      one-hot, int64 [batch, 1] for ids, float32 [batch, height, width, channels] in [0, 1] for images. With a
      `preprocessing_fn` of the user's own, whatever that returns.
    """
    settings = FeaturesSettings.model_validate_json(custom_config["features"])
    if settings.preprocessing_fn:
        own = load_function(settings.preprocessing_fn, "features.preprocessing_fn")
        return own({name: inputs[name] for name in settings.raw})
    raw = {name: _dense(inputs[name], column.type) for name, column in settings.columns.items()}
    numbers = _numbers(raw, settings)
    outputs = {
        name: numbers[name] if name in numbers else _category(*raw[name], name, column)
        for name, column in settings.columns.items()
    }
    for name, cross in settings.crosses.items():
        parts = [
            tf.strings.as_string(outputs[part])
            if settings.columns[part].is_id
            else _text(*raw[part], settings.columns[part])
            for part in cross.of
        ]
        outputs[name] = tft.hash_strings(tf.strings.join(parts, separator="\x1f"), cross.size)
    for name, column in settings.columns.items():
        if column.indicator:
            outputs[name + MISSING_SUFFIX] = 1.0 - tf.cast(raw[name][1], tf.float32)
    for name, image in settings.images.items():
        files, _ = _dense(inputs[name], "string")
        outputs[name] = images.from_files(files[:, 0], name, image)
    return outputs


def _dense(tensor: Any, kind: ColumnType) -> tuple[Any, Any]:
    """A raw column as dense values [batch, 1] and a mask [batch, 1] of the values that are present.

    What stands for a missing value is the same as in the `predict` signature of the exported model (export.py).
    """
    missing = tf.constant(MISSING[kind], tensor.dtype)
    if isinstance(tensor, tf.SparseTensor):
        shape = tf.stack([tensor.dense_shape[0], 1])
        values = tf.sparse.to_dense(tf.SparseTensor(tensor.indices, tensor.values, shape), missing)
    else:
        values = tf.reshape(tensor, [-1, 1])
    values.set_shape([None, 1])
    present = tf.math.is_finite(values) if kind == "float" else tf.not_equal(values, missing)
    return values, present


def _numbers(raw: Mapping[str, tuple[Any, Any]], settings: FeaturesSettings) -> dict[str, Any]:
    """The numeric columns: scaled (float32 [batch, 1]) or cut into quantile buckets (int64 [batch, 1])."""
    columns = {name: column for name, column in settings.columns.items() if column.steps[-1] in NUMERIC_STEPS}
    if not columns:
        return {}
    # NaN stands for missing: TFT's mean and variance pass over it.
    matrix = tf.concat([_prepared(*raw[name], column) for name, column in columns.items()], axis=1)
    mean = tft.mean(matrix, reduce_instance_dims=False)
    offset, scale = _scaling(matrix, mean, list(columns.values()))
    filled = tf.where(tf.math.is_finite(matrix), matrix, _fill(matrix, mean, list(columns.values())))
    scaled = tf.math.divide_no_nan(filled - offset, scale)
    outputs = {}
    for index, (name, column) in enumerate(columns.items()):
        if column.steps[-1] == "bucketize":
            boundaries = tft.quantiles(_seen(matrix, index), column.buckets, epsilon=0.01)
            outputs[name] = tft.apply_buckets(filled[:, index : index + 1], boundaries)
        else:
            outputs[name] = scaled[:, index : index + 1]
    return outputs


def _prepared(values: Any, present: Any, column: ColumnSettings) -> Any:
    """A column as float32 [batch, 1], its logarithm if asked for, NaN where the value is missing."""
    numbers = tf.where(present, tf.cast(values, tf.float32), float("nan"))
    return _signed_log(numbers) if column.steps[0] == "log" else numbers


def _scaling(matrix: Any, mean: Any, columns: Sequence[ColumnSettings]) -> tuple[Any, Any]:
    """What is taken off each column, and what it is then divided by: float32 [columns] each.

    A constant column has a scale of zero, and is divided to zero.
    """
    steps = [column.steps[-1] for column in columns]
    offset, scale = tf.zeros([len(steps)]), tf.ones([len(steps)])
    if "zscore" in steps:
        chosen = tf.constant([step == "zscore" for step in steps])
        spread = tf.sqrt(tft.var(matrix, reduce_instance_dims=False))
        offset, scale = tf.where(chosen, mean, offset), tf.where(chosen, spread, scale)
    if "minmax" in steps:
        chosen = tf.constant([step == "minmax" for step in steps])
        present = tf.math.is_finite(matrix)
        lowest = tft.min(tf.where(present, matrix, tf.float32.max), reduce_instance_dims=False)
        highest = tft.max(tf.where(present, matrix, tf.float32.min), reduce_instance_dims=False)
        offset, scale = tf.where(chosen, lowest, offset), tf.where(chosen, highest - lowest, scale)
    return offset, scale


def _fill(matrix: Any, mean: Any, columns: Sequence[ColumnSettings]) -> Any:
    """What stands in for a missing value of each column, before scaling: float32 [columns]."""
    fills = []
    for index, column in enumerate(columns):
        if column.impute in (None, "mean"):
            fills.append(mean[index])
        elif column.impute == "median":
            fills.append(tf.reshape(tft.quantiles(_seen(matrix, index), 2, epsilon=0.001), []))
        else:
            constant = tf.constant(float(column.impute), tf.float32)
            fills.append(_signed_log(constant) if column.steps[0] == "log" else constant)
    return tf.stack(fills)


def _seen(matrix: Any, index: int) -> Any:
    """The present values of a column, float32 [values]."""
    return tf.boolean_mask(matrix[:, index], tf.math.is_finite(matrix[:, index]))


def _signed_log(x: Any) -> Any:
    """sign(x) * ln(1 + |x|): a logarithm that takes zero and negative numbers."""
    return tf.sign(x) * tf.math.log1p(tf.abs(x))


def _category(values: Any, present: Any, name: str, column: ColumnSettings) -> Any:
    """A column of names: ids (int64 [batch, 1]), or one-hot vectors (float32 [batch, size + 1])."""
    if column.steps[-1] == "identity":
        # The integers 0 to size - 1 as they are; anything else, missing included, as `size`.
        inside = tf.logical_and(values >= 0, values < column.size)
        return tf.where(inside, values, tf.constant(column.size, tf.int64))
    text = _text(values, present, column)
    if column.steps[-1] == "hash":
        return tft.hash_strings(text, column.size)
    ids = tft.compute_and_apply_vocabulary(
        text, top_k=column.size, num_oov_buckets=UNKNOWN_ID_COUNT, vocab_filename=name
    )
    if column.steps[-1] == "vocabulary":
        return ids
    width = column.size + UNKNOWN_ID_COUNT
    return tf.reshape(tf.one_hot(ids, width, dtype=tf.float32), [-1, width])


def _text(values: Any, present: Any, column: ColumnSettings) -> Any:
    """Values as strings; a missing one is the `impute` constant, the empty string by default."""
    fill = "" if column.impute in (None, "mean", "median") else str(column.impute)
    if values.dtype == tf.string:
        return tf.where(present, values, tf.constant(fill)) if fill else values
    return tf.where(present, tf.strings.as_string(values), tf.constant(fill))
