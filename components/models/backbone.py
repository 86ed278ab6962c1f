"""A network of `keras.applications` for one image, averaged over its pixels beside the other features, then dense."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from components.models import blocks
from components.models.inputs import FeatureInput, Head, the_image
from components.models.settings import IMAGENET, Backbone, ModelSettings
from schema.errors import SettingsError, first_line

NAME = "backbone"
"""The layer that holds the network, by which it can be frozen."""

_APPLICATIONS: dict[Backbone, Callable[..., Any]] = {
    "mobilenet_v3_small": keras.applications.MobileNetV3Small,
    "mobilenet_v3_large": keras.applications.MobileNetV3Large,
    "efficientnet_v2_b0": keras.applications.EfficientNetV2B0,
}


def build(inputs: Sequence[FeatureInput], head: Head, settings: ModelSettings) -> keras.Model:
    """Builds a network around a backbone.

    Args:
      inputs: the transformed features, one image among them.
      head: units and activation of the output layer.
      settings: the `model` section.

    Returns:
      An uncompiled Keras model. The backbone is its layer `backbone`.

    Raises:
      SettingsError: there is not exactly one image, or the backbone cannot take it, or its weights cannot be had.

    Input shape: a dictionary of [batch, *shape] tensors, by feature name.
    Output shape: [batch, head.units], float32.
    """
    image, others = the_image(inputs, settings)
    tensors = blocks.input_tensors(inputs)
    # The backbones scale pixels for themselves, each in its own way, from what an image file holds.
    pixels = keras.layers.Rescaling(255, name="pixels")(tensors[image.name])
    columns = [_backbone(image, settings)(pixels), *blocks.numbers(others, tensors), *blocks.vectors(others, tensors)]
    x = blocks.dense_layers(blocks.side_by_side(columns), settings.layers)
    return keras.Model(tensors, blocks.scores(x, head), name=NAME)


def _backbone(image: FeatureInput, settings: ModelSettings) -> keras.Model:
    imagenet = settings.weights == IMAGENET
    try:
        found = _APPLICATIONS[settings.backbone](
            include_top=False, weights=IMAGENET if imagenet else None, input_shape=image.shape, pooling="avg"
        )
    except Exception as error:  # Keras raises no narrower one where a download fails
        if not imagenet:
            raise
        raise SettingsError(
            f"Keras cannot download the ImageNet weights of {settings.backbone}.",
            where="model.weights: imagenet",
            expected="access to storage.googleapis.com, or the file in Keras's cache, ~/.keras/models",
            received=first_line(error),
            fix="download them where there is access, and name the file: `model.weights: FILE.h5`",
        ) from error
    return keras.Model(found.input, found.output, name=NAME)
