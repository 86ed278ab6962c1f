"""The Drift component: compares the training data with what the model in service was trained on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import tensorflow as tf
from tfx.components.statistics_gen.stats_artifact_utils import load_statistics
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from tfx.types.artifact_utils import get_single_instance
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components import decisions, log
from components.artifacts import DriftReport, MonitorReport
from components.decisions import Decision
from components.drift import compare
from components.drift.compare import FeatureDrift
from components.drift.settings import DriftStepSettings

FILE_NAME = "drift.json"
SPLIT = "train"

Kind = Literal["in_service", "previous_span"]
KINDS: tuple[Kind, ...] = ("in_service", "previous_span")


@dataclass(frozen=True)
class Reference:
    """What the data are compared with.

    Attributes:
      uri: address of the statistics artifact.
      span: its span.
      kind: `in_service` where the model in service was trained on it, else `previous_span`.
    """

    uri: str
    span: int
    kind: Kind

    def __str__(self) -> str:
        return f"span {self.span} ({self.kind.replace('_', ' ')})"


class Executor(BaseExecutor):
    """Compares, then writes the report, TensorBoard's scalars and the log, in this order."""

    def Do(  # noqa: N802 - TFX's name
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes `drift.json` and `decisions.json` into the report, and one log line for each feature.

        Args:
          input_dict: `statistics` and `examples` of this run; `in_service` and `previous_span`: statistics to
            compare with, either may be absent or empty. The first that is there is taken. `monitor`: what the monitor
            found; may be absent.
          output_dict: `report`, a DriftReport.
          exec_properties: `settings`, a DriftStepSettings as JSON; `code`, a fingerprint.
        """
        settings = DriftStepSettings.model_validate_json(exec_properties["settings"])
        statistics = get_single_instance(input_dict["statistics"])
        span = get_single_instance(input_dict["examples"]).span
        report = get_single_instance(output_dict["report"])
        found = _reference(input_dict)
        drifts: list[FeatureDrift] = []
        if found is None:
            reference, records = None, [_cold_start()]
        else:
            artifact, reference = found
            drifts = compare.compare(
                load_statistics(statistics, SPLIT).proto(),
                load_statistics(artifact, SPLIT).proto(),
                settings=settings.drift,
                features=settings.features,
                label=settings.label,
            )
            if _labels_are_late(input_dict.get("monitor")):
                drifts = [drift for drift in drifts if drift.group != "label"]
            records = compare.decisions(drifts, str(reference))
        _write_report(report, span, reference, drifts, records)
        report.train = _train(input_dict.get("monitor"), records)
        if reference is not None:
            _write_scalars(drifts, span, settings.tensorboard)
            log.append(Path(settings.log), self._lines(drifts, span, reference))

    def _lines(self, drifts: Sequence[FeatureDrift], span: int, reference: Reference) -> list[dict[str, Any]]:
        context = self._context
        head = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "run_id": context.pipeline_run_id if context else None,
            "execution_id": context._unique_id if context else None,
            "span": span,
            "reference": asdict(reference),
        }
        return [{**head, **asdict(drift)} for drift in drifts]


class DriftSpec(ComponentSpec):
    """Inputs, outputs and execution properties of Drift."""

    PARAMETERS = {"settings": ExecutionParameter(type=str), "code": ExecutionParameter(type=str)}
    INPUTS = {
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "in_service": ChannelParameter(type=standard_artifacts.ExampleStatistics, optional=True),
        "previous_span": ChannelParameter(type=standard_artifacts.ExampleStatistics, optional=True),
        "monitor": ChannelParameter(type=MonitorReport, optional=True),
    }
    OUTPUTS = {"report": ChannelParameter(type=DriftReport)}


class Drift(BaseComponent):
    """Compares the training data with statistics of an earlier span.

    Args:
      statistics: ExampleStatistics of this run.
      examples: Examples of this run; they carry the span.
      settings: a DriftStepSettings as JSON.
      code: fingerprint of the code, so that the cache sees when it changes.
      in_service: ExampleStatistics that the model in service was trained on; may resolve to nothing.
      previous_span: ExampleStatistics to fall back on; may resolve to nothing.
      monitor: MonitorReport of this run.
    """

    SPEC_CLASS = DriftSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        statistics: BaseChannel,
        examples: BaseChannel,
        settings: str,
        code: str,
        in_service: BaseChannel | None = None,
        previous_span: BaseChannel | None = None,
        monitor: BaseChannel | None = None,
    ) -> None:
        super().__init__(
            DriftSpec(
                statistics=statistics,
                examples=examples,
                in_service=in_service,
                previous_span=previous_span,
                monitor=monitor,
                settings=settings,
                code=code,
                report=Channel(type=DriftReport),
            )
        )


def _reference(inputs: Mapping[str, list[Artifact]]) -> tuple[Artifact, Reference] | None:
    for kind in KINDS:
        for artifact in inputs.get(kind) or ():
            return artifact, Reference(artifact.uri, artifact.span, kind)
    return None


def _labels_are_late(monitor: Sequence[Artifact] | None) -> bool:
    """Whether rows lack their label: what those that have one show is not the label's distribution."""
    return any(not each.trainable for each in monitor or ())


def _train(monitor: Sequence[Artifact] | None, records: Sequence[Decision]) -> int:
    """1 where a new model is trained: the monitor asks for one, or drift that is no mere record does; else 0."""
    if not monitor:
        return 1
    [found] = monitor
    asked = found.train or any(each.outcome != "pass" for each in records)
    return int(bool(asked and found.trainable and found.passed))


def _cold_start() -> Decision:
    message = "No model is in service and there is no earlier span: nothing to compare with."
    return Decision("drift", "drift", "overall", "pass", message)


def _write_report(
    report: Artifact,
    span: int,
    reference: Reference | None,
    drifts: Sequence[FeatureDrift],
    records: Sequence[Decision],
) -> None:
    report.span = span
    report.compared = sum(bool(drift.metrics) for drift in drifts)
    report.drifted = sum(drift.drifted for drift in drifts)
    report.passed = int(decisions.passed(records))
    decisions.write(records, report.uri)
    drifted = [drift.feature for drift in drifts if drift.drifted]
    content = {
        "span": span,
        "reference": asdict(reference) if reference else None,
        "compared": report.compared,
        "drifted": drifted,
        "share": len(drifted) / report.compared if report.compared else 0.0,
        "features": [asdict(drift) for drift in drifts],
    }
    Path(report.uri, FILE_NAME).write_text(json.dumps(content, indent=1, allow_nan=False), encoding="utf-8")


def _write_scalars(drifts: Sequence[FeatureDrift], span: int, folder: str) -> None:
    """One TensorBoard scalar for each metric of each feature, grouped by metric, with the span as step."""
    writer = tf.summary.create_file_writer(folder)
    with writer.as_default(step=span):
        for drift in drifts:
            for metric, value in drift.metrics.items():
                tf.summary.scalar(f"{metric}/{drift.feature}", value)
    writer.close()
