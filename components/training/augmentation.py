"""Random changes of images, by Keras's preprocessing layers; a part of the training step and of nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import keras

from components.training.settings import AugmentationSettings


class Augmentation(keras.layers.Layer):
    """Changes the images among the features, each row in its own way; pixels stay in [0, 1].

    Args:
      settings: which changes, and how large.
      images: names of the features that are images.
      seed: of all changes.
    """

    def __init__(self, settings: AugmentationSettings, images: Sequence[str], seed: int) -> None:
        super().__init__(name="augmentation", autocast=False)
        # In float32 whatever the precision of the training, as pixels come.
        self.changes = {
            name: list(_layers(settings, seed + number, dtype="float32")) for number, name in enumerate(images)
        }

    def call(self, features: dict[str, Any]) -> dict[str, Any]:
        """The features by name, images changed; others as they were."""
        changed = dict(features)
        for name, layers in self.changes.items():
            for layer in layers:
                changed[name] = layer(changed[name], training=True)
        return changed


def _layers(settings: AugmentationSettings, seed: int, dtype: str) -> Iterator[keras.layers.Layer]:
    common = {"seed": seed, "dtype": dtype}
    if settings.flip:
        mode = "horizontal_and_vertical" if settings.flip == "both" else settings.flip
        yield keras.layers.RandomFlip(mode, **common)
    if settings.rotate:
        yield keras.layers.RandomRotation(settings.rotate / 360, **common)
    if settings.translate:
        yield keras.layers.RandomTranslation(settings.translate, settings.translate, **common)
    if settings.zoom:
        yield keras.layers.RandomZoom(settings.zoom, **common)
    if settings.brightness:
        yield keras.layers.RandomBrightness(settings.brightness, value_range=(0, 1), **common)
