"""Settings of the network: the `model` section."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from schema.remote.addresses import here
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


Backbone = Literal["mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_v2_b0"]
"""Networks of `keras.applications` that fit a small device or a small data set."""

IMAGENET = "imagenet"
"""In place of a file: the weights that Keras publishes."""

WEIGHT_FILES = (".weights.h5", ".keras", ".h5")
"""Endings of the files that weights are loaded from."""

SMALLEST_FOR_BACKBONE = 32

ONE_IMAGE = frozenset({"cnn", "backbone"})
"""The networks that take exactly one image, and any number of other features."""


def networks() -> list[str]:
    """Names of the networks in this folder: its files that define `build`."""
    return sorted(
        path.stem for path in Path(__file__).parent.glob("*.py") if "\ndef build(" in path.read_text(encoding="utf-8")
    )


class ModelSettings(Section):
    """Which network is trained."""

    build: Annotated[str, Field(pattern=r"^\w+$|^[\w.]+:\w+$")] = "dense"
    """A network in `components/models/` (`dense`, `cnn`, `backbone`), or `package.module:function` of your own with
    the same arguments."""
    layers: tuple[LayerSettings, ...] = (LayerSettings(units=64), LayerSettings(units=32))
    """Hidden dense layers, first to last. The output layer follows from the label."""
    convolutions: tuple[ConvolutionSettings, ...] = (ConvolutionSettings(filters=32), ConvolutionSettings(filters=64))
    """`cnn`: the convolutions before the dense layers, first to last."""
    backbone: Backbone = "mobilenet_v3_small"
    """`backbone`: the network before the dense layers."""
    weights: str | None = None
    """Weights to start from: a file (.weights.h5, .keras, .h5) of the whole network, such as an earlier run's, or of
    the backbone alone; or `imagenet`, which Keras downloads for the backbone. Default: random."""

    @model_validator(mode="after")
    def _consistent(self) -> ModelSettings:
        if ":" not in self.build and self.build not in networks():
            close = difflib.get_close_matches(self.build, networks(), n=1)
            meant = f" (did you mean `{close[0]}`?)" if close else ""
            raise ValueError(
                f"model.build: no network of that name{meant}; components/models/ has {networks()}, "
                f"and package.module:function is one of your own; received {self.build}"
            )
        if self.weights == IMAGENET and self.build != "backbone":
            raise ValueError(f"model.weights: `imagenet` is for `build: backbone`; received build: {self.build}")
        if self.weights_file and not self.weights_file.name.endswith(WEIGHT_FILES):
            raise ValueError(
                f"model.weights: `imagenet`, or a file that ends in one of {WEIGHT_FILES}; received {self.weights}"
            )
        return self

    @property
    def weights_file(self) -> Path | None:
        """The file that weights are loaded from, if any; of a remote one the copy, which `fetch` makes."""
        return here(self.weights) if self.weights and self.weights != IMAGENET else None

    def check_image(self, height: int, width: int, channels: int) -> None:
        """Raises ValueError if the network cannot take an image of this shape."""
        if self.build == "backbone":
            if min(height, width) < SMALLEST_FOR_BACKBONE:
                smallest = f"{SMALLEST_FOR_BACKBONE} x {SMALLEST_FOR_BACKBONE}"
                raise ValueError(
                    f"model.backbone: an image has at least {smallest} pixels; received {height} x {width}"
                )
            if self.weights == IMAGENET and channels != 3:
                raise ValueError("model.weights: `imagenet` is about colour: set the image's `channels` to 3")
        if self.build == "cnn":
            for number, each in enumerate(self.convolutions):
                lost = each.kernel - 1 if each.padding == "valid" else 0
                if min(height, width) < each.pool + lost:
                    raise ValueError(
                        f"model.convolutions.{number}: needs at least {each.pool + lost} x {each.pool + lost} pixels "
                        "(fewer convolutions, `padding: same`, a smaller `pool` or a larger image would fit); "
                        f"received {height} x {width}"
                    )
                height, width = (height - lost) // each.pool, (width - lost) // each.pool
