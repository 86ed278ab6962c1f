"""A network with its raw inputs as a LiteRT file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from components.edge.inputs import RawInput, Scaling
from components.edge.interpreter import Interpreter
from components.edge.settings import Format
from schema.errors import HeadgateError, first_line

SIGNATURE = "serving_default"
SCORES = "scores"
"""The signature of a file, and its output: float32 [1, units]."""

_NETWORK = "network"
"""Name scope of the network's operations in the graph."""


def save(network: keras.Model, scaling: Scaling, inputs: Sequence[RawInput], folder: Path) -> None:
    """Writes the SavedModel that the converter reads: raw inputs, scaling and network, one row at a time.

    Args:
      network: from a dictionary of features to scores.
      scaling: from the arguments to these features.
      inputs: the arguments of the signature.
      folder: where to write; created.
    """

    def scores(raw: dict[str, Any]) -> dict[str, Any]:
        features = scaling(raw)
        with tf.name_scope(_NETWORK):
            return {SCORES: network(features, training=False)}

    archive = keras.export.ExportArchive()
    archive.track(network)
    specs = {each.argument: tf.TensorSpec(each.shape, each.dtype, each.argument) for each in inputs}
    archive.add_endpoint(SIGNATURE, scores, input_signature=[specs])
    archive.write_out(str(folder), verbose=False)


def convert(folder: Path, format_: Format, representative: Mapping[str, np.ndarray]) -> bytes:
    """Converts what `save` wrote.

    Args:
      folder: the SavedModel.
      format_: numbers in the file.
      representative: rows by argument, for `int8`; the other formats have no use for them.

    Returns:
      The file's content.

    Raises:
      HeadgateError: the network needs what LiteRT does not have.
    """
    try:
        match format_:
            case "float32":
                return _converter(folder).convert()
            case "float16":
                converter = _converter(folder)
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                converter.target_spec.supported_types = [tf.float16]
                return converter.convert()
        return _int8(folder, representative)
    except Exception as error:  # of the converter's own kinds, and any other
        unknown = sorted(set(re.findall(r"'tf\.(\w+)' op is neither", str(error))))
        raise HeadgateError(
            "The network cannot be converted for the edge.",
            where="the section `edge`",
            expected="layers made of operations that LiteRT has",
            received=f"operations that it does not have: {', '.join(unknown)}" if unknown else first_line(error),
            fix="change the layers that need them, or leave out the section `edge`",
        ) from error


def _converter(folder: Path) -> Any:
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=[SIGNATURE])
    converter.experimental_enable_resource_variables = True  # as Keras's own exporter has it
    return converter


def _int8(folder: Path, representative: Mapping[str, np.ndarray]) -> bytes:
    """Quantises the network, and only that.

    The scaling before it stays in float32: raw columns lie in ranges of their own, and a step of 1/255 of the widest
    would leave nothing of the others. To leave operations out is called selective quantisation:
    https://ai.google.dev/edge/litert/models/quantization_debugger#selective_quantization
    """
    scaling = [name for name in Interpreter(_converter(folder).convert()).tensors if f"{_NETWORK}/" not in name]

    def rows() -> Iterator[dict[str, np.ndarray]]:
        count = len(next(iter(representative.values())))
        return ({name: values[row : row + 1] for name, values in representative.items()} for row in range(count))

    converter = _converter(folder)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = rows
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_nodes=scaling)
    debugger = tf.lite.experimental.QuantizationDebugger(converter=converter, debug_dataset=rows, debug_options=options)
    return debugger.get_nondebug_quantized_model()
