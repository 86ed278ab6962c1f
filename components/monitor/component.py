"""The Monitor component: asks the model in service about the span at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow_model_analysis.proto import config_pb2
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from tfx.types.artifact_utils import get_single_instance
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import proto_utils

from components import decisions, log
from components.artifacts import MonitorReport
from components.beam import on_workers
from components.monitor import record
from components.monitor.age import Age, Driver
from components.monitor.inputs import Inputs
from components.monitor.record import Watched
from components.monitor.settings import MonitorStepSettings
from components.monitor.watch import Watch


class Executor(BaseBeamExecutor):
    """Asks, compares, writes the report, TensorBoard's scalars and the log, in this order.

    It never fails on what the model answers: what follows hangs on the report.
    """

    def Do(  # noqa: N802 - TFX's name
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes `monitor.json`, `decisions.json` and statistics into the report.

        Args:
          input_dict: `examples` and `statistics` of this run; `model`, what it was trained on (`in_service`) and the
            `released` blessing, any of which may be absent or empty.
          output_dict: `report`, a MonitorReport.
          exec_properties: `settings`, a MonitorStepSettings as JSON; `eval_config`; `code`, a fingerprint; `age`, where
            the driver noted one.

        Raises:
          DataError: a file of the examples is damaged.
        """
        settings = MonitorStepSettings.model_validate_json(exec_properties["settings"])
        config = proto_utils.json_to_proto(exec_properties["eval_config"], config_pb2.EvalConfig())
        report = get_single_instance(output_dict["report"])
        inputs = Inputs.of(input_dict, settings)
        found = Age.of(exec_properties)
        on_beam = on_workers(self._beam_pipeline_args)
        watch = Watch(settings, config, Path(report.uri), found, self._make_beam_pipeline if on_beam else None)
        watched, decided = watch(inputs)
        report.span, report.labelled, report.unlabelled = watched.span, watched.labelled, inputs.unlabelled
        report.train, report.passed = int(watched.train), int(decisions.passed(decided))
        report.trainable = int(not inputs.unlabelled and found.rest is None)
        decisions.write(decided, report.uri)
        record.write(watched, Path(report.uri))
        if watched.rows:
            with log.dispensable(settings.tensorboard):
                _write_scalars(watched, settings.tensorboard)
            with log.dispensable(settings.log):
                log.append(Path(settings.log), [self._line(watched)])

    def _line(self, watched: Watched) -> dict[str, Any]:
        """The record for the log: without slices."""
        content = watched.plain()
        for name in ("metrics", "released"):
            if content[name]:
                content[name] = {"overall": content[name]["overall"]}
        return {**log.head(self._context), **content}


def _write_scalars(watched: Watched, folder: str) -> None:
    """One TensorBoard scalar for each metric, with the span as step."""
    measured = (watched.metrics or {}).get("overall", {})
    estimated = {f"estimated/{name}": each.value for name, each in (watched.estimated or {}).items()}
    drops = {f"drop/{name}": value for name, value in (watched.drops or {}).items()}
    writer = tf.summary.create_file_writer(folder)
    with writer.as_default(step=watched.span):
        for name, value in {**measured, **estimated, **drops}.items():
            tf.summary.scalar(name, value)
    writer.close()


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


class Monitor(BaseBeamComponent):
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
    EXECUTOR_SPEC = BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

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
