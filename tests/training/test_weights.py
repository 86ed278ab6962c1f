"""A network starts from given weights: all of them, those of its backbone, or all but the last layer's."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

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
INPUTS = [FeatureInput("image", (32, 32, 3)), FeatureInput("gain")]


def build(label: LabelSettings = BINARY, **settings) -> keras.Model:
    small = {"build": "cnn", "convolutions": (ConvolutionSettings(filters=2),), "layers": (LayerSettings(units=4),)}
    return build_model(INPUTS, label, ModelSettings(**{**small, **settings}))


def same(one: keras.Model | keras.Layer, other: keras.Model | keras.Layer) -> bool:
    pairs = itertools.zip_longest(one.get_weights(), other.get_weights())
    return all(np.array_equal(left, right) for left, right in pairs)


@pytest.fixture(scope="module")
def cnn(tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, Callable[[str], str]]:
    """A network, and its weights in a file of the ending asked for."""
    network, folder = build(), tmp_path_factory.mktemp("cnn")

    def saved(ending: str) -> str:
        path = str(folder / f"network{ending}")
        if not Path(path).exists():
            network.save_weights(path) if ending == ".weights.h5" else network.save(path)
        return path

    return network, saved


@pytest.mark.parametrize("ending", [".weights.h5", ".keras", ".h5"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_whole_network_goes_on_where_another_ended(cnn: tuple, ending: str) -> None:
    network, saved = cnn
    assert not same(build(), network)
    assert same(build(weights=saved(ending)), network)


def test_dropout_makes_no_difference(cnn: tuple) -> None:
    network, saved = cnn
    assert same(build(layers=(LayerSettings(units=4, dropout=0.5),), weights=saved(".weights.h5")), network)


def test_other_classes_leave_the_last_layer_as_it_is(cnn: tuple, caplog: pytest.LogCaptureFixture) -> None:
    network, saved = cnn
    caplog.set_level("INFO", "headgate.progress")
    found = build(DIGITS, weights=saved(".weights.h5"))
    assert same(found.get_layer("conv_1"), network.get_layer("conv_1"))
    assert same(found.get_layer("dense_1"), network.get_layer("dense_1"))
    assert np.abs(found.get_layer("scores").kernel).sum() > 0
    assert "scores starts anew" in caplog.text


@pytest.mark.parametrize("ending", [".weights.h5", ".keras"])
@pytest.mark.parametrize(
    "settings",
    [
        {"layers": (LayerSettings(units=5),)},
        {"layers": (LayerSettings(units=4), LayerSettings(units=4))},
        {"layers": (LayerSettings(units=4, batch_normalization=True),)},
        {"convolutions": (ConvolutionSettings(filters=2, kernel=5),)},
        {"build": "dense"},
        {"build": "dense", "layers": ()},
    ],
)
def test_weights_of_another_network_are_refused_with_what_the_network_has(
    cnn: tuple, ending: str, settings: dict
) -> None:
    _, saved = cnn
    with pytest.raises(SettingsError, match="do not fit") as raised:
        build(**settings, weights=saved(ending))
    assert raised.value.where == f"model.weights: {saved(ending)}"
    assert "scores (" in raised.value.expected
    assert "could not be loaded" in raised.value.received


@pytest.mark.parametrize("ending", [".weights.h5", ".keras", ".h5"])
def test_a_file_that_is_no_weights_is_refused(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"nonsense{ending}"
    file.write_text("nonsense")
    with pytest.raises(SettingsError, match="do not fit"):
        build(weights=str(file))
    with pytest.raises(SettingsError, match="not there"):
        build(weights=str(tmp_path / f"none{ending}"))


def test_a_backbone_takes_weights_of_its_own_or_of_the_whole_network(tmp_path: Path) -> None:
    network = build(build="backbone")
    network.save_weights(tmp_path / "whole.weights.h5")
    network.get_layer("backbone").save_weights(tmp_path / "alone.weights.h5")
    assert same(build(build="backbone", weights=str(tmp_path / "whole.weights.h5")), network)
    found = build(DIGITS, build="backbone", layers=(), weights=str(tmp_path / "alone.weights.h5"))
    assert same(found.get_layer("backbone"), network.get_layer("backbone"))
