"""What a network makes of a row before it answers: the input of its last layer."""

from __future__ import annotations

import keras


def embedder(network: keras.Model) -> keras.Model | None:
    """The network without its last layer.

    Args:
      network: with a single output [batch, units].

    Returns:
      A model with the same inputs and weights, whose output, float [batch, width], is what the last layer with weights
      reads. None where there is no such tensor: the network is no graph of layers (a subclass of `keras.Model`), or its
      last layer reads several tensors, or images, or ids.
    """
    try:
        last = next(layer for layer in reversed(network.layers) if layer.weights)
        tensor, inputs = last.input, network.input
    except (StopIteration, AttributeError, ValueError):  # Keras's words for "was never called on a symbolic tensor"
        return None
    if not isinstance(tensor, keras.KerasTensor) or len(tensor.shape) != 2 or None in tensor.shape[1:]:
        return None
    return keras.Model(inputs, tensor, name="embedder") if "float" in tensor.dtype else None
