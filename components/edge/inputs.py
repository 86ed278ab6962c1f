"""What a model for the edge takes: pixels as a camera gives them, and columns as they are in the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from components.training.export import argument_names
from components.training.raw_rows import RawRows
from components.transform import images
from components.transform.settings import MISSING, FeaturesSettings

PART = 256
"""Rows that are transformed at once: images in float32 take four times their pixels."""

Scaling = Callable[[Mapping[str, Any]], dict[str, Any]]
"""From a tensor for each argument to a tensor for each feature of the network, by operations that LiteRT has."""


@dataclass(frozen=True)
class RawInput:
    """One argument of the signature, for one row at a time.

    Attributes:
      feature: the image or column.
      argument: its name in the signature, as in the `predict` signature of the SavedModel.
      shape: [1, height, width, channels] of an image, [1] of a column.
      dtype: `uint8` of an image, whose pixels go from 0 to 255; `float32` or `int64` of a column, where NaN and the
        smallest int64 stand for a missing value.
    """

    feature: str
    argument: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def is_image(self) -> bool:
        """Whether it takes pixels."""
        return len(self.shape) > 1


def raw_inputs(features: FeaturesSettings) -> list[RawInput]:
    """The arguments of the signature that every variant has.

    Args:
      features: the `features` section: images, or scaled numbers.
    """
    arguments = argument_names([*features.images, *features.columns])
    pictures = [RawInput(name, arguments[name], (1, *image.shape), "uint8") for name, image in features.images.items()]
    dtypes = {"float": "float32", "int": "int64"}
    columns = [RawInput(name, arguments[name], (1,), dtypes[column.type]) for name, column in features.columns.items()]
    return pictures + columns


def from_pixels(inputs: Sequence[RawInput]) -> Scaling:
    """What makes features of images: the transform graph is of no use, since to it an image is a file."""

    def features(raw: Mapping[str, Any]) -> dict[str, Any]:
        return {each.feature: images.scaled(raw[each.argument]) for each in inputs}

    return features


def from_columns(inputs: Sequence[RawInput], rows: RawRows) -> Scaling:
    """What makes features of columns: the transform graph that the network was trained behind."""

    def features(raw: Mapping[str, Any]) -> dict[str, Any]:
        columns = {each.feature: _parsed(raw[each.argument], rows.spec[each.feature]) for each in inputs}
        return rows.transform_layer.call(columns)

    return features


def _parsed(value: Any, spec: Any) -> Any:
    """A value as the transform graph takes it.

    A missing one is not left out of the sparse tensor: what stands for it is what the graph would fill in. So the
    tensor has one value in any case, and the converter knows all shapes.
    """
    if isinstance(spec, tf.io.FixedLenFeature):
        return value[:, tf.newaxis]
    return tf.SparseTensor([[0, 0]], value, [1, 1])


class RowReader:
    """Reads rows as the arguments of the signature.

    Args:
      transform: from serialized rows to the transformed features: the `transform_features` signature.
      inputs: the arguments.
    """

    def __init__(self, transform: Any, inputs: Sequence[RawInput]) -> None:
        self._transform = transform
        self._inputs = inputs
        self._spec = {each.feature: _column(tf.as_dtype(each.dtype)) for each in inputs if not each.is_image}

    def read(self, examples: Sequence[bytes]) -> dict[str, np.ndarray]:
        """The arguments of rows, one or more.

        Args:
          examples: serialized tf.Examples.

        Returns:
          By argument: uint8 [rows, height, width, channels], float32 [rows] or int64 [rows].
        """
        parts = [self._part(examples[start : start + PART]) for start in range(0, len(examples), PART)]
        return {each.argument: np.concatenate([part[each.argument] for part in parts]) for each in self._inputs}

    def _part(self, examples: Sequence[bytes]) -> dict[str, np.ndarray]:
        serialized = tf.constant(list(examples))
        parsed = tf.io.parse_example(serialized, self._spec) if self._spec else {}
        pictures = self._transform(serialized) if any(each.is_image for each in self._inputs) else {}
        return {
            each.argument: images.whole(pictures[each.feature]).numpy()
            if each.is_image
            else parsed[each.feature].numpy()
            for each in self._inputs
        }


def _column(dtype: tf.DType) -> Any:
    """A column as parsed: [rows], what stands for a missing value where there is none."""
    return tf.io.FixedLenFeature([], dtype, default_value=MISSING["float" if dtype.is_floating else "int"])
