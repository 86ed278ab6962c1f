"""Finds a network by its name in this folder, or by the dotted name of the user's own function."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

import keras

from components.dotted import load_function
from components.label import LabelSettings
from components.models.inputs import FeatureInput, Head
from components.models.settings import ModelSettings
from components.models.weights import load_weights
from schema.errors import SettingsError
from schema.remote import copies


def build_model(inputs: Sequence[FeatureInput], label: LabelSettings, settings: ModelSettings) -> keras.Model:
    """Builds the network that the `model` section names.

    Args:
      inputs: the transformed features.
      label: the `label` section; the head follows from it.
      settings: the `model` section.

    Returns:
      An uncompiled Keras model from a dictionary of features to [batch, units] scores, with the weights that
      `model.weights` names, if any.

    Raises:
      SettingsError: if there is no such function, or it returns something else, or the weights do not fit it.
    """
    head = head_for(label)
    model = _builder(settings.build)(inputs, head, settings)
    if not isinstance(model, keras.Model) or model.output_shape != (None, head.units):
        raise SettingsError(
            f"The network `{settings.build}` does not fit the label.",
            where="model.build",
            expected=f"a keras.Model with output shape (None, {head.units})",
            received=f"{type(model).__name__} {getattr(model, 'output_shape', '')}",
        )
    if model.outputs[0].dtype != "float32":
        raise SettingsError(
            f"The scores of the network `{settings.build}` are not exact enough for a loss.",
            where="model.build",
            expected="float32, whatever `accelerator.precision` the layers before compute in",
            received=model.outputs[0].dtype,
            fix='give the last layer dtype="float32"',
        )
    if settings.weights_file:
        load_weights(model, copies.fetch(str(settings.weights)))
    return model


def head_for(label: LabelSettings) -> Head:
    """The output layer for a label: one unit, or one for each class."""
    match label.task:
        case "binary":
            return Head(1, "sigmoid")
        case "multiclass":
            return Head(len(label.values), "softmax")
    return Head(1, "linear")


def _builder(name: str) -> Callable[[Sequence[FeatureInput], Head, ModelSettings], keras.Model]:
    if ":" in name:
        return load_function(name, "model.build")
    return importlib.import_module(f"components.models.{name}").build
