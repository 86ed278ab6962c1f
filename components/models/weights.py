"""Starts a network from weights in a file: an earlier run's, or a backbone's as Keras publishes it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import keras

from schema.errors import SettingsError

PROGRESS = logging.getLogger("headgate.progress")


def load_weights(network: keras.Model, file: Path) -> None:
    """Loads the weights of a whole network, of a network inside it, or of all its layers but the last.

    Layers are matched in order. That the last one differs in shape is what transfer to other classes means: it then
    keeps the weights that it has.

    Args:
      network: a built network.
      file: `.weights.h5`, `.keras` or `.h5`, as Keras writes them; the last layer may differ in a `.weights.h5`.

    Raises:
      SettingsError: the file is not there, or its weights do not fit.
    """
    if not file.is_file():
        raise SettingsError("The file with the weights is not there.", where="model.weights", received=str(file))
    inside = [layer for layer in network.layers if isinstance(layer, keras.Model)]
    *others, last = [layer for layer in network.layers if layer.weights]
    problem = _problem(network, network, file)
    if problem is None or any(_problem(network, part, file) is None for part in inside):
        return
    if others and file.name.endswith(".weights.h5") and _problem(network, network, file, skip=[last]) is None:
        PROGRESS.info("the layer %s starts anew: in %s it has another shape", last.name, file.name)
        return
    shapes = [f"{layer.name} {tuple(layer.weights[0].shape)}" for layer in (*others, last)]
    raise SettingsError(
        "The weights do not fit the network.",
        where=f"model.weights: {file}",
        expected=f"weights of these layers: {', '.join(shapes)}",
        received=problem,
        fix="give the `model` section that the weights were trained with; in a .weights.h5, the last layer may differ",
    )


def _problem(network: keras.Model, part: keras.Model, file: Path, skip: Sequence[keras.Layer] = ()) -> str | None:
    """Loads a file into a part of a network; what speaks against it, in which case the network stays as it was."""
    before = network.get_weights()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras's warnings about what is missing come before its error
            part.load_weights(str(file), **({"objects_to_skip": list(skip)} if skip else {}))
    except (ValueError, OSError, KeyError, BadZipFile) as error:
        network.set_weights(before)
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return " ".join(lines[:2]).partition(" Target variable")[0][:300]
    return None
