"""The Drift component: compares the training data with what the model in service was trained on."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact
from tfx.types.artifact_utils import get_single_instance
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components import log
from components.artifacts import DriftReport, MonitorReport
from components.beam import distributed
from components.decisions import Decision
from components.drift import compare
from components.drift.compare import Comparison, FeatureDrift
from components.drift.reference import Reference, choose, no_slices, past, remarks
from components.drift.report import write, write_scalars
from components.drift.settings import DriftStepSettings
from components.feature_statistics import by_slice
from schema.errors import HeadgateError, first_line
from schema.remote.addresses import told

SPLIT = "train"


class Executor(BaseBeamExecutor):
    """Compares, then writes the report, TensorBoard's scalars and the log, in this order."""

    def Do(  # noqa: N802 - TFX's name
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes `drift.json` and `decisions.json` into the report, and one log line for each feature.

        Args:
          input_dict: `statistics` and `examples` of this run; `in_service`, `previous_span` and `spans`: statistics to
            compare with; `model`: the model in service; `monitor`: what the monitor found. Each of the last five may be
            absent or empty.
          output_dict: `report`, a DriftReport.
          exec_properties: `settings`, a DriftStepSettings as JSON; `code`, a fingerprint.

        Raises:
          SettingsError: there are no statistics of the span that `drift.reference` names.
          HeadgateError: statistics cannot be read.
        """
        settings = DriftStepSettings.model_validate_json(exec_properties["settings"])
        span = get_single_instance(input_dict["examples"]).span
        report = get_single_instance(output_dict["report"])
        wanted = settings.drift.reference
        found = choose(wanted, input_dict)
        records = remarks(wanted, span, input_dict)
        drifts: list[FeatureDrift] = []
        reference = None
        if found is not None:
            artifact, kind = found
            reference = Reference(told(artifact.uri), artifact.span, kind)
            then, current = _statistics(artifact), _statistics(get_single_instance(input_dict["statistics"]))
            earlier = _readable(past(artifact.span, span, input_dict.get("spans", ())))
            wished = compare.comparisons(
                current, then, settings=settings, past=earlier, monitored=_monitored(input_dict)
            )
            drifts = compare.ranked(self._drifts(wished, Path(report.uri)))
            if _labels_are_late(input_dict.get("monitor")):
                drifts = [drift for drift in drifts if drift.group != "label"]
            if settings.slices and not by_slice(then, settings.slices):
                records.append(no_slices(reference))
            records = [*records, *compare.decisions(drifts, str(reference))]
        write(report, span, reference, drifts, records)
        report.train = _train(input_dict.get("monitor"), records)
        if reference is not None:
            with log.dispensable(settings.tensorboard):
                write_scalars(drifts, span, settings.tensorboard)
            with log.dispensable(settings.log):
                log.append(Path(settings.log), self._lines(drifts, span, reference))

    def _drifts(self, comparisons: Sequence[Comparison], folder: Path) -> list[FeatureDrift]:
        """Compares in this process, which few columns take; on a cluster by its workers."""
        if not distributed(self._beam_pipeline_args):
            return [each.drift() for each in comparisons]
        from components.drift import on_beam

        work = folder / ".work"
        work.mkdir(parents=True)
        try:
            return on_beam.drifts(comparisons, work, self._make_beam_pipeline)
        finally:
            shutil.rmtree(work)

    def _lines(self, drifts: Sequence[FeatureDrift], span: int, reference: Reference) -> list[dict[str, Any]]:
        head = {**log.head(self._context), "span": span, "reference": asdict(reference)}
        return [{**head, **asdict(drift)} for drift in drifts]


class DriftSpec(ComponentSpec):
    """Inputs, outputs and execution properties of Drift."""

    PARAMETERS = {"settings": ExecutionParameter(type=str), "code": ExecutionParameter(type=str)}
    INPUTS = {
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
        "in_service": ChannelParameter(type=standard_artifacts.ExampleStatistics, optional=True),
        "previous_span": ChannelParameter(type=standard_artifacts.ExampleStatistics, optional=True),
        "spans": ChannelParameter(type=standard_artifacts.ExampleStatistics, optional=True),
        "model": ChannelParameter(type=standard_artifacts.Model, optional=True),
        "monitor": ChannelParameter(type=MonitorReport, optional=True),
    }
    OUTPUTS = {"report": ChannelParameter(type=DriftReport)}


class Drift(BaseBeamComponent):
    """Compares the training data with statistics of an earlier span.

    Args:
      statistics: ExampleStatistics of this run.
      examples: Examples of this run; they carry the span.
      settings: a DriftStepSettings as JSON.
      code: fingerprint of the code, so that the cache sees when it changes.
      in_service: ExampleStatistics that the model in service was trained on; may resolve to nothing.
      previous_span: ExampleStatistics to fall back on; may resolve to nothing.
      spans: ExampleStatistics of other spans, one for each; may resolve to nothing.
      model: Model in service; may resolve to nothing.
      monitor: MonitorReport of this run.
    """

    SPEC_CLASS = DriftSpec
    EXECUTOR_SPEC = BeamExecutorSpec(Executor)

    def __init__(
        self,
        statistics: BaseChannel,
        examples: BaseChannel,
        settings: str,
        code: str,
        in_service: BaseChannel | None = None,
        previous_span: BaseChannel | None = None,
        spans: BaseChannel | None = None,
        model: BaseChannel | None = None,
        monitor: BaseChannel | None = None,
    ) -> None:
        super().__init__(
            DriftSpec(
                statistics=statistics,
                examples=examples,
                in_service=in_service,
                previous_span=previous_span,
                spans=spans,
                model=model,
                monitor=monitor,
                settings=settings,
                code=code,
                report=Channel(type=DriftReport),
            )
        )


def _statistics(artifact: Artifact) -> DatasetFeatureStatisticsList:
    path = Path(artifact.uri, f"Split-{SPLIT}", "FeatureStats.pb")
    try:
        return DatasetFeatureStatisticsList.FromString(path.read_bytes())
    except (OSError, DecodeError) as error:
        raise HeadgateError(
            f"The statistics of span {artifact.span} cannot be read.",
            where=str(path),
            received=first_line(error),
            fix=f"delete the folder {artifact.uri}: then what is compared with is chosen anew",
        ) from error


def _readable(artifacts: Sequence[Artifact]) -> list[DatasetFeatureStatisticsList]:
    """Statistics of earlier spans; those that cannot be read are left out, since drift can do without."""
    found = []
    for artifact in artifacts:
        with suppress(HeadgateError):
            found.append(_statistics(artifact))
    return found


def _monitored(inputs: Mapping[str, Sequence[Artifact]]) -> tuple[DatasetFeatureStatisticsList, ...]:
    """Statistics of predictions and embeddings, now and at training; empty where one of them is not there."""
    sides = [
        Path(report.uri, side, "FeatureStats.pb")
        for report in inputs.get("monitor", ())
        for side in ("current", "reference")
    ]
    if not sides or not all(path.is_file() for path in sides):
        return ()
    return tuple(DatasetFeatureStatisticsList.FromString(path.read_bytes()) for path in sides)


def _labels_are_late(monitor: Sequence[Artifact] | None) -> bool:
    """Whether rows lack their label: what those that have one show is not the label's distribution."""
    return any(each.unlabelled for each in monitor or ())


def _train(monitor: Sequence[Artifact] | None, records: Sequence[Decision]) -> int:
    """1 where a new model is trained: the monitor asks for one, or drift that is no mere record does; else 0."""
    if not monitor:
        return 1
    [found] = monitor
    asked = found.train or any(each.outcome != "pass" and each.rule.startswith("drift:") for each in records)
    return int(bool(asked and found.trainable and found.passed))
