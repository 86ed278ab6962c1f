"""Optimisers, schedules and losses, against what Keras or arithmetic says."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_fit import BINARY, THREE, fit

from components.training.compilation import loss, optimizer
from components.training.settings import TrainingSettings

SCORES = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], np.float32)


def rates(steps: int = 100, **schedule) -> list[float]:
    """The learning rate at each step."""
    chosen = optimizer(TrainingSettings(schedule=schedule), 1.0, steps)
    found = []
    for step in range(steps):
        chosen.iterations.assign(step)
        found.append(float(chosen.learning_rate))
    return found


@pytest.mark.parametrize("kind", ["cosine", "exponential"])
def test_a_schedule_falls_to_its_share(kind):
    found = rates(kind=kind, decay_rate=0.2)
    assert found[0] == 1 and found[-1] == pytest.approx(0.2, rel=0.05)
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("kind", ["cosine", "exponential"])
def test_warm_up_rises_in_a_line_and_then_falls_over_the_steps_that_are_left(kind):
    found = rates(kind=kind, decay_rate=0.2, warm_up=0.1)
    np.testing.assert_allclose(found[:10], np.arange(1, 11) / 10, rtol=1e-6)
    np.testing.assert_allclose(found[9:99], rates(90, kind=kind, decay_rate=0.2), rtol=1e-5)


def test_gradients_are_clipped_by_their_common_norm():
    weights = [keras.Variable([0.0, 0.0]), keras.Variable([0.0])]
    chosen = optimizer(TrainingSettings(optimizer="sgd", clip_norm=1.0), 1.0, 1)
    chosen.apply([np.array([3.0, 0.0], np.float32), np.array([4.0], np.float32)], weights)
    np.testing.assert_allclose(weights[0], [-0.6, 0], rtol=1e-6)
    np.testing.assert_allclose(weights[1], [-0.8], rtol=1e-6)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop", "adagrad", "nadam", "lion"])
def test_every_optimiser_takes_decay_clipping_and_a_schedule(name):
    settings = TrainingSettings(
        optimizer=name, weight_decay=0.1, clip_norm=1.0, schedule={"kind": "cosine", "warm_up": 0.5}
    )
    weight = keras.Variable([1.0])
    optimizer(settings, 0.1, 10).apply([np.zeros(1, np.float32)], [weight])
    assert 0.99 < float(weight.numpy()[0]) < 1  # no gradient: only the decay moves it


@given(st.floats(0.01, 0.9))
def test_smoothed_labels_of_several_classes_are_those_of_keras_spelled_out(share):
    smoothed = loss(TrainingSettings(label_smoothing=share), "multiclass")(np.array([[0], [2]]), SCORES)
    target = np.eye(3)[[0, 2]] * (1 - share) + share / 3
    np.testing.assert_allclose(smoothed, -(target * np.log(SCORES)).sum(axis=1), rtol=1e-4)


def test_smoothed_labels_of_two_classes_are_keras_s():
    chosen = loss(TrainingSettings(label_smoothing=0.2), "binary")
    found = chosen(np.array([[1], [0]]), np.array([[0.8], [0.3]], np.float32))
    expected = -np.mean([0.9 * np.log(0.8) + 0.1 * np.log(0.2), 0.1 * np.log(0.3) + 0.9 * np.log(0.7)])
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("label", [BINARY, THREE], ids=lambda label: label.task)
def test_smoothing_makes_a_network_less_certain(label):
    scores = [
        fit(label=label, epochs=15, label_smoothing=share).network.predict(_rows(label), verbose=0)
        for share in (0.0, 0.3)
    ]
    assert np.abs(scores[1] - 0.5).max() < np.abs(scores[0] - 0.5).max()


def _rows(label):
    from small_fit import splits

    return splits(label=label).eval.map(lambda features, _: features)
