"""Adversarial training makes a network that small changes mislead less."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from small_fit import BINARY, INPUTS, PHOTO, PLAIN, fit, in_two, splits

from components.training.fgsm import perturb
from schema.errors import SettingsError


@pytest.fixture(scope="module")
def tempting():
    """Photos with two bright pixels that tell the label in 19 of 20 cases; all others tell it by a shade."""
    generator = np.random.default_rng(0)
    labels = generator.integers(2, size=(1200, 1))
    side = (2 * labels - 1)[:, :, None, None]
    photos = 0.5 + 0.08 * side + 0.1 * generator.normal(size=(1200, 8, 8, 1))
    photos[:, :1, :2] = 0.5 + 0.3 * side * generator.choice([1, -1], p=[0.95, 0.05], size=(1200, 1, 1, 1))
    return in_two({"photo": photos.clip(0, 1).astype(np.float32)}, labels, BINARY)


def accuracy(fitted, data, epsilon: float) -> float:
    """Share of the eval split that is told right after each pixel has moved by epsilon."""
    right = []
    for features, labels in data.eval:
        moved = perturb(fitted.network, features, labels, epsilon, "binary")
        right.append((fitted.network(moved).numpy() > 0.5) == labels.numpy())
    return float(np.concatenate(right).mean())


def test_accuracy_under_attack_is_higher_than_without_it(tempting):
    settings = {"epochs": 15, "model": PLAIN}
    plain = fit(PHOTO, tempting, **settings)
    hardened = fit(PHOTO, tempting, adversarial={"epsilon": 0.1}, **settings)
    assert accuracy(plain, tempting, 0.0) == pytest.approx(0.95, abs=0.02)
    assert accuracy(hardened, tempting, 0.0) == pytest.approx(0.95, abs=0.02)
    assert accuracy(hardened, tempting, 0.1) > accuracy(plain, tempting, 0.1) + 0.1


def test_the_loss_is_a_mix_of_clean_and_perturbed_rows():
    fitted = fit(epochs=1, adversarial={"epsilon": 0.2, "weight": 0.25})
    features, labels = next(iter(splits().eval))
    trainable = fitted.trainable

    def loss(rows, training: bool) -> float:
        return float(trainable.compute_loss(rows, labels, trainable(rows), training=training))

    clean = loss(features, training=False)
    hard = loss(perturb(fitted.network, features, labels, 0.2, "binary"), training=False)
    assert hard > clean
    assert loss(features, training=True) == pytest.approx(0.75 * clean + 0.25 * hard, rel=1e-5)


def test_the_eval_split_is_judged_as_it_is():
    fitted = fit(adversarial={"epsilon": 1.0, "weight": 1.0})
    scores = np.concatenate([fitted.network(features).numpy() for features, _ in splits().eval])
    labels = np.concatenate([labels.numpy() for _, labels in splits().eval])
    expected = keras.losses.BinaryCrossentropy()(labels, scores)
    assert fitted.history["val_loss"][-1] == pytest.approx(float(expected), rel=1e-4)


def test_ids_alone_cannot_be_moved():
    with pytest.raises(SettingsError, match="nothing to move"):
        fit([each for each in INPUTS if each.ids], adversarial={"epsilon": 0.1})
