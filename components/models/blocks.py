"""What networks have in common: their inputs, the tabular features side by side, dense layers, the head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from components.models.inputs import FeatureInput, Head
from components.models.settings import Activation, LayerSettings

Tensors = Mapping[str, keras.KerasTensor]
"""A network's input tensors by feature."""


def input_tensors(inputs: Sequence[FeatureInput]) -> dict[str, keras.KerasTensor]:
    """An input layer for each feature."""
    return {each.name: keras.Input(each.shape, name=each.layer_name, dtype=each.dtype) for each in inputs}


def numbers(inputs: Sequence[FeatureInput], tensors: Tensors) -> list[keras.KerasTensor]:
    """The features that are numbers, and images flattened: float32 [batch, width] each."""
    return [
        keras.layers.Flatten(name=f"flat_{each.layer_name}")(tensors[each.name])
        if each.is_image
        else tensors[each.name]
        for each in inputs
        if each.ids is None
    ]


def vectors(inputs: Sequence[FeatureInput], tensors: Tensors) -> list[keras.KerasTensor]:
    """Learned vectors of all ids, [batch, width * number of ids] for each width.

    Features whose vectors are equally wide share a table, in which each has rows of its own: one look-up and one
    weight update a step in place of one for each feature.
    """
    found = []
    for width in sorted({each.embedding for each in inputs if each.embedding}):
        group = [each for each in inputs if each.embedding == width]
        starts = np.cumsum([0] + [each.ids or 0 for each in group])
        ids = [tensors[each.name] for each in group]
        joined = ids[0] if len(ids) == 1 else keras.layers.Concatenate(name=f"ids_{width}")(ids)
        rows = joined + np.repeat(starts[:-1], [each.width for each in group])
        table = keras.layers.Embedding(int(starts[-1]), width, name=f"embedding_{width}")
        found.append(keras.layers.Flatten(name=f"vectors_{width}")(table(rows)))
    return found


def side_by_side(columns: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
    """One tensor [batch, sum of the widths]."""
    return columns[0] if len(columns) == 1 else keras.layers.Concatenate(name="features")(columns)


def dense_layers(x: keras.KerasTensor, layers: Sequence[LayerSettings]) -> keras.KerasTensor:
    """The hidden layers of `model.layers`."""
    for number, layer in enumerate(layers, start=1):
        regularizer = keras.regularizers.L2(layer.l2) if layer.l2 else None
        dense = keras.layers.Dense(
            layer.units,
            # The bias would be cancelled by the normalisation's own.
            use_bias=not layer.batch_normalization,
            kernel_regularizer=regularizer,
            name=f"dense_{number}",
        )
        x = activated(dense(x), layer.activation, layer.batch_normalization, f"{number}")
        x = dropped(x, layer.dropout, f"{number}")
    return x


def activated(x: keras.KerasTensor, activation: Activation, normalize: bool, suffix: str) -> keras.KerasTensor:
    """Batch normalisation, if asked for, then the activation."""
    if normalize:
        x = keras.layers.BatchNormalization(name=f"norm_{suffix}")(x)
    return keras.layers.Activation(activation, name=f"{activation}_{suffix}")(x)


def dropped(x: keras.KerasTensor, share: float, suffix: str) -> keras.KerasTensor:
    """Dropout, if asked for."""
    return keras.layers.Dropout(share, name=f"dropout_{suffix}")(x) if share else x


def scores(x: keras.KerasTensor, head: Head) -> keras.KerasTensor:
    """The output layer, in float32: that keeps the loss exact under mixed precision."""
    return keras.layers.Dense(head.units, head.activation, name="scores", dtype="float32")(x)
