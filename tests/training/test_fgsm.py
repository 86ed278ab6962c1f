"""The fast gradient sign method, against what it is by definition."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.label import LabelSettings
from components.models.inputs import FeatureInput
from components.models.registry import build_model
from components.models.settings import ModelSettings
from components.training.fgsm import perturb

BINARY = LabelSettings(name="tipped")
INPUTS = [FeatureInput("fare"), FeatureInput("hour", ids=5, embedding=2), FeatureInput("photo", (4, 4, 1))]


@pytest.fixture(scope="module")
def features():
    generator = np.random.default_rng(0)
    return {
        "fare": tf.constant(generator.normal(size=(64, 1)), tf.float32),
        "hour": tf.constant(generator.integers(5, size=(64, 1)), tf.int64),
        "photo": tf.constant(generator.uniform(size=(64, 4, 4, 1)), tf.float32),
    }


@pytest.fixture(scope="module")
def labels():
    return tf.constant(np.random.default_rng(1).integers(2, size=(64, 1)), tf.int64)


def logistic(weight: float) -> keras.Model:
    """The score is sigmoid(weight * fare)."""
    fare = keras.Input((1,), name="fare")
    head = keras.layers.Dense(1, "sigmoid", use_bias=False, kernel_initializer=keras.initializers.Constant(weight))
    return keras.Model({"fare": fare}, head(fare))


@pytest.mark.parametrize("weight", [1.0, -3.0])
def test_a_number_moves_by_epsilon_to_where_the_loss_is_higher(weight):
    fares = tf.constant([[0.5], [0.5], [-2.0]])
    moved = perturb(logistic(weight), {"fare": fares}, tf.constant([[1], [0], [1]]), 0.25, "binary")["fare"]
    direction = -np.sign(weight) * np.array([[1], [-1], [1]])
    np.testing.assert_allclose(moved, fares + 0.25 * direction)


def test_a_network_that_is_all_but_certain_is_attacked_all_the_same():
    fares = tf.constant([[9.0], [-9.0]])  # scores that differ from 1 and 0 by less than a float32 can tell
    moved = perturb(logistic(3.0), {"fare": fares}, tf.constant([[1], [0]]), 0.25, "binary")["fare"]
    np.testing.assert_allclose(moved, [[8.75], [-8.75]])


def test_ids_stay_pixels_stay_pixels_and_the_loss_rises(features, labels):
    keras.utils.set_random_seed(1)
    network = build_model(INPUTS, BINARY, ModelSettings())
    moved = perturb(network, features, labels, 0.1, "binary")
    np.testing.assert_array_equal(moved["hour"], features["hour"])
    assert np.all((moved["photo"].numpy() >= 0) & (moved["photo"].numpy() <= 1))
    assert np.max(np.abs(moved["photo"] - features["photo"])) == pytest.approx(0.1, abs=1e-6)
    loss = keras.losses.BinaryCrossentropy()
    assert loss(labels, network(moved)) > loss(labels, network(features)) + 0.01


@pytest.mark.parametrize(
    "label",
    [
        LabelSettings(name="digit", task="multiclass", classes=(0, 1, 2)),
        LabelSettings(name="price", task="regression"),
    ],
)
def test_every_task_has_its_loss_and_the_function_compiles(features, label):
    network = build_model(INPUTS, label, ModelSettings())
    classes = tf.constant(np.random.default_rng(1).integers(2, size=(64, 1)), tf.int64)
    attack = tf.function(lambda rows, labels: perturb(network, rows, labels, 0.1, label.task))
    values = tf.cast(classes, tf.float32) if label.task == "regression" else classes
    moved = attack(features, values)
    np.testing.assert_allclose(np.abs(moved["fare"] - features["fare"]), 0.1, atol=1e-6)
    assert set(moved) == set(features)


def test_epsilon_zero_changes_nothing(features, labels):
    network = build_model(INPUTS, BINARY, ModelSettings())
    moved = perturb(network, features, labels, 0.0, "binary")
    for name, tensor in features.items():
        np.testing.assert_array_equal(moved[name], tensor)
