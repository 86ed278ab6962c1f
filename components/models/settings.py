"""Settings of the network: the `model` section."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from schema.section import Section

Activation = Literal[
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
    "mish",
    "tanh",
    "sigmoid",
    "hard_sigmoid",
    "softplus",
    "softsign",
    "linear",
]
"""Keras's activations that make sense between two layers."""


class LayerSettings(Section):
    """One hidden layer of the dense network: Dense, then batch normalisation, activation, dropout."""

    units: int = Field(ge=1)
    """Width of the layer."""
    activation: Activation = "relu"
    """Keras's name of the function that follows."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of the outputs that are set to zero at each training step."""
    l2: float = Field(0.0, ge=0)
    """Factor of the weights' squared sum in the loss."""
    batch_normalization: bool = False
    """Normalise over the batch before the activation."""


class ConvolutionSettings(Section):
    """One convolution of the network `cnn`: Conv2D, then batch normalisation, activation, pooling, dropout."""

    filters: int = Field(ge=1)
    """Number of filters."""
    kernel: int = Field(3, ge=1)
    """Height and width of a filter in pixels."""
    padding: Literal["same", "valid"] = "same"
    """`same`: as many pixels out as in, zeros around the image. `valid`: only where the filter fits."""
    activation: Activation = "relu"
    """Keras's name of the function that follows."""
    pool: int = Field(2, ge=1)
    """Keeps the largest of each square of so many by so many pixels; 1 keeps all pixels."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of the outputs that are set to zero at each training step."""
    batch_normalization: bool = False
    """Normalise over the batch before the activation."""


ONE_IMAGE = frozenset({"cnn"})
"""The networks that take exactly one image, and any number of other features."""


def networks() -> list[str]:
    """Names of the networks in this folder: its files that define `build`."""
    return sorted(
        path.stem for path in Path(__file__).parent.glob("*.py") if "\ndef build(" in path.read_text(encoding="utf-8")
    )


class ModelSettings(Section):
    """Which network is trained."""

    build: Annotated[str, Field(pattern=r"^\w+$|^[\w.]+:\w+$")] = "dense"
    """A network in `components/models/` (`dense`, `cnn`), or `package.module:function` of your own with the same
    arguments."""
    layers: tuple[LayerSettings, ...] = (LayerSettings(units=64), LayerSettings(units=32))
    """Hidden dense layers, first to last. The output layer follows from the label."""
    convolutions: tuple[ConvolutionSettings, ...] = Field(
        (ConvolutionSettings(filters=32), ConvolutionSettings(filters=64)), min_length=1
    )
    """`cnn`: the convolutions before the dense layers, first to last."""

    @model_validator(mode="after")
    def _network_exists(self) -> ModelSettings:
        if ":" not in self.build and self.build not in networks():
            close = difflib.get_close_matches(self.build, networks(), n=1)
            meant = f" (did you mean `{close[0]}`?)" if close else ""
            raise ValueError(
                f"model.build: no network of that name{meant}; components/models/ has {networks()}, "
                f"and package.module:function is one of your own; received {self.build}"
            )
        return self
