"""The exported model takes an image as its file or as its pixels, and tells what does not fit."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from pictures import encoded
from small_images import LABEL, WITH_COLUMNS, decode, rows, striped
from small_training import Trained, build, serialize

from components.models.inputs import FeatureInput
from components.models.registry import build_model
from components.models.settings import ModelSettings
from components.transform.images import from_pixels
from components.transform.settings import FeaturesSettings, ImageSettings


@pytest.fixture(scope="module")
def served(trained_on_images: Trained) -> Any:
    return tf.saved_model.load(str(trained_on_images.model)).signatures


def columns(rows: list[dict[str, Any]]) -> dict[str, tf.Tensor]:
    """The tabular columns as arguments."""
    return {
        "hour": tf.constant([row["hour"] for row in rows], tf.int64),
        "gain": tf.constant([r["gain"] for r in rows]),
    }


def by_pixels(served: Any, rows: list[dict[str, Any]], *images: np.ndarray) -> np.ndarray:
    return served["pixels"](photo=tf.constant(np.stack(images)), **columns(rows))["scores"].numpy()


def test_the_network_learns_to_tell_stripes(trained_on_images: Trained) -> None:
    record = json.loads((trained_on_images.model_run / "training.json").read_text())
    assert record["eval"]["binary_accuracy"] > 0.9


def test_examples_files_and_pixels_give_the_same_scores(trained_on_images: Trained, served: Any) -> None:
    some = trained_on_images.rows[:30]
    by_example = served["serving_default"](examples=tf.constant([serialize(row) for row in some]))["scores"].numpy()
    by_file = served["predict"](photo=tf.constant([row["photo"] for row in some]), **columns(some))["scores"].numpy()
    np.testing.assert_array_equal(by_file, by_example)
    for row, score in zip(some, by_example, strict=True):  # their sizes differ
        np.testing.assert_allclose(by_pixels(served, [row], decode(row["photo"])), [score], atol=1e-6)


def test_pixels_of_one_size_go_in_a_batch_of_that_size(trained_on_images: Trained, served: Any) -> None:
    some = trained_on_images.rows[:3]
    images = [striped("down", (40, 50), seed) for seed in range(3)]
    files = tf.constant([encoded(image) for image in images])
    expected = served["predict"](photo=files, **columns(some))["scores"]
    np.testing.assert_array_equal(by_pixels(served, some, *images), expected)


@pytest.mark.parametrize("shape", [(16, 16, 1), (16, 16, 4), (16, 16), (1, 16, 16, 3)])
def test_a_wrong_channel_count_is_told_with_what_was_expected(
    trained_on_images: Trained, served: Any, shape: tuple[int, ...]
) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"`photo`.*\[batch, rows, columns, 3\] is expected"):
        by_pixels(served, trained_on_images.rows[:1], np.zeros(shape, np.uint8))


@pytest.mark.parametrize("photo", [None, b"", b"GIF89a", encoded(striped("down"))[:100]])
def test_an_image_that_cannot_be_decoded_is_told(served: Any, photo: bytes | None) -> None:
    row = {"photo": photo, "hour": 1, "gain": 0.5}
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"image `photo`|Invalid PNG data"):
        served["serving_default"](examples=tf.constant([serialize(row)]))


def test_images_alone_and_a_dense_network(tmp_path: Any) -> None:
    features = FeaturesSettings(images=WITH_COLUMNS.images)
    some = rows(60)
    trained = build(tmp_path, some, features=features, label=LABEL, sliced="gain", model=ModelSettings(), epochs=1)
    served = tf.saved_model.load(str(trained.model)).signatures
    images = np.stack([striped("down", seed=seed) for seed in range(5)])
    by_file = served["predict"](photo=tf.constant([encoded(image) for image in images]))["scores"]
    np.testing.assert_array_equal(served["pixels"](photo=tf.constant(images))["scores"], by_file)


@pytest.mark.slow
def test_a_backbone_is_trained_and_served(tmp_path: Any) -> None:
    features = FeaturesSettings(images={"photo": ImageSettings(height=32, width=32)})
    model = ModelSettings(build="backbone", layers=())
    trained = build(tmp_path, rows(60), features=features, label=LABEL, sliced="gain", model=model, epochs=1)
    served = tf.saved_model.load(str(trained.model)).signatures
    images = np.stack([striped("down", seed=seed) for seed in range(3)])
    by_file = served["predict"](photo=tf.constant([encoded(image) for image in images]))["scores"]
    np.testing.assert_allclose(served["pixels"](photo=tf.constant(images))["scores"], by_file, atol=1e-6)
    again = ModelSettings(build="backbone", layers=(), weights=str(trained.model_run / "weights.weights.h5"))
    network = build_model([FeatureInput("photo", (32, 32, 3))], LABEL, again)
    photo = from_pixels(tf.constant(images), "photo", features.images["photo"])
    np.testing.assert_allclose(network({"photo": photo}, training=False), by_file, atol=1e-5)


def test_a_function_of_the_users_own_gets_the_files(tmp_path: Any) -> None:
    features = FeaturesSettings(
        images={"photo": WITH_COLUMNS.images["photo"]}, preprocessing_fn="own_functions:thumbnails"
    )
    trained = build(tmp_path, rows(60), features=features, label=LABEL, sliced="gain", model=ModelSettings(), epochs=1)
    served = tf.saved_model.load(str(trained.model)).signatures
    assert "pixels" not in served
    found = served["transform_features"](examples=tf.constant([serialize({"photo": encoded(striped("down"))})]))
    assert {name: tensor.shape for name, tensor in found.items()} == {"thumbnail": (1, 4, 4, 3)}
    scores = served["predict"](photo=tf.constant([encoded(striped("down"))]))["scores"]
    assert scores.shape == (1, 1)
