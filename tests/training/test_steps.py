"""The step with a tape is Keras's own step written out; a loss of the user's own takes its place in it."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import two_replicas
from fresh_process import fresh
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


@pytest.fixture(params=["float32", "mixed_float16"])
def precision(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("label", [BINARY, THREE, PRICE], ids=lambda label: label.task)
def test_tape_and_fit_are_the_same(label):
    settings = {"label": label, "model": DEEP, "clip_norm": 0.5}
    if label is not PRICE:
        settings["class_weights"] = "balanced"
    same(fit(step="fit", **settings), fit(step="tape", **settings))


def test_in_mixed_precision_the_loss_is_scaled_in_both(precision):
    first, second = (fit(step=step, model=DEEP) for step in ("fit", "tape"))
    same(first, second, rtol=1e-5 if precision == "float32" else 1e-2)
    scales = isinstance(second.trainable.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scales == (precision == "mixed_float16")
    assert second.history["loss"][-1] < second.history["loss"][0]


def test_with_adversarial_rows_too():
    settings = {"model": DEEP, "adversarial": {"epsilon": 0.1}}
    same(fit(step="fit", **settings), fit(step="tape", **settings))


def test_two_replicas_learn_what_one_does():
    """In a process of its own: devices are cut in two before TensorFlow looks at them."""
    ended = fresh(two_replicas)
    assert ended.returncode == 0, ended.stderr
    runs = json.loads(ended.stdout)
    for step, (alone, together) in runs.items():
        np.testing.assert_allclose(alone, together, rtol=1e-4, err_msg=step)


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
