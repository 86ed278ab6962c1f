"""What the metadata of an exported model tell about it, without loading it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from components.evaluation import decision

FEATURES_SIGNATURE = "evaluation_features"
"""Takes serialized examples and returns the label as the model counts it, the buckets of numeric slices, and whether
the model's answer to the row under FGSM is right."""


@dataclass(frozen=True)
class Facts:
    """What the metrics of a model depend on.

    Attributes:
      threshold: the decision threshold of a binary model, a float32; the default for one that was exported without.
      computes: outputs of its signature `evaluation_features`.
    """

    threshold: float
    computes: frozenset[str]


def facts(folder: str) -> Facts:
    """Reads a SavedModel's metadata.

    Args:
      folder: holds saved_model.pb.
    """
    content = Path(folder, "saved_model.pb").read_bytes()
    signatures = saved_model_pb2.SavedModel.FromString(content).meta_graphs[0].signature_def
    defaults = signatures[decision.SIGNATURE].defaults if decision.SIGNATURE in signatures else {}
    threshold = float(tf.make_ndarray(defaults[decision.ARGUMENT])) if defaults else decision.DEFAULT
    return Facts(threshold, frozenset(signatures[FEATURES_SIGNATURE].outputs))
