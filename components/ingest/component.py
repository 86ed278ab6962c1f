"""The ingest step: a TFX component from files to `Examples`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tfx import types
from tfx.components.example_gen import driver, utils
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_component, base_beam_executor, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, component_spec, standard_artifacts, standard_component_specs
from tfx.types.system_executions import Process

from components.beam import by_size
from components.ingest import sources, spans, splits
from components.ingest.settings import DataSettings, IngestSettings
from components.ingest.shards import ingest
from components.ingest.unfinished import unfinished
from schema.errors import DataError

BYTES_A_SECOND, START_UP = 20e6, 15.0
"""What one core does with CSV of 20 columns, and until workers begin: three times, to divide large files, to look at
the pieces and to write them (docs/scale.md)."""

EXAMPLES_KEY = standard_component_specs.EXAMPLES_KEY


class IngestSpec(component_spec.ComponentSpec):
    """Interface of the ingest step."""

    PARAMETERS = {
        "settings": component_spec.ExecutionParameter(type=str),
        "code": component_spec.ExecutionParameter(type=str),
        utils.SPAN_PROPERTY_NAME: component_spec.ExecutionParameter(type=int),
    }
    INPUTS: dict[str, Any] = {}
    OUTPUTS = {EXAMPLES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples)}
    TYPE_ANNOTATION = Process


class Driver(driver.Driver):
    """Resolves the span and the input's fingerprint before TFX looks into its cache, as stock ExampleGens do."""

    def resolve_exec_properties(
        self, exec_properties: dict[str, Any], pipeline_info: Any, component_info: Any
    ) -> dict[str, Any]:
        """Resolves `span`, and adds `version` and `input_fingerprint`, which the cache then compares too."""
        settings = IngestSettings.model_validate_json(exec_properties["settings"])
        found = spans.resolve(_of_span(settings.data, exec_properties[utils.SPAN_PROPERTY_NAME]))
        exec_properties[utils.SPAN_PROPERTY_NAME] = found.span
        exec_properties[utils.VERSION_PROPERTY_NAME] = found.version
        exec_properties[utils.FINGERPRINT_PROPERTY_NAME] = found.fingerprint
        return exec_properties


class Executor(base_beam_executor.BaseBeamExecutor):
    """Reads the input and writes its splits."""

    _beam_pipeline_args: list[str]

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes splits and quarantine, and sets the artifact's properties.

        Raises:
          SettingsError: no file matches.
          DataError: the input cannot be used, or changed since the driver looked at it.
          HeadgateError: `data.prepare` failed.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        settings = IngestSettings.model_validate_json(exec_properties["settings"])
        found = _same_input(settings.data, exec_properties)
        size = sum(file.stat().st_size for file in found.files if file.exists())
        self._beam_pipeline_args = by_size(self._beam_pipeline_args, size / BYTES_A_SECOND, START_UP)
        artifact = artifact_utils.get_single_instance(output_dict[EXAMPLES_KEY])
        summary = ingest(found, settings, Path(artifact.uri), self._make_beam_pipeline)
        _same_input(settings.data, exec_properties)
        sources.write(sources.look_at(found.files), Path(artifact.uri))

        artifact.split_names = json.dumps(list(splits.NAMES))
        artifact.span = found.span
        artifact.set_string_custom_property(utils.FINGERPRINT_PROPERTY_NAME, found.fingerprint)
        artifact.set_int_custom_property(utils.SPAN_PROPERTY_NAME, found.span)
        if found.version is not None:
            artifact.version = found.version
            artifact.set_int_custom_property(utils.VERSION_PROPERTY_NAME, found.version)
        artifact.set_int_custom_property("rows", sum(summary.rows.values()))
        artifact.set_int_custom_property("quarantined", summary.quarantined)
        artifact.set_int_custom_property("dropped", summary.dropped)
        for name, rows in summary.rows.items():
            artifact.set_int_custom_property(f"rows_{name}", rows)
        examples_utils.set_payload_format(artifact, example_gen_pb2.FORMAT_TF_EXAMPLE)


def _of_span(data: DataSettings, span: int) -> DataSettings:
    """The settings with the span that a run was given, where spans are told apart."""
    return data.model_copy(update={"span": span}) if span >= 0 and "{SPAN}" in (data.path or "") else data


def _same_input(data: DataSettings, exec_properties: dict[str, Any]) -> spans.Input:
    """Resolves the input again, to the span that the driver chose; files must not change until they are read."""
    data = _of_span(data, exec_properties[utils.SPAN_PROPERTY_NAME])
    found = spans.resolve(data)
    if partial := unfinished(data, found):
        raise DataError(
            "The input is still being written.",
            where=str(partial[0]),
            expected="no file beside the input whose name says that it is not whole",
            received=", ".join(path.name for path in partial[:5]),
            fix="run again once it has its own name; what a writer that died left behind is to be deleted",
        )
    seen = exec_properties.get(utils.FINGERPRINT_PROPERTY_NAME, found.fingerprint)
    if found.fingerprint != seen:
        raise DataError(
            "The input changed while it was read.",
            where=f"data.path: {data.path}",
            expected=f"files with the fingerprint {seen}",
            received=f"fingerprint {found.fingerprint} of {len(found.files)} files",
            fix="run again once the files are complete; write new files under another name and rename them",
        )
    return found


class Ingest(base_beam_component.BaseBeamComponent):
    """Reads tables and images into the splits train, eval and test.

    Args:
      settings: `IngestSettings` as JSON.
      code: fingerprint of the code that the step depends on; a change of it makes the cache miss.
      span: the span to read, -1 for that of the settings or the latest; or a parameter that each run fills in.

    Outputs:
      examples: `Examples` of tf.Example in plain TFRecord. Properties `span`, `version` and `split_names`; custom
        properties `input_fingerprint`, `span`, `version`, `rows`, `rows_train`, `rows_eval`, `rows_test`,
        `quarantined` and `dropped`. Its folder also holds `quarantine.jsonl` and `sources.json`.
    """

    SPEC_CLASS = IngestSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(self, settings: str, code: str = "", span: int | RuntimeParameter = -1) -> None:
        examples = types.Channel(standard_artifacts.Examples)
        super().__init__(IngestSpec(settings=settings, code=code, span=span, examples=examples))
