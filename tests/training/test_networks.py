"""Networks by name and by dotted name; what does not fit the label or the features is refused."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from components.label import LabelSettings
from components.models.inputs import FeatureInput
from components.models.registry import build_model
from components.models.settings import LayerSettings, ModelSettings
from schema.errors import SettingsError

INPUTS = [FeatureInput("fare"), FeatureInput("payment", (4,)), FeatureInput("hour", ids=25, embedding=2)]
BINARY = LabelSettings(name="tipped")


def test_the_articles_network_is_two_dense_layers() -> None:
    inputs = [FeatureInput(f"f{number:02}") for number in range(20)]
    model = build_model(inputs, BINARY, ModelSettings(layers=(LayerSettings(units=10),)))
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    assert [layer.units for layer in dense] == [10, 1]
    assert dense[-1].activation.__name__ == "sigmoid"
    assert model.count_params() == 20 * 10 + 10 + 10 + 1


def test_numbers_go_straight_and_ids_are_embedded() -> None:
    model = build_model(INPUTS, BINARY, ModelSettings(layers=()))
    assert model.get_layer("features").output.shape == (None, 1 + 4 + 2)
    assert model.get_layer("embedding_2").input_dim == 25


def test_features_with_vectors_of_one_width_share_a_table_but_no_row() -> None:
    inputs = [FeatureInput("hour", ids=3, embedding=2), FeatureInput("day", ids=2, embedding=2)]
    model = build_model(inputs, BINARY, ModelSettings(layers=()))
    table = np.arange(10.0).reshape(5, 2)
    model.get_layer("embedding_2").set_weights([table])
    vectors = keras.Model(model.inputs, model.get_layer("vectors_2").output)
    found = vectors({"hour": np.array([[0], [2]]), "day": np.array([[0], [1]])})
    np.testing.assert_array_equal(found, [[0, 1, 6, 7], [4, 5, 8, 9]])


def test_normalisation_replaces_the_bias() -> None:
    layer = LayerSettings(units=8, batch_normalization=True, dropout=0.5, l2=0.01, activation="gelu")
    model = build_model(INPUTS, BINARY, ModelSettings(layers=(layer,)))
    assert not model.get_layer("dense_1").use_bias
    assert [type(each).__name__ for each in model.layers[-5:]] == [
        "Dense", "BatchNormalization", "Activation", "Dropout", "Dense",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("label", "shape", "activation"),
    [
        (BINARY, (None, 1), "sigmoid"),
        (LabelSettings(name="digit", task="multiclass", classes=(0, 1, 2)), (None, 3), "softmax"),
        (LabelSettings(name="price", task="regression"), (None, 1), "linear"),
    ],
)
def test_the_head_follows_from_the_label(label: LabelSettings, shape: tuple, activation: str) -> None:
    model = build_model(INPUTS, label, ModelSettings())
    assert model.output_shape == shape
    assert model.get_layer("scores").activation.__name__ == activation


def test_a_network_of_the_users_own() -> None:
    model = build_model(INPUTS, BINARY, ModelSettings(build="own_functions:linear"))
    assert model.output_shape == (None, 1)


@pytest.mark.parametrize("build", ["dens", "Dense", "settings"])
def test_an_unknown_network_is_refused_with_those_that_there_are(build: str) -> None:
    with pytest.raises(ValidationError, match=r"components/models/ has .*'cnn', 'dense'"):
        ModelSettings(build=build)
    with pytest.raises(ValidationError, match="did you mean `dense`"):
        ModelSettings(build="dens")


@pytest.mark.parametrize("build", ["own_functions:not_a_model", "own_functions:no_such"])
def test_what_is_no_network_is_refused(build: str) -> None:
    with pytest.raises(SettingsError, match=r"model\.build"):
        build_model(INPUTS, BINARY, ModelSettings(build=build))
