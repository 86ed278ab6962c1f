"""The tf.Transform `preprocessing_fn`, driven by the `features` section alone.

Every analyzer looks at present values only and none waits for another's result, so the whole training split is
analysed in a single pass: a missing value is filled after scaling parameters are known, not before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from components.dotted import load_function
from components.label import ColumnType
from components.transform.settings import MISSING, ColumnSettings, FeaturesSettings

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
      one-hot, int64 [batch, 1] for ids. With a `preprocessing_fn` of the user's own, whatever that returns.
    """
    settings = FeaturesSettings.model_validate_json(custom_config["features"])
    if settings.preprocessing_fn:
        own = load_function(settings.preprocessing_fn, "features.preprocessing_fn")
        return own({name: inputs[name] for name in settings.columns})
    raw = {name: _dense(inputs[name], column.type) for name, column in settings.columns.items()}
    outputs = {name: _feature(*raw[name], name, column) for name, column in settings.columns.items()}
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
    return outputs


def _feature(values: Any, present: Any, name: str, column: ColumnSettings) -> Any:
    """One column's values [batch, 1] as a model input."""
    match column.steps[-1]:
        case "vocabulary" | "one_hot" | "hash":
            return _encode(_text(values, present, column), name, column)
        case "identity":
            return _own_id(values, column)
    return _scale(values, present, column)


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


def _text(values: Any, present: Any, column: ColumnSettings) -> Any:
    """Values as strings; a missing one is the `impute` constant, the empty string by default."""
    fill = "" if column.impute in (None, "mean", "median") else str(column.impute)
    if values.dtype == tf.string:
        return tf.where(present, values, tf.constant(fill)) if fill else values
    return tf.where(present, tf.strings.as_string(values), tf.constant(fill))


def _encode(text: Any, name: str, column: ColumnSettings) -> Any:
    """Ids [batch, 1] by hash or vocabulary, or one-hot vectors [batch, size + 1]."""
    if column.steps[-1] == "hash":
        return tft.hash_strings(text, column.size)
    ids = tft.compute_and_apply_vocabulary(
        text, top_k=column.size, num_oov_buckets=UNKNOWN_ID_COUNT, vocab_filename=name
    )
    if column.steps[-1] == "vocabulary":
        return ids
    width = column.size + UNKNOWN_ID_COUNT
    return tf.reshape(tf.one_hot(ids, width, dtype=tf.float32), [-1, width])


def _own_id(values: Any, column: ColumnSettings) -> Any:
    """The integers 0 to size - 1 as they are; anything else, missing included, as `size`."""
    inside = tf.logical_and(values >= 0, values < column.size)
    return tf.where(inside, values, tf.constant(column.size, tf.int64))


def _scale(values: Any, present: Any, column: ColumnSettings) -> Any:
    """Numbers scaled (float32 [batch, 1]) or cut into quantile buckets (int64 [batch, 1])."""
    numbers = tf.cast(values, tf.float32)
    seen = tf.boolean_mask(numbers, present)
    filled = tf.where(present, numbers, _fill(seen, column))
    if column.steps[0] == "log":
        seen, filled = _signed_log(seen), _signed_log(filled)
    match column.steps[-1]:
        case "bucketize":
            boundaries = tft.quantiles(seen, column.buckets, epsilon=0.01)
            return tft.apply_buckets(filled, boundaries)
        case "zscore":
            return _divide(filled - tft.mean(seen), tf.sqrt(tft.var(seen)))
        case "minmax":
            lowest, highest = tft.min(seen), tft.max(seen)
            return _divide(filled - lowest, highest - lowest)
    return filled


def _fill(seen: Any, column: ColumnSettings) -> Any:
    match column.impute:
        case None | "mean":
            return tf.cast(tft.mean(seen), tf.float32)
        case "median":
            return tf.reshape(tft.quantiles(seen, 2, epsilon=0.001), [])
    return tf.constant(float(column.impute), tf.float32)


def _signed_log(x: Any) -> Any:
    """sign(x) * ln(1 + |x|): a logarithm that takes zero and negative numbers."""
    return tf.sign(x) * tf.math.log1p(tf.abs(x))


def _divide(numerator: Any, scale: Any) -> Any:
    """A constant column has no spread: it becomes zero."""
    return tf.math.divide_no_nan(tf.cast(numerator, tf.float32), tf.cast(scale, tf.float32))
