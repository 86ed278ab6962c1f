"""The step with a tape is Keras's own step written out; a loss of the user's own takes its place in it."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_fit import BINARY, DEEP, PHOTO, PRICE, THREE, fit, pictures, splits

from components.models.settings import LayerSettings, ModelSettings
from schema.errors import SettingsError


def same(first, second, rtol: float = 1e-5) -> None:
    """Two fits came to the same history and the same weights."""
    assert first.history.keys() == second.history.keys()
    for name in first.history:
        np.testing.assert_allclose(first.history[name], second.history[name], rtol=rtol, err_msg=name)
    for one, other in zip(first.network.get_weights(), second.network.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-6)


@pytest.mark.parametrize("label", [BINARY, THREE, PRICE], ids=lambda label: label.task)
def test_tape_and_fit_are_the_same(label):
    settings = {"label": label, "model": DEEP, "clip_norm": 0.5}
    if label is not PRICE:
        settings["class_weights"] = "balanced"
    same(fit(step="fit", **settings), fit(step="tape", **settings))


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_in_mixed_precision_the_loss_is_scaled_in_both(precision):
    optimizers = []
    noting = keras.callbacks.LambdaCallback()
    noting.on_train_begin = lambda logs: optimizers.append(noting.model.optimizer)
    settings = {"model": DEEP, "accelerator": {"precision": precision}, "callbacks": [noting]}
    first, second = (fit(step=step, **settings) for step in ("fit", "tape"))
    same(first, second, rtol=1e-5 if precision == "float32" else 1e-2)
    scaled = [isinstance(optimizer, keras.optimizers.LossScaleOptimizer) for optimizer in optimizers]
    assert scaled == [precision == "mixed_float16"] * 2
    assert second.history["loss"][-1] < second.history["loss"][0]


def test_with_adversarial_rows_too():
    settings = {"model": DEEP, "adversarial": {"epsilon": 0.1}}
    same(fit(step="fit", **settings), fit(step="tape", **settings))


def test_the_articles_loop_learns_as_fit_does():
    """Dense(64, relu), Dense(10, softmax), Adam at 0.001: see the preset `custom-loop`."""
    model = ModelSettings(layers=(LayerSettings(units=64),))
    runs = [fit(PHOTO, pictures(), model, step=step, learning_rate=0.001, epochs=5) for step in ("fit", "tape")]
    same(*runs)


def test_a_loss_of_the_users_own_that_is_the_usual_one_changes_nothing():
    settings = {"model": DEEP, "class_weights": "balanced"}
    own = fit(step="own_functions:weighted_cross_entropy", **settings)
    same(fit(step="tape", **settings), own, rtol=1e-4)


def test_a_loss_of_the_users_own_may_ask_the_network_again():
    smooth = fit(step="own_functions:small_gradients", epochs=6)
    plain = fit(epochs=6)

    def slope(fitted) -> float:
        features, _ = next(iter(splits().eval))
        numbers = features["number"]
        with tf.GradientTape() as tape:
            tape.watch(numbers)
            scores = fitted.network({**features, "number": numbers})
        return float(tf.reduce_mean(tf.square(tape.gradient(scores, numbers))))

    assert slope(smooth) < 0.5 * slope(plain)
    assert smooth.history["val_loss"][-1] < smooth.history["val_loss"][0]


@pytest.mark.parametrize(("name", "received"), [("no_loss", "string"), ("pairs", r"\(None, 2\)")])
def test_what_is_no_loss_is_refused(name, received):
    with pytest.raises(SettingsError, match=rf"expected: a float tensor.*\n  received: .*{received}"):
        fit(step=f"own_functions:{name}")


def test_a_loss_that_is_not_there_is_told_by_name():
    with pytest.raises(SettingsError, match=r"training\.step"):
        fit(step="own_functions:no_such")
