"""What the monitor is given: the rows of a span, the model in service, and what is on record of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.components.statistics_gen.stats_artifact_utils import load_statistics
from tfx.types.artifact import Artifact
from tfx.types.artifact_utils import decode_split_names, get_single_instance, get_split_uri
from tfx.utils import path_utils

from components.evaluation import results
from components.feature_statistics import missing_rows, row_count
from components.monitor.settings import MonitorStepSettings
from schema.remote.addresses import told
from serving import releases

TEST = "test"
"""The split that no training reads."""

Statistics = Mapping[str, statistics_pb2.DatasetFeatureStatisticsList]


@dataclass(frozen=True)
class Served:
    """The model in service.

    Attributes:
      folder: of its SavedModel.
      record: `name`, `version` and `uri`.
      metrics: `overall` and `slices` at its release.
      metrics_from: where those stand: `blessing`, or `manifest` where that is gone, which has no slices.
      trained_on: statistics of the data that it was trained on, by split; None where they are gone.
      span: of these data.
    """

    folder: Path
    record: dict[str, Any]
    metrics: dict[str, Any]
    metrics_from: str
    trained_on: Statistics | None
    span: int

    def __str__(self) -> str:
        return f"{self.record['name']} version {self.record['version']}"

    @property
    def test_rows(self) -> int | None:
        """Rows of the test split at its release, where that is known."""
        return row_count(self.trained_on[TEST]) if self.trained_on and TEST in self.trained_on else None


@dataclass(frozen=True)
class Inputs:
    """What the monitor is given.

    Attributes:
      span: the span at hand.
      files: TFRecord files of its examples, by split.
      statistics: of them, by split.
      unlabelled: how many rows have no label.
      rows: how many rows there are.
      served: the model in service, if there is one.
    """

    span: int
    files: Mapping[str, list[Path]]
    statistics: Statistics
    unlabelled: int
    rows: int
    served: Served | None

    @classmethod
    def of(cls, inputs: Mapping[str, list[Artifact]], settings: MonitorStepSettings) -> Inputs:
        """Reads what TFX gives the step."""
        examples = get_single_instance(inputs["examples"])
        statistics = _read(get_single_instance(inputs["statistics"]))
        return cls(
            span=examples.span,
            files={
                split: sorted(Path(get_split_uri([examples], split)).iterdir())
                for split in decode_split_names(examples.split_names)
            },
            statistics=statistics,
            unlabelled=sum(missing_rows(each, settings.label.name) for each in statistics.values()),
            rows=sum(row_count(each) for each in statistics.values()),
            served=_served(inputs, settings),
        )

    def unseen(self) -> tuple[str, ...]:
        """The splits that the model in service has not seen.

        None, where these are the very data that it was trained on. Only the test split, where its data had the same
        span: they were dealt or written anew, and rows of the other splits may have been among those it learnt from.
        """
        if self.served is None or self.served.trained_on == self.statistics:
            return ()
        return (TEST,) if self.served.span == self.span else tuple(self.files)


def _served(inputs: Mapping[str, list[Artifact]], settings: MonitorStepSettings) -> Served | None:
    release = releases.in_service(settings.serving_dir, settings.model)
    if not inputs.get("model") or release is None:
        return None
    uri = get_single_instance(inputs["model"]).uri
    blessing, statistics = inputs.get("released"), inputs.get("in_service")
    metrics, source = {"overall": release.manifest.metrics, "slices": []}, "manifest"
    if blessing:
        judged = results.read(blessing[0].uri)
        metrics, source = {name: judged[name] for name in ("overall", "slices")}, "blessing"
    return Served(
        folder=Path(path_utils.serving_model_path(uri)),
        record={"name": release.model, "version": release.version, "uri": told(uri)},
        metrics=metrics,
        metrics_from=source,
        trained_on=_read(statistics[0]) if statistics else None,
        span=release.manifest.span,
    )


def _read(artifact: Artifact) -> Statistics:
    return {split: load_statistics(artifact, split).proto() for split in decode_split_names(artifact.split_names)}
