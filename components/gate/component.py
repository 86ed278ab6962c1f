"""The DataGate component: checks a span's statistics before anything is trained on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfx.components.statistics_gen.stats_artifact_utils import load_statistics
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from tfx.types.artifact_utils import decode_split_names, get_single_instance
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils.io_utils import SchemaReader, get_only_uri_in_dir

from components import decisions
from components.artifacts import GateReport
from components.gate.check import check
from components.gate.rules import Ingested
from components.gate.settings import GateSettings, GateStepSettings
from components.ingest import rejects


class Executor(BaseExecutor):
    """Checks all splits and writes down what it decided. It never fails: what follows hangs on `passed`."""

    def Do(  # noqa: N802 - TFX's name
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes `decisions.json` into the report and sets its property `passed`.

        Args:
          input_dict: `statistics`, `schema`, and `examples`, which carry what ingestion counted.
          output_dict: `report`, a GateReport.
          exec_properties: `settings`, a GateStepSettings as JSON; `code`, a fingerprint.
        """
        settings = GateStepSettings.model_validate_json(exec_properties["settings"])
        statistics = get_single_instance(input_dict["statistics"])
        schema = get_single_instance(input_dict["schema"])
        examples = get_single_instance(input_dict["examples"])
        report = get_single_instance(output_dict["report"])
        found = check(
            {split: load_statistics(statistics, split).proto() for split in decode_split_names(statistics.split_names)},
            SchemaReader().read(get_only_uri_in_dir(schema.uri)) if settings.curated else None,
            settings=settings.gate,
            label=settings.label,
            columns=settings.columns,
            late_labels=settings.late_labels,
            ingested=_ingested(examples, settings.gate),
        )
        decisions.write(found, report.uri)
        report.passed = int(decisions.passed(found))


def _ingested(examples: Artifact, settings: GateSettings) -> Ingested:
    path = Path(examples.uri, rejects.FILE_NAME)
    first = next(iter(rejects.read(path)), None)
    return Ingested(
        rows=examples.get_int_custom_property("rows"),
        quarantined=examples.get_int_custom_property("quarantined"),
        max_quarantined=settings.max_quarantined,
        listed_in=str(path),
        first=f"{first.place}: {first.reason}" if first else "",
    )


class DataGateSpec(ComponentSpec):
    """Inputs, outputs and execution properties of DataGate."""

    PARAMETERS = {"settings": ExecutionParameter(type=str), "code": ExecutionParameter(type=str)}
    INPUTS = {
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
    }
    OUTPUTS = {"report": ChannelParameter(type=GateReport)}


class DataGate(BaseComponent):
    """Decides whether a span of data is fit to train on.

    Args:
      statistics: ExampleStatistics of all splits.
      schema: the Schema, curated or inferred.
      examples: the Examples that the statistics describe.
      settings: a GateStepSettings as JSON.
      code: fingerprint of the code, so that the cache sees when it changes.
    """

    SPEC_CLASS = DataGateSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self, statistics: BaseChannel, schema: BaseChannel, examples: BaseChannel, settings: str, code: str
    ) -> None:
        super().__init__(
            DataGateSpec(
                statistics=statistics,
                schema=schema,
                examples=examples,
                settings=settings,
                code=code,
                report=Channel(type=GateReport),
            )
        )
