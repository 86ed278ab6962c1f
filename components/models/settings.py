"""Settings of the network: the `model` section."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

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


class ModelSettings(Section):
    """Which network is trained."""

    build: Literal["dense"] | Annotated[str, Field(pattern=r"^[\w.]+:\w+$")] = "dense"
    """A network in `components/models/`, or `package.module:function` of your own with the same arguments."""
    layers: tuple[LayerSettings, ...] = (LayerSettings(units=64), LayerSettings(units=32))
    """Hidden layers, first to last. The output layer follows from the label."""
