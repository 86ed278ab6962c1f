"""The step `judge` as a TFX component."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components import decisions
from components.artifacts import EdgeModels
from components.decisions import Decision
from components.edge import record
from components.edge.judging import judge_variants, required
from components.edge.settings import EdgeSettings
from components.evaluation import blessing, predictions, results
from components.evaluation.decision import Threshold
from components.evaluation.depth import record as depth_record
from components.evaluation.depth.analysis import Analysis
from components.evaluation.judge import chosen, finite_scores, judge
from components.evaluation.settings import EvaluationSettings
from components.training.settings import RECORD


class JudgeExecutor(base_executor.BaseExecutor):
    """Reads the evaluation, applies the rules, writes the blessing and its decisions."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `Judge`."""
        settings = EvaluationSettings.model_validate_json(exec_properties["settings"])
        model = artifact_utils.get_single_instance(input_dict["model"])
        baseline = next(iter(input_dict.get("baseline_model") or []), None)
        verdict = artifact_utils.get_single_instance(output_dict["blessing"])

        evaluation = artifact_utils.get_single_uri(input_dict["evaluation"])
        table = predictions.read(evaluation)
        usable, rows = int(table.finite.sum()), table.label.size
        candidate, served = (
            results.load(evaluation) if usable else (results.undefined(rows, settings.metrics(table.task)), None)
        )
        training = Path(artifact_utils.get_single_uri(input_dict["model_run"]), RECORD)
        trained = json.loads(training.read_text(encoding="utf-8"))
        threshold = Threshold(**trained["threshold"]) if trained.get("threshold") else None
        if baseline is not None and baseline.uri == model.uri:
            # A model compared with itself would fail whoever asks for a gain.
            found = judge(candidate, None, trained["train"], settings, no_baseline="this model is the one in service")
            analysis = Analysis(replace(table, served=None), settings)
        else:
            analysis = Analysis(table, settings)
            found = judge(candidate, served, trained["train"], settings, worsening=analysis.worsening)
        if usable < rows:
            found.insert(0, finite_scores(rows - usable, rows))
        if threshold:
            found.insert(0, chosen(threshold))
        of_variants: list[Decision] = []
        if exec_properties["edge"]:
            edge = EdgeSettings.model_validate_json(exec_properties["edge"])
            of_variants, variants = judge_variants(
                *record.read_evaluated(artifact_utils.get_single_uri(input_dict["edge_models"])),
                candidate,
                edge,
                settings,
            )
            found += required(variants, edge)
            record.write(variants, verdict.uri)

        decisions.write([*found, *of_variants], verdict.uri)
        depth_record.write(analysis.to_json(), verdict.uri)
        results.write(candidate, served, settings.slices, threshold, verdict.uri)
        blessing.write(verdict, decisions.passed(found), model, baseline)


class _JudgeSpec(ComponentSpec):
    PARAMETERS = {
        "settings": ExecutionParameter(type=str),
        "edge": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        "evaluation": ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "model_run": ChannelParameter(type=standard_artifacts.ModelRun),
        "baseline_model": ChannelParameter(type=standard_artifacts.Model, optional=True),
        "edge_models": ChannelParameter(type=EdgeModels, optional=True),
    }
    OUTPUTS = {"blessing": ChannelParameter(type=standard_artifacts.ModelBlessing)}


class Judge(base_component.BaseComponent):
    """Blesses a model that meets every rule of the `evaluation` section.

    Args:
      evaluation: what `evaluator` found.
      model: the new Model.
      model_run: the trainer's ModelRun, whose training.json holds the metrics of the training split and how the
        decision threshold was chosen.
      baseline_model: the Model in service; a channel that may turn out empty.
      settings: EvaluationSettings as JSON.
      code: fingerprint of the code that this step runs.
      edge_models: what was made of the model for devices; None where the pipeline makes nothing.
      edge: EdgeSettings as JSON; empty where the pipeline makes nothing.

    The output `blessing` is a ModelBlessing as TFX's own Evaluator makes it, with `decisions.json`,
    `metrics.json`, `analysis.json` and, for the models for devices, `edge.json` in its folder.
    """

    SPEC_CLASS = _JudgeSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(JudgeExecutor)

    def __init__(
        self,
        evaluation: types.BaseChannel,
        model: types.BaseChannel,
        model_run: types.BaseChannel,
        baseline_model: types.BaseChannel,
        settings: str,
        code: str,
        edge_models: types.BaseChannel | None = None,
        edge: str = "",
    ) -> None:
        super().__init__(
            _JudgeSpec(
                evaluation=evaluation,
                model=model,
                model_run=model_run,
                baseline_model=baseline_model,
                edge_models=edge_models,
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
                settings=settings,
                edge=edge,
                code=code,
            )
        )
