"""Reads all that is on record of one run. What is gone or cannot be read is told in its section, and stops nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

from components import log
from components.evaluation import results
from components.feature_statistics import row_count
from components.ingest.sources import SourceFile
from pipeline.history import History, RunRow
from pipeline.summary import Summary
from pipeline.workspace import Workspace
from schema.errors import HeadgateError, first_line
from schema.remote import copies
from serving import manifest, releases
from serving.manifest import Manifest

SPLIT = "Split-train"
"""The split whose statistics are shown: the one that the model learns from, and that drift compares."""

SPLITS = ("Split-train", "Split-eval", "Split-test")

LINEAGE = {
    "examples": ("ingest", "examples"),
    "statistics": ("statistics", "statistics"),
    "schema": ("schema", "schema"),
    "transform graph": ("transform", "transform_graph"),
    "model": ("train", "model"),
    "model's training record": ("train", "model_run"),
    "evaluation": ("evaluate", "evaluation"),
    "blessing": ("judge", "blessing"),
}
"""Step and output of each artifact that a model comes from, in the order of the pipeline."""

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Statistics:
    """TFDV's statistics of the training rows of a run.

    Attributes:
      current: of this run.
      reference: of the data that drift compared them with; None if there were none or they are gone.
    """

    current: DatasetFeatureStatisticsList
    reference: DatasetFeatureStatisticsList | None


@dataclass(frozen=True)
class RunRecord:
    """All that is on record of one run, as plain data.

    Attributes:
      row: the run as lists show it; its status tells a run that goes on from one that was killed.
      summary: what it came to.
      rows: rows of each split, by name.
      settings: all settings, defaults written out.
      environment: what the run ran on.
      metrics: what the judge wrote (`metrics.json`): the model in service under `baseline`.
      analysis: judgement in depth (`analysis.json`).
      training: what the Trainer wrote (`training.json`): loss and metrics of each epoch.
      statistics: of the training rows.
      monitor: the model in service on this run's data (`monitor.json`).
      monitors: the same of every span of the pipeline up to this run, oldest first.
      drift: this run's comparison (`drift.json`).
      drift_log: every comparison of the pipeline up to this run, oldest first.
      lineage: folder of each artifact that the model came from, by what it is.
      sources: the files that were read.
      release: the manifest of what the run released.
      serving: version that is in service now; None: none.
      unreadable: why something could not be read, by what it is, such as `drift`.
    """

    row: RunRow
    summary: Summary
    rows: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    analysis: Mapping[str, Any] | None = None
    training: Mapping[str, Any] | None = None
    statistics: Statistics | None = None
    monitor: Mapping[str, Any] | None = None
    monitors: tuple[Mapping[str, Any], ...] = ()
    drift: Mapping[str, Any] | None = None
    drift_log: tuple[Mapping[str, Any], ...] = ()
    lineage: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[SourceFile, ...] = ()
    release: Manifest | None = None
    serving: int | None = None
    unreadable: Mapping[str, str] = field(default_factory=dict)


def gather(workspace: Workspace, run_id: str) -> RunRecord:
    """Reads one run.

    Args:
      workspace: where it ran.
      run_id: its id.

    Raises:
      SettingsError: if there is no such run.
      HeadgateError: if the workspace's database cannot be read.
    """
    history = History(workspace)
    summary = history.summary(run_id)
    row = history.row(run_id)
    reader = _Reader(history, run_id)
    settings = history.settings(run_id)
    return RunRecord(
        row=row,
        summary=summary,
        settings=settings,
        environment=history.environment(run_id),
        rows=reader.read("statistics", "statistics", "statistics", _rows) or {},
        metrics=reader.read("metrics", "judge", "blessing", _json(results.FILE_NAME)) or {},
        analysis=reader.read("analysis", "judge", "blessing", _json("analysis.json", optional=True)),
        training=reader.read("training", "train", "model_run", _json("training.json")),
        statistics=_statistics(history, reader),
        monitor=reader.read("monitor", "monitor", "report", _json("monitor.json")),
        monitors=tuple(_up_to(log.read(workspace.monitor(row.pipeline)), row)),
        drift=reader.read("drift", "drift", "report", _json("drift.json")),
        drift_log=tuple(_up_to(log.read(workspace.drift(row.pipeline)), row)),
        lineage=_lineage(history, run_id),
        sources=tuple(history.source_files(run_id)),
        release=reader.attempt("release", _manifest, summary),
        serving=reader.attempt("serving", _in_service, workspace, settings),
        unreadable=reader.problems,
    )


class _Reader:
    """Reads the outputs of one run's steps, and keeps why some could not be read."""

    def __init__(self, history: History, run_id: str) -> None:
        self._history = history
        self.run_id = run_id
        self.problems: dict[str, str] = {}

    def read(self, name: str, step: str, output: str, reader: Callable[[Path], Kind]) -> Kind | None:
        """Reads from the folder of a step's output; None where the step gave none, or where it cannot be read."""
        folder = self._history.folder(self.run_id, step, output)
        return self.attempt(name, reader, folder) if folder else None

    def attempt(self, name: str, reader: Callable[..., Kind], *arguments: Any) -> Kind | None:
        """What a function returns; None where what it reads is damaged."""
        try:
            return reader(*arguments)
        except (OSError, ValueError, DecodeError, HeadgateError) as error:
            where = getattr(error, "filename", None)
            self.problems[name] = f"{where}: {error.strerror}" if isinstance(error, OSError) else first_line(error)
            return None


def _json(name: str, *, optional: bool = False) -> Callable[[Path], Any]:
    """A reader of a JSON file; one that is `optional` may be missing."""

    def read(folder: Path) -> Any:
        path = folder / name
        if optional and not path.exists():
            return None
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path} is damaged: {error}") from error

    return read


def _proto(path: Path) -> DatasetFeatureStatisticsList:
    try:
        return DatasetFeatureStatisticsList.FromString(path.read_bytes())
    except DecodeError as error:
        raise ValueError(f"{path} is damaged") from error


def _rows(folder: Path) -> dict[str, int]:
    """Rows of each split."""
    splits = sorted(folder.glob("Split-*"), key=lambda path: SPLITS.index(path.name) if path.name in SPLITS else 9)
    return {path.name.removeprefix("Split-"): row_count(_proto(path / "FeatureStats.pb")) for path in splits}


def _statistics(history: History, reader: _Reader) -> Statistics | None:
    current = reader.read("statistics", "statistics", "statistics", _train)
    reference = history.reference_statistics(reader.run_id)
    if current is None:
        return None
    return Statistics(current, reader.attempt("reference", _train, reference) if reference else None)


def _train(folder: Path) -> DatasetFeatureStatisticsList:
    return _proto(folder / SPLIT / "FeatureStats.pb")


def _up_to(records: Sequence[Mapping[str, Any]], row: RunRow) -> Sequence[Mapping[str, Any]]:
    """The drift log as it stood when a run ended: later comparisons are not part of its story."""
    own = [index for index, record in enumerate(records) if record.get("run_id") == row.run_id]
    if own:
        return records[: own[-1] + 1]
    return [record for record in records if str(record.get("time", ""))[:19] <= row.started[:19]]


def _lineage(history: History, run_id: str) -> dict[str, str]:
    """Folder of each artifact that the model came from, by what it is."""
    places = {name: history.place(run_id, step, output) for name, (step, output) in LINEAGE.items()}
    return {name: place for name, place in places.items() if place}


def _manifest(summary: Summary) -> Manifest | None:
    if summary.release is None:
        return None
    return manifest.read(copies.fetch(summary.release.path, only=lambda name: name == manifest.LOCATION.as_posix()))


def _in_service(workspace: Workspace, settings: Mapping[str, Any]) -> int | None:
    """The version that is in service now."""
    model = (settings.get("release") or {}).get("model") or settings.get("name")
    place = (settings.get("release") or {}).get("directory") or workspace.serving
    release = releases.in_service(place, model) if model else None
    return release.version if release else None
