"""The transform graph as functions: raw rows in, features as the network takes them out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from components.label import ColumnType

EXAMPLES = tf.TensorSpec([None], tf.string, "examples")


class RawRows(tf.Module):
    """Turns raw rows into features; the input pipeline and the exported model share it.

    Args:
      transform_output: the `tft.TFTransformOutput` of the Transform step.
      columns: type of each raw column that the network reads, by name.

    Attributes:
      columns: the same types, by name.
      data: feature specification of all raw columns, those that the network does not read among them.
      spec: feature specification of the raw columns that it reads.
      transform: from serialized rows, string [batch], to the transformed features by name.
      apply: from parsed raw columns by name to the transformed features by name.
    """

    def __init__(self, transform_output: Any, columns: Mapping[str, ColumnType]) -> None:
        super().__init__()
        self.columns = dict(columns)
        self.data = transform_output.raw_feature_spec()
        self.spec = {name: self.data[name] for name in columns}
        self.transform_layer = transform_output.transform_features_layer()
        # Tracing costs more than a small training. Each function is traced once, here, and called from all
        # signatures and from the input pipeline; AutoGraph has nothing to convert in them.
        raw = {name: _tensor_spec(spec) for name, spec in self.spec.items()}
        self.apply = tf.function(self.transform_layer.call, input_signature=[raw], autograph=False)
        self.transform = tf.function(self._transform, input_signature=[EXAMPLES], autograph=False)

    def _transform(self, examples: Any) -> dict[str, Any]:
        return self.apply(tf.io.parse_example(examples, self.spec))


def _tensor_spec(spec: Any) -> Any:
    """What a parsed column looks like to a traced function."""
    if isinstance(spec, tf.io.FixedLenFeature):
        return tf.TensorSpec([None, *spec.shape], spec.dtype)
    return tf.SparseTensorSpec([None, None], spec.dtype)
