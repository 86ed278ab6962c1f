"""The release step: a blessed model enters the TensorFlow Serving directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from absl import logging
from tfx import types
from tfx.dsl.compiler.constants import PIPELINE_RUN_ID_PARAMETER_NAME
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import path_utils

from components.artifacts import EdgeModels
from components.edge import record
from components.evaluation import blessing, results
from schema.remote.addresses import told
from schema.section import Section
from serving import files, releases
from serving.manifest import EdgeModel, Provenance

PUSHED = "pushed"
VERSION = "version"
DESTINATION = "pushed_destination"
"""Custom properties of the PushedModel: 1 or 0, and for 1 the version number and the version's folder."""


class ReleaseStepSettings(Section):
    """What the release step needs to know."""

    pipeline: str
    model: str
    """Name of the model in TensorFlow Serving."""
    serving_dir: str
    keep: int
    code_fingerprint: str
    """Of the code of the steps that make the model, for the manifest."""


class ReleaseExecutor(base_executor.BaseExecutor):
    """Looks at the blessing itself, so that no runner can release what is not blessed."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See `Release`."""
        model = artifact_utils.get_single_instance(input_dict["model"])
        verdict = artifact_utils.get_single_instance(input_dict["blessing"])
        pushed = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if not blessing.blesses(verdict, model):
            logging.info("Not released: %s does not bless %s.", verdict.uri, model.uri)
            pushed.set_int_custom_property(PUSHED, 0)
            return

        settings = ReleaseStepSettings.model_validate_json(exec_properties["settings"])
        release = releases.publish(
            settings.serving_dir,
            settings.model,
            Path(path_utils.serving_model_path(model.uri)),
            _provenance(settings, input_dict, exec_properties),
            settings.keep,
            edge=_edge_folder(input_dict),
        )
        pushed.set_int_custom_property(PUSHED, 1)
        pushed.set_int_custom_property(VERSION, release.version)
        pushed.set_string_custom_property(DESTINATION, told(str(release.path)))


def _edge_folder(input_dict: dict[str, list[types.Artifact]]) -> Path | None:
    """Folder of the models for devices, where the pipeline makes them."""
    made = input_dict.get("edge_models")
    return Path(artifact_utils.get_single_uri(made)) if made else None


def _edge(verdict: str, folder: Path | None) -> dict[str, EdgeModel]:
    """The models for devices that the judge lets out, for the manifest."""
    if folder is None:
        return {}
    return {
        each.name: EdgeModel(
            file=each.file,
            sha256=files.digest(folder / each.file),
            bytes=each.bytes,
            gzip_bytes=each.gzip_bytes,
            format=each.format,
            inputs=each.inputs,
            sparsity=each.sparsity,
            metrics=each.metrics,
        )
        for each in record.read(verdict)
        if each.passed
    }


def _provenance(
    settings: ReleaseStepSettings, input_dict: dict[str, list[types.Artifact]], exec_properties: dict[str, Any]
) -> Provenance:
    schema = Path(artifact_utils.get_single_uri(input_dict["schema"]), "schema.pbtxt")
    verdict = artifact_utils.get_single_uri(input_dict["blessing"])
    judged = results.read(verdict)
    threshold = judged["threshold"] or {"value": None, "rule": None}
    return Provenance(
        run_id=exec_properties["run_id"],
        pipeline=settings.pipeline,
        span=artifact_utils.get_single_instance(input_dict["examples"]).span,
        model_uri=told(artifact_utils.get_single_uri(input_dict["model"])),
        statistics_uri=told(artifact_utils.get_single_uri(input_dict["statistics"])),
        schema_fingerprint=files.digest(schema),
        code_fingerprint=settings.code_fingerprint,
        settings_fingerprint=exec_properties["fingerprint"],
        metrics=judged["overall"],
        threshold=threshold["value"],
        threshold_rule=threshold["rule"],
        edge=_edge(verdict, _edge_folder(input_dict)),
    )


class _ReleaseSpec(ComponentSpec):
    PARAMETERS = {
        "settings": ExecutionParameter(type=str),
        "code": ExecutionParameter(type=str),
        "run_id": ExecutionParameter(type=str),
        "fingerprint": ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "blessing": ChannelParameter(type=standard_artifacts.ModelBlessing),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
        "edge_models": ChannelParameter(type=EdgeModels, optional=True),
    }
    OUTPUTS = {"pushed_model": ChannelParameter(type=standard_artifacts.PushedModel)}


class Release(base_component.BaseComponent):
    """Releases a blessed model as the next version, and puts it in service.

    The step is never taken from TFX's cache, which does not see the serving directory: a version may have been
    removed, or rolled back, since it was released. Its run id, an execution property, differs in every run. To
    release the same model again is cheap, since it changes nothing.

    Args:
      model: the Model to release.
      blessing: what the judge said of it, with `metrics.json` in its folder.
      examples: Examples that the model was trained on; their span goes into the manifest.
      statistics: ExampleStatistics of these examples.
      schema: the Schema they meet.
      settings: ReleaseStepSettings as JSON.
      code: fingerprint of the code that this step runs.
      edge_models: what was made of the model for devices; None where the pipeline makes nothing. Those that the judge
        let pass are released with the model.
      fingerprint: of everything that the run depends on, for the manifest; or a parameter that each run fills in.

    The output `pushed_model` is a PushedModel whose custom property `pushed` is 1 or 0; for 1, `version` and
    `pushed_destination` tell where.
    """

    SPEC_CLASS = _ReleaseSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(ReleaseExecutor)

    def __init__(
        self,
        model: types.BaseChannel,
        blessing: types.BaseChannel,
        examples: types.BaseChannel,
        statistics: types.BaseChannel,
        schema: types.BaseChannel,
        settings: str,
        code: str,
        edge_models: types.BaseChannel | None = None,
        fingerprint: str | RuntimeParameter = "",
    ) -> None:
        super().__init__(
            _ReleaseSpec(
                model=model,
                blessing=blessing,
                examples=examples,
                statistics=statistics,
                schema=schema,
                edge_models=edge_models,
                pushed_model=types.Channel(type=standard_artifacts.PushedModel),
                settings=settings,
                code=code,
                fingerprint=fingerprint,
                run_id=RuntimeParameter(name=PIPELINE_RUN_ID_PARAMETER_NAME, ptype=str),
            )
        )
