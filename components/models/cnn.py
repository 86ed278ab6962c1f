"""The convolutional network: one image through convolutions, flattened beside the other features, then dense layers."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from components.models import blocks
from components.models.inputs import FeatureInput, Head, the_image
from components.models.settings import ConvolutionSettings, ModelSettings


def build(inputs: Sequence[FeatureInput], head: Head, settings: ModelSettings) -> keras.Model:
    """Builds a convolutional network from settings.

    Args:
      inputs: the transformed features, one image among them.
      head: units and activation of the output layer.
      settings: the `model` section.

    Returns:
      An uncompiled Keras model.

    Raises:
      SettingsError: there is not exactly one image, or it is too small.

    Input shape: a dictionary of [batch, *shape] tensors, by feature name.
    Output shape: [batch, head.units], float32.
    """
    image, others = the_image(inputs, settings)
    tensors = blocks.input_tensors(inputs)
    x = tensors[image.name]
    for number, convolution in enumerate(settings.convolutions, start=1):
        x = _convolution(x, convolution, number)
    flat = keras.layers.Flatten(name=f"flat_{image.layer_name}")(x)
    columns = [flat, *blocks.numbers(others, tensors), *blocks.vectors(others, tensors)]
    x = blocks.dense_layers(blocks.side_by_side(columns), settings.layers)
    return keras.Model(tensors, blocks.scores(x, head), name="cnn")


def _convolution(x: keras.KerasTensor, settings: ConvolutionSettings, number: int) -> keras.KerasTensor:
    """Convolution, batch normalisation, activation, pooling, dropout."""
    convolution = keras.layers.Conv2D(
        settings.filters,
        settings.kernel,
        padding=settings.padding,
        # The bias would be cancelled by the normalisation's own.
        use_bias=not settings.batch_normalization,
        name=f"conv_{number}",
    )
    suffix = f"conv_{number}"
    x = blocks.activated(convolution(x), settings.activation, settings.batch_normalization, suffix)
    if settings.pool > 1:
        x = keras.layers.MaxPooling2D(settings.pool, name=f"pool_{number}")(x)
    return blocks.dropped(x, settings.dropout, suffix)
