"""Which networks have embeddings, and that the exported model gives them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_training import Trained, serialize

from components.evaluation import saved_model
from components.feature_statistics import by_name
from components.models.embeddings import embedder
from components.monitor import profile


def network(*layers) -> keras.Model:
    inputs = {"x": keras.Input((4,), name="x")}
    tensor = inputs["x"]
    for layer in layers:
        tensor = layer(tensor)
    return keras.Model(inputs, tensor)


def test_embeddings_are_what_the_last_layer_with_weights_reads():
    last = keras.layers.Dense(1)
    model = network(keras.layers.Dense(6, "relu"), keras.layers.Dropout(0.5), last, keras.layers.Activation("sigmoid"))
    found = embedder(model)
    rows = {"x": np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)}
    assert found.output_shape == (None, 6)
    np.testing.assert_allclose(keras.ops.sigmoid(last(found(rows))), model(rows), atol=1e-6)


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.last = keras.layers.Dense(1)

    def call(self, features):
        return self.last(features["x"])


@pytest.mark.parametrize(
    "model",
    [
        Own(),
        network(keras.layers.Activation("sigmoid")),
        network(keras.layers.Reshape((2, 2)), keras.layers.Conv1D(1, 2), keras.layers.Flatten()),
    ],
    ids=["no graph of layers", "no weights", "no row of numbers"],
)
def test_a_network_without_such_a_layer_has_none(model):
    assert embedder(model) is None


def test_the_exported_model_gives_embeddings_that_fit_its_profile(trained: Trained):
    served = tf.saved_model.load(str(trained.model)).signatures
    held_out = trained.rows[len(trained.rows) * 5 // 6 :]
    examples = tf.constant([serialize(row) for row in held_out])
    embeddings = served["embeddings"](examples=examples)["embeddings"].numpy()
    assert embeddings.shape == (200, 16) and embeddings.dtype == np.float32
    about = profile.read(trained.model)
    assert (about.rows, about.threshold) == (200, pytest.approx(saved_model.facts(str(trained.model)).threshold))
    scores = served["serving_default"](examples=examples)["scores"].numpy()
    now = about.columns(scores, embeddings, trained.settings.label)
    then = by_name(about.statistics)
    assert set(now) == set(then)
    for name in ("prediction/score", "embedding/1", "embedding/distance"):
        assert now[name].mean() == pytest.approx(then[name].num_stats.mean, abs=1e-4)
    assert about.calibration.method == "platt"
