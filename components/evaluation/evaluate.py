"""The step `evaluate`: TFX's Evaluator, which evaluates on small data in memory, without Beam.

The metrics are TFMA's either way, from the same computations. Beam spreads rows over workers and bounds memory, and
costs four times the CPU on 1,500 rows and eight times on many: each row goes through each metric once for every slice
that it is in. So:

- up to `IN_MEMORY_ROWS` rows, `in_memory` evaluates;
- above that, the stock Evaluator runs on Beam. A uniform sample of that many rows is asked first, for the predictions
  table (predictions.py).

The results differ by rounding. A network's scores depend in the last digit of their 32 bits on how many rows it is
given at once, and sums are taken in another order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow_model_analysis as tfma
from absl import logging
from tensorflow_model_analysis.proto import config_pb2
from tfx import types
from tfx.components.evaluator import executor
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.utils import json_utils, path_utils, proto_utils

from components.evaluation import extracts, in_memory, output, saved_model
from components.evaluation.config import for_models, model_outputs
from components.evaluation.predictions import Recorder
from components.ingest import tfrecord

IN_MEMORY_ROWS = 250_000
"""Above this many rows, Beam's workers take over. Measured on 60,000 taxi trips in seven groups of slices: 0.16 ms a
row, 0.46 with a model in service, against Beam's 1.3 ms without one. So that many take 40 s on one core, or two
minutes. With fewer than eight workers Beam is slower at any size; above this one, to wait for one core would hurt. Rows
count and not bytes, since the bytes of an image say little about the time that a network takes for it. Memory does not
set the limit: rows stream through in batches, and the 60,000 took 60 MB."""


class Executor(executor.Executor):
    """Evaluates in memory or by the stock executor."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the ModelEvaluation as TFMA does; the ModelBlessing stays without a verdict.

        Raises:
          DataError: a file of the examples is damaged, or the scores of large data are not numbers.
        """
        files = [
            path
            for split in json_utils.loads(exec_properties[specs.EXAMPLE_SPLITS_KEY])
            for folder in artifact_utils.get_split_uris(input_dict[specs.EXAMPLES_KEY], split)
            for path in sorted(Path(folder).iterdir())
        ]
        config = proto_utils.json_to_proto(exec_properties[specs.EVAL_CONFIG_KEY], config_pb2.EvalConfig())
        baseline = input_dict.get(specs.BASELINE_MODEL_KEY)
        config = tfma.utils.update_eval_config_with_defaults(config, has_baseline=bool(baseline), rubber_stamp=True)
        models = {
            spec.name: path_utils.serving_model_path(
                artifact_utils.get_single_uri(baseline if spec.is_baseline else input_dict[specs.MODEL_KEY])
            )
            for spec in config.model_specs
        }
        facts = {name: saved_model.facts(folder) for name, folder in models.items()}
        config = for_models(config, facts)
        ask, recorder = extracts.saved_models(models), Recorder.from_json(exec_properties["record"])
        folder = Path(artifact_utils.get_single_uri(output_dict[specs.EVALUATION_KEY]))
        rows = sum(1 for path in files for _ in tfrecord.lengths(path))
        if rows > IN_MEMORY_ROWS:
            extracts.record_sample(files, ask, config.slicing_specs, rows, IN_MEMORY_ROWS, recorder)
            recorder.refuse_non_finite()
            adapted = {specs.EVAL_CONFIG_KEY: proto_utils.proto_to_json(config)}
            super().Do(input_dict, output_dict, exec_properties | adapted)
        else:
            logging.info("Evaluating in memory.")
            asked = extracts.batches(files, ask, config.slicing_specs, model_outputs(config), recorder)
            output.write(in_memory.evaluate(asked, config), config, models, folder)
        recorder.write(folder, {name: each.threshold for name, each in facts.items()}, rows)


class EvaluateSpec(specs.EvaluatorSpec):
    """Interface of the step: the Evaluator's, what to record of each row, and the code's fingerprint."""

    PARAMETERS = {
        **specs.EvaluatorSpec.PARAMETERS,
        "record": component_spec.ExecutionParameter(type=str),
        "code": component_spec.ExecutionParameter(type=str, optional=True),
    }


class Evaluate(base_beam_component.BaseBeamComponent):
    """Evaluates the test split.

    Args:
      examples: Examples with a split `test`.
      model: the new Model.
      baseline_model: the Model in service; a channel that may turn out empty.
      eval_config: from `config.eval_config`. The in-memory path knows what that uses of TFMA's configuration: no
        example weights, query keys, confidence intervals or thresholds.
      record: predictions.RecordSettings as JSON.
      code: fingerprint of the code that the step depends on; a change of it makes the cache miss.

    Outputs:
      evaluation: ModelEvaluation, as the Evaluator writes it, and the predictions table.
      blessing: ModelBlessing without a verdict; the judge's has one.
    """

    SPEC_CLASS = EvaluateSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        baseline_model: types.BaseChannel,
        eval_config: config_pb2.EvalConfig,
        record: str,
        code: str = "",
    ) -> None:
        super().__init__(
            EvaluateSpec(
                examples=examples,
                model=model,
                baseline_model=baseline_model,
                example_splits=json_utils.dumps(["test"]),
                eval_config=eval_config,
                record=record,
                evaluation=types.Channel(standard_artifacts.ModelEvaluation),
                blessing=types.Channel(standard_artifacts.ModelBlessing),
                code=code,
            )
        )
