"""The metrics of a variant on the test split: those of the full model, by the same computations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from components.edge.inputs import PART, RowReader, raw_inputs
from components.edge.interpreter import Interpreter
from components.edge.source import Source
from components.evaluation import combine, extracts, output, saved_model
from components.evaluation.config import for_models
from components.evaluation.extracts import Answers
from components.evaluation.saved_model import FEATURES_SIGNATURE
from components.transform.settings import FeaturesSettings


def evaluate(
    file: Path, source: Source, features: FeaturesSettings, config: config_pb2.EvalConfig, folder: Path
) -> None:
    """Evaluates a LiteRT file.

    Args:
      file: takes raw rows.
      source: what it was made of: the full model gives labels and slices.
      features: the `features` section.
      config: what the full model was evaluated by.
      folder: where to write; `results.load` reads it.
    """
    loaded = tf.saved_model.load(str(source.saved_model))
    reader = RowReader(loaded.signatures["transform_features"], raw_inputs(features))
    interpreter = Interpreter(file.read_bytes())

    def ask(examples: list[bytes]) -> Answers:
        parts = (examples[start : start + PART] for start in range(0, len(examples), PART))
        return Answers(
            features={"": extracts.call(loaded, FEATURES_SIGNATURE, examples)},
            scores={"": np.concatenate([interpreter.scores(reader.read(part)) for part in parts])},
        )

    # A row is positive above the full model's threshold. It is that model which FGSM is aimed at, so no variant has an
    # accuracy under it.
    facts = replace(saved_model.facts(str(source.saved_model)), computes=frozenset())
    config = for_models(tfma.utils.update_eval_config_with_defaults(config, has_baseline=False), {"": facts})
    found = combine.evaluate(extracts.batches(source.files["test"], ask, config.slicing_specs), config)
    output.write(found, config, {"": str(file)}, folder)
