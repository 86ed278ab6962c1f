"""Images are changed while training, each in its own way, and nowhere else."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_fit import PHOTO, fit, pictures

from components.training.augmentation import Augmentation
from components.training.settings import AugmentationSettings

ALL = {"flip": "both", "rotate": 30, "translate": 0.2, "zoom": 0.2, "brightness": 0.3}


def augment(photos: np.ndarray, seed: int = 1, **settings) -> np.ndarray:
    """What becomes of photos [batch, height, width, channels]."""
    layer = Augmentation(AugmentationSettings(**settings), ["photo"], seed)
    return layer({"photo": tf.constant(photos, tf.float32)})["photo"].numpy()


@pytest.fixture(scope="module")
def photos():
    return np.random.default_rng(0).uniform(size=(32, 12, 16, 3)).astype(np.float32)


@pytest.mark.parametrize("name", ALL)
def test_each_change_keeps_shape_and_range_and_differs_from_row_to_row(photos, name):
    changed = augment(photos, **{name: ALL[name]})
    assert changed.shape == photos.shape
    assert changed.min() >= 0 and changed.max() <= 1
    differences = np.abs(changed - photos).mean(axis=(1, 2, 3))
    assert differences.max() > 0.01 and len(np.unique(differences.round(6))) > 1


def test_a_flip_mirrors_some_of_the_images(photos):
    changed = augment(photos, flip="horizontal")
    mirrored = [np.array_equal(new, old[:, ::-1]) for new, old in zip(changed, photos, strict=True)]
    same = [np.array_equal(new, old) for new, old in zip(changed, photos, strict=True)]
    assert any(mirrored) and any(same) and all(np.logical_xor(mirrored, same))


def test_brightness_moves_all_pixels_by_at_most_its_share():
    changed = augment(np.full((64, 4, 4, 1), 0.5), brightness=0.2)
    assert np.ptp(changed, axis=(1, 2, 3)).max() == 0
    assert 0.15 < np.abs(changed - 0.5).max() <= 0.2 + 1e-6


def test_a_rotation_is_in_degrees():
    line = np.zeros((200, 33, 33, 1))
    line[:, 16, :] = 1  # a level line; how far its right end moves tells the angle
    rows = augment(line, rotate=20)[:, :, 30, 0].argmax(axis=1) - 16
    degrees = np.degrees(np.arctan2(rows, 14))
    assert 14 < np.abs(degrees).max() < 24


def test_the_seed_decides(photos):
    np.testing.assert_array_equal(augment(photos, **ALL), augment(photos, **ALL))
    assert not np.array_equal(augment(photos, **ALL), augment(photos, seed=2, **ALL))


def test_other_features_pass_as_they_are(photos):
    layer = Augmentation(AugmentationSettings(**ALL), ["photo"], 1)
    hour = tf.constant([[3]], tf.int64)
    assert layer({"photo": photos[:1], "hour": hour})["hour"] is hour


@pytest.mark.parametrize("xla", [False, True])
def test_it_runs_in_the_training_step_with_and_without_xla(xla):
    fitted = fit(PHOTO, pictures(), augmentation={**ALL, "flip": "vertical"}, epochs=1)
    fitted.trainable.compile("adam", "binary_crossentropy", jit_compile=xla)
    data = pictures()
    before = fitted.evaluate(data.train)["loss"]
    after = fitted.trainable.fit(data.train, epochs=8, verbose=0).history["loss"][-1]
    assert after < before


def test_a_fit_is_the_same_again_and_its_network_knows_nothing_of_it():
    first, second = (fit(PHOTO, pictures(), augmentation={"flip": "vertical", "rotate": 10}) for _ in range(2))
    assert first.history == second.history
    assert first.history != fit(PHOTO, pictures()).history
    names = {type(layer).__name__ for layer in first.network.layers}
    assert not any(name.startswith("Random") for name in names)
    assert isinstance(first.network, keras.Model) and first.network.variables == first.network.weights
    losses = [first.evaluate(pictures().eval)["loss"] for _ in range(2)]
    assert losses[0] == losses[1]
