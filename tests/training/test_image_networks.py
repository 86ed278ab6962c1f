"""Networks that read images: the articles' shapes, other features beside the image, mixed precision."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from components.label import LabelSettings
from components.models.inputs import FeatureInput
from components.models.registry import build_model
from components.models.settings import ConvolutionSettings, LayerSettings, ModelSettings
from schema.errors import SettingsError

BINARY = LabelSettings(name="defect")
DIGITS = LabelSettings(name="digit", task="multiclass", classes=tuple(range(10)))
HIDDEN = (LayerSettings(units=128),)
OTHERS = [FeatureInput("gain"), FeatureInput("hour", ids=25, embedding=2)]


def image(height: int, width: int, channels: int, name: str = "image") -> FeatureInput:
    return FeatureInput(name, (height, width, channels))


def convolutions(*filters: int, **settings) -> tuple[ConvolutionSettings, ...]:
    return tuple(ConvolutionSettings(filters=number, **settings) for number in filters)


def kinds(model: keras.Model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


def test_the_articles_image_network() -> None:
    settings = ModelSettings(build="cnn", convolutions=convolutions(32, 64, padding="valid"), layers=HIDDEN)
    model = build_model([image(64, 64, 3)], BINARY, settings)
    assert [layer.output.shape[1:] for layer in model.layers if "Pooling" in type(layer).__name__] == [
        (31, 31, 32), (14, 14, 64),
    ]  # fmt: skip
    convolution, dense, head = 3 * 3 * 3 * 32 + 32 + 3 * 3 * 32 * 64 + 64, 14 * 14 * 64 * 128 + 128, 128 + 1
    assert model.count_params() == convolution + dense + head


def test_the_articles_digit_networks() -> None:
    dense = build_model([image(28, 28, 1)], DIGITS, ModelSettings(layers=HIDDEN))
    assert dense.count_params() == 784 * 128 + 128 + 128 * 10 + 10
    cnn = build_model([image(28, 28, 1)], DIGITS, ModelSettings(build="cnn", layers=HIDDEN))
    assert cnn.get_layer("flat_image").output.shape == (None, 7 * 7 * 64)
    assert cnn.get_layer("scores").activation.__name__ == "softmax"


def test_a_convolution_with_everything() -> None:
    layer = ConvolutionSettings(filters=4, kernel=5, batch_normalization=True, dropout=0.5, activation="gelu", pool=4)
    model = build_model([image(8, 8, 1)], BINARY, ModelSettings(build="cnn", convolutions=(layer,), layers=()))
    assert kinds(model)[1:-1] == [
        "Conv2D", "BatchNormalization", "Activation", "MaxPooling2D", "Dropout", "Flatten",
    ]  # fmt: skip
    assert not model.get_layer("conv_1").use_bias


@pytest.mark.parametrize("build", ["cnn", "dense"])
def test_other_features_join_the_flattened_image(build: str) -> None:
    settings = ModelSettings(build=build, convolutions=convolutions(4), layers=())
    model = build_model([image(8, 8, 3), *OTHERS], BINARY, settings)
    flat = {"cnn": 4 * 4 * 4, "dense": 8 * 8 * 3}[build]
    assert model.get_layer("features").output.shape == (None, flat + 1 + 2)


@pytest.mark.parametrize("images", [[], [image(8, 8, 3), image(8, 8, 3, "other")]])
def test_a_convolutional_network_takes_one_image(images: list[FeatureInput]) -> None:
    with pytest.raises(SettingsError, match="takes one image"):
        build_model([*images, *OTHERS], BINARY, ModelSettings(build="cnn"))


def test_an_image_that_is_pooled_away_is_told_with_the_convolution() -> None:
    settings = ModelSettings(build="cnn", convolutions=convolutions(4, 4, 4, padding="valid"))
    with pytest.raises(SettingsError, match=r"model\.convolutions\.2: needs at least 4 x 4 pixels.*received 2 x 2"):
        build_model([image(16, 16, 1)], BINARY, settings)


@pytest.fixture(params=["mixed_float16", "mixed_bfloat16"])
def mixed_precision(request: pytest.FixtureRequest):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield
    keras.config.set_dtype_policy(before)


BACKBONES = [
    "mobilenet_v3_small",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("mobilenet_v3_large", "efficientnet_v2_b0")),
]


@pytest.mark.parametrize("name", BACKBONES)
def test_a_backbone_is_a_layer_of_its_own_before_the_dense_ones(name: str) -> None:
    model = build_model([image(32, 40, 3), *OTHERS], BINARY, ModelSettings(build="backbone", backbone=name, layers=()))
    width = model.get_layer("backbone").output_shape[1]
    assert model.get_layer("features").output.shape == (None, width + 1 + 2)
    inside = model.get_layer("backbone").layers
    assert any(isinstance(layer, keras.layers.Rescaling) for layer in inside), "it scales pixels for itself"
    seen = keras.Model(model.inputs, model.get_layer("pixels").output)
    row = {"image": np.full((1, 32, 40, 3), 0.2), "gain": np.ones((1, 1)), "hour": np.ones((1, 1), int)}
    np.testing.assert_allclose(seen(row), 51, rtol=1e-6)


def test_imagenet_weights_that_cannot_be_downloaded_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise Exception("URL fetch failure on https://storage.googleapis.com/...: None -- no route")

    monkeypatch.setattr("keras.src.applications.mobilenet_v3.file_utils.get_file", offline)
    with pytest.raises(SettingsError, match="cannot download") as raised:
        build_model([image(224, 224, 3)], BINARY, ModelSettings(build="backbone", weights="imagenet"))
    assert "no route" in raised.value.received


@pytest.mark.parametrize("build", ["cnn", "dense", "backbone"])
def test_scores_are_float32_under_mixed_precision(build: str, mixed_precision: None) -> None:
    layer = LayerSettings(units=4, batch_normalization=True, dropout=0.1, l2=0.1)
    settings = ModelSettings(build=build, convolutions=convolutions(4, batch_normalization=True), layers=(layer,))
    model = build_model([image(32, 32, 3), *OTHERS], DIGITS, settings)
    row = {"image": np.ones((2, 32, 32, 3)), "gain": np.ones((2, 1)), "hour": np.ones((2, 1), int)}
    scores = model(row)
    assert scores.dtype == "float32"
    np.testing.assert_allclose(np.sum(scores, axis=1), 1, atol=1e-6)
    assert model.get_layer("dense_1").compute_dtype != "float32"
