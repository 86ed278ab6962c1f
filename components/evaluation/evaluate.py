"""The step `evaluate`: TFX's Evaluator, with an executor of our own.

The metrics are TFMA's, from the same computations. TFMA's own pipeline gives each row to each metric once for every
slice that it is in, which costs eight times the CPU of ours (`combine`). Ours is the same on small data, in this
process, and on large, by Beam's workers (`on_parts`).
"""

from __future__ import annotations

import shutil
from itertools import accumulate
from pathlib import Path
from typing import Any

import tensorflow_model_analysis as tfma
from absl import logging
from tensorflow_model_analysis.proto import config_pb2
from tfx import types
from tfx.dsl.components.base import base_beam_component, base_beam_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.types import standard_component_specs as specs
from tfx.utils import json_utils, path_utils, proto_utils

from components.beam import by_size, on_workers
from components.evaluation import on_parts, saved_model
from components.evaluation.config import for_models
from components.evaluation.on_parts import Evaluation
from components.parts import parts_of, row_counts, size_of

RECORDED_ROWS = 250_000
"""Of more rows than this, a sample is in the predictions table."""

PART_BYTES = 8 << 20
"""Of examples to a part. Some ten seconds of work: a row costs more here than in the other steps."""

BYTES_A_SECOND, START_UP = 3e6, 30.0
"""What one core does with examples of 20 columns, for one model; and until workers begin, which import TensorFlow and
load the models: twice, to count the rows and to ask (docs/scale.md)."""


class Executor(base_beam_executor.BaseBeamExecutor):
    """Evaluates in this process, or by Beam's workers."""

    _beam_pipeline_args: list[str]

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the ModelEvaluation as TFMA does; the ModelBlessing stays without a verdict.

        Raises:
          DataError: a file of the examples is damaged.
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
        folder = Path(artifact_utils.get_single_uri(output_dict[specs.EVALUATION_KEY]))
        seconds = size_of(files) / BYTES_A_SECOND * len(models)
        self._beam_pipeline_args = by_size(self._beam_pipeline_args, seconds, START_UP)
        on_beam = on_workers(self._beam_pipeline_args)
        parts, work = parts_of("test", files, PART_BYTES), folder / ".work"
        work.mkdir(parents=True)
        try:
            counts = row_counts(parts, work, self._make_beam_pipeline if on_beam else None)
            evaluation = Evaluation(
                config=for_models(config, facts).SerializeToString(),
                models=models,
                thresholds={name: each.threshold for name, each in facts.items()},
                record=exec_properties["record"],
                rows=sum(counts),
                recorded=RECORDED_ROWS,
                folder=folder,
            )
            placed = list(zip(parts, accumulate(counts, initial=0), strict=False))
            if on_beam:
                on_parts.evaluate_on_beam(placed, evaluation, work, self._make_beam_pipeline)
            else:
                logging.info("Evaluating in memory.")
                on_parts.evaluate(placed, evaluation)
        finally:
            shutil.rmtree(work)


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
      eval_config: from `config.eval_config`. The executor knows what that uses of TFMA's configuration: no example
        weights, query keys, confidence intervals or thresholds.
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
