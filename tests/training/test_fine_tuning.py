"""Transfer learning: frozen layers stay as they were given, then move a little; normalisation keeps its statistics."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from small_fit import DEEP, INPUTS, fit

from components.models.inputs import FeatureInput
from components.training.phases import freeze, thaw
from schema.errors import SettingsError

FROZEN = {"frozen": ["dense_1", "norm_*"], "epochs": 2, "learning_rate": 0.001}


class Weights(keras.callbacks.Callback):
    """Keeps a layer's weights and the rate of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.dense, self.norm, self.scores, self.rates = [], [], [], []

    def on_epoch_end(self, epoch, logs=None):
        network = self.model.network
        self.dense.append(network.get_layer("dense_1").get_weights()[0])
        self.norm.append(np.concatenate(network.get_layer("norm_1").get_weights()))
        self.scores.append(network.get_layer("scores").get_weights()[0])
        self.rates.append(float(self.model.optimizer.learning_rate))


@pytest.fixture(scope="module")
def watched():
    weights = Weights()
    fitted = fit(model=DEEP, epochs=2, fine_tuning=FROZEN, callbacks=[weights])
    return weights, fitted


def test_a_network_starts_from_another_one_s_weights(tmp_path):
    first = fit(model=DEEP, epochs=2)
    first.network.save_weights(tmp_path / "weights.weights.h5")
    weights = Weights()
    second = fit(
        model=DEEP.model_copy(update={"weights": str(tmp_path / "weights.weights.h5")}),
        epochs=1,
        fine_tuning={**FROZEN, "epochs": 1},
        callbacks=[weights],
    )
    np.testing.assert_array_equal(weights.dense[0], first.network.get_layer("dense_1").get_weights()[0])
    assert second.history["loss"][0] < first.history["loss"][0]


def test_frozen_layers_stay_and_the_others_learn(watched):
    weights, _ = watched
    np.testing.assert_array_equal(weights.dense[0], weights.dense[1])
    assert not np.array_equal(weights.scores[0], weights.scores[1])


def test_then_all_layers_learn_at_the_lower_rate(watched):
    weights, fitted = watched
    assert not np.array_equal(weights.dense[1], weights.dense[3])
    np.testing.assert_allclose(weights.rates, [0.01, 0.01, 0.001, 0.001])
    assert fitted.epochs == 4 and len(fitted.history["val_loss"]) == 4


def test_normalisation_keeps_weights_and_statistics_throughout(watched):
    weights, _ = watched
    for epoch in weights.norm[1:]:
        np.testing.assert_array_equal(epoch, weights.norm[0])


def test_a_frozen_normalisation_is_asked_as_it_serves():
    network = _nested()
    freeze(network, ["norm"])
    rows = {"number": np.arange(8.0).reshape(-1, 1)}
    np.testing.assert_array_equal(network(rows, training=True), network(rows, training=False))
    thaw(network, ["norm"])
    np.testing.assert_array_equal(network(rows, training=True), network(rows, training=False))


def test_the_name_of_a_network_inside_means_all_of_its_layers():
    network = _nested()
    freeze(network, ["base"])
    assert [weight.path.split("/")[0] for weight in network.trainable_weights] == ["scores", "scores"]
    thaw(network, ["base"])
    assert {weight.path.split("/")[0] for weight in network.trainable_weights} == {"inner", "scores"}


def test_a_name_that_no_layer_has_is_told_with_those_that_there_are():
    with pytest.raises(SettingsError) as error:
        fit(model=DEEP, fine_tuning={"frozen": ["dense_1", "conv_*"]})
    assert error.value.received == "conv_*"
    assert error.value.expected == "one of embedding_2, dense_1, norm_1, dense_2, scores"


def test_something_must_be_left_to_learn():
    with pytest.raises(SettingsError, match="nothing is left to learn"):
        fit(model=DEEP, fine_tuning={"frozen": ["*"]})


def _nested() -> keras.Model:
    inner = keras.Input((1,))
    layers = keras.layers.BatchNormalization(name="norm")(keras.layers.Dense(3, name="inner")(inner))
    base = keras.Model(inner, layers, name="base")
    [number] = [each for each in INPUTS if isinstance(each, FeatureInput) and each.name == "number"]
    outer = keras.Input(number.shape, name="number")
    return keras.Model({"number": outer}, keras.layers.Dense(1, name="scores")(base(outer)))
