"""The step `edge` as a TFX component."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tensorflow_model_analysis.proto import config_pb2
from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import path_utils, proto_utils

from components.artifacts import EdgeModels
from components.edge import record
from components.edge.evaluate import evaluate
from components.edge.make import MakeSettings, make
from components.edge.source import Source
from components.training.tuned import tuned_in, with_values


class EdgeExecutor(base_executor.BaseExecutor):
    """Converts, then evaluates what it converted."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `Edge`."""
        tuned = tuned_in(input_dict.get("hyperparameters", []))
        settings = with_values(MakeSettings.model_validate_json(exec_properties["settings"]), tuned)
        config = proto_utils.json_to_proto(exec_properties["eval_config"], config_pb2.EvalConfig())
        folder = Path(artifact_utils.get_single_uri(output_dict["edge_models"]))
        source = Source(
            saved_model=Path(path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict["model"]))),
            transform_graph=Path(artifact_utils.get_single_uri(input_dict["transform_graph"])),
            files={
                split: sorted(Path(artifact_utils.get_split_uri(input_dict["examples"], split)).iterdir())
                for split in ("train", "eval", "test")
            },
        )
        variants = make(source, settings, folder)
        for variant in variants:
            evaluate(
                folder / variant.file, source, settings.features, config, folder / record.EVALUATION / variant.name
            )
        record.write(variants, str(folder))


class _EdgeSpec(ComponentSpec):
    PARAMETERS = {
        "settings": ExecutionParameter(type=str),
        "eval_config": ExecutionParameter(type=config_pb2.EvalConfig),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "model": ChannelParameter(type=standard_artifacts.Model),
        "transform_graph": ChannelParameter(type=standard_artifacts.TransformGraph),
        "hyperparameters": ChannelParameter(type=standard_artifacts.HyperParameters, optional=True),
    }
    OUTPUTS = {"edge_models": ChannelParameter(type=EdgeModels)}


class Edge(base_component.BaseComponent):
    """Makes models for devices of the model that was trained, and evaluates them on the test split.

    Whether they may be released is for the judge: a changed bound converts nothing again.

    Args:
      examples: Examples with the splits `train`, `eval` and `test`.
      model: the Model.
      transform_graph: the TransformGraph that it was trained behind.
      settings: MakeSettings as JSON.
      eval_config: what the model is evaluated by.
      code: fingerprint of the code that this step runs.
      hyperparameters: HyperParameters that the model was trained with in the place of settings; None: nothing was
        tuned.

    The output `edge_models` is an EdgeModels.
    """

    SPEC_CLASS = _EdgeSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(EdgeExecutor)

    def __init__(
        self,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        transform_graph: types.BaseChannel,
        settings: str,
        eval_config: config_pb2.EvalConfig,
        code: str,
        hyperparameters: types.BaseChannel | None = None,
    ) -> None:
        super().__init__(
            _EdgeSpec(
                examples=examples,
                model=model,
                transform_graph=transform_graph,
                hyperparameters=hyperparameters,
                edge_models=types.Channel(type=EdgeModels),
                settings=settings,
                eval_config=eval_config,
                code=code,
            )
        )
