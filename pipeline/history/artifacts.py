"""What a run's steps left on disk.

What cannot be read is told, and left out: the rest of the run is still worth a look.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ml_metadata.proto import metadata_store_pb2 as mlmd

from components import decisions
from components.decisions import Decision
from components.edge import record
from components.evaluation import results
from components.evaluation.depth import record as analysis_record
from components.ingest import sources
from components.ingest.sources import SourceFile
from components.monitor import record as monitored
from components.tuning import trials
from pipeline.history.store import Step
from pipeline.history.timeline import points
from pipeline.summary import DriftResult, EdgeResult, MonitorResult, ReleaseResult, SliceResult
from schema.errors import HeadgateError
from schema.remote import copies
from schema.remote.places import exists

DECIDING = (("gate", "report"), ("monitor", "report"), ("drift", "report"), ("judge", "blessing"))
"""Steps that decide, with the output that holds their decisions."""

Kind = TypeVar("Kind")


class Artifacts:
    """The outputs of one run's steps.

    Args:
      steps: the run's steps.

    Attributes:
      notices: a sentence for each artifact that could not be read.
    """

    def __init__(self, steps: Mapping[str, Step]) -> None:
        self._steps = steps
        self.notices: list[str] = []

    def artifact(self, step: str, output: str) -> mlmd.Artifact | None:
        """An artifact that a step gave, if it did."""
        return self._steps[step].outputs.get(output) if step in self._steps else None

    def place(self, step: str, output: str) -> str | None:
        """The folder of a step's output, or its address, if the step gave one and it is still there."""
        artifact = self.artifact(step, output)
        return artifact.uri if artifact and exists(artifact.uri) else None

    def folder(self, step: str, output: str) -> Path | None:
        """The folder of a step's output, of a remote one the copy, if the step gave one and it is still there."""
        place = self.place(step, output)
        return copies.fetch(place) if place else None

    def read(self, step: str, output: str, reader: Callable[[Path], Kind], default: Kind) -> Kind:
        """Reads from a step's output; `default` where the step gave none, or where it cannot be read."""
        artifact = self.artifact(step, output)
        return default if artifact is None else read_or_tell(reader, artifact.uri, default, self.notices)

    def decisions(self) -> Iterator[Decision]:
        """Every rule that a step applied."""
        none: list[Decision] = []
        for step, output in DECIDING:
            yield from self.read(step, output, lambda folder: decisions.read(str(folder)), none)

    def metrics(self) -> dict[str, Any]:
        """What the judge saw (`metrics.json`); empty if nothing was evaluated."""
        return self.read("judge", "blessing", _judged, {})

    def analysis(self) -> dict[str, Any]:
        """Judgement in depth (`analysis.json`); empty if nothing was evaluated."""
        return self.read("judge", "blessing", analysis_record.read, {})

    def edge(self) -> list[EdgeResult]:
        """The models for devices."""
        return self.read("judge", "blessing", lambda folder: [_edge(each) for each in record.read(str(folder))], [])

    def trials(self) -> list[trials.Trial]:
        """What a search tried, the best first."""
        return self.read("tune", "tuner_results", lambda folder: trials.read(str(folder)), [])

    def monitor(self) -> MonitorResult | None:
        """What the model in service came to; None if it was not asked."""
        found = self.read("monitor", "report", _monitored, None)
        # Drift comes later, and may ask for a model that the monitor would not have asked for.
        drift = self.artifact("drift", "report")
        return replace(found, train=bool(drift.properties["train"].int_value)) if found and drift else found

    def drift(self) -> dict[str, Any]:
        """The drift report (`drift.json`); empty if nothing was compared."""
        return self.read("drift", "report", drift_report, {})

    def source_files(self) -> list[SourceFile]:
        """The files that the run read."""
        examples = self.artifact("ingest", "examples")
        if examples is None:
            return []
        return read_or_tell(sources.read, examples.uri, [], self.notices, file=sources.FILE_NAME)

    def release(self) -> ReleaseResult | None:
        """What the run put in service."""
        pushed = self.artifact("release", "pushed_model")
        if pushed is None or not pushed.custom_properties["pushed"].int_value:
            return None
        path = pushed.custom_properties["pushed_destination"].string_value
        _, model, version = path.rsplit("/", 2)
        return ReleaseResult(model, int(version), path)


def read_or_tell(
    reader: Callable[[Path], Kind], place: str | Path, default: Kind, notices: list[str], *, file: str | None = None
) -> Kind:
    """Reads from an artifact's folder.

    Args:
      reader: takes the folder.
      place: the folder, or its address.
      default: what is returned if it cannot be read.
      notices: gets a sentence then.
      file: all that is read, by its name: nothing else of a remote folder is fetched.
    """
    try:
        return reader(copies.fetch(place, only=lambda name: file in (None, name)))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, HeadgateError) as error:
        notice = f"{place} cannot be read ({_reason(error)}): what it held is left out."
        if notice not in notices:
            notices.append(notice)
        return default


def _reason(error: Exception) -> str:
    """Why something cannot be read, in a few words."""
    if isinstance(error, HeadgateError):
        return error.what.rstrip(".")
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, json.JSONDecodeError):
        return f"JSON that ends, or breaks, at line {error.lineno}"
    return f"{type(error).__name__}: {error}".partition("\n")[0]


def _judged(folder: Path) -> dict[str, Any]:
    found = results.read(str(folder))
    slice_results(found["slices"])
    return found | {"overall": dict(found["overall"])}


def _monitored(folder: Path) -> MonitorResult | None:
    found = monitored.read(folder)
    told = {name: value for name, value in found.items() if name in MonitorResult.__dataclass_fields__}
    return MonitorResult(**told | {"why": tuple(found["why"])})


def drift_report(folder: Path) -> dict[str, Any]:
    """Reads `drift.json` from an artifact's folder."""
    report: dict[str, Any] = json.loads((folder / "drift.json").read_text("utf-8"))
    drift_result(report)  # what a view cannot show is told here, not later
    points(report["features"], report["span"])
    return report | {"share": float(report["share"])}


def drift_result(report: Mapping[str, Any]) -> DriftResult:
    """A drift report in short."""
    reference = report["reference"]
    return DriftResult(
        reference=f"span {reference['span']} ({reference['kind'].replace('_', ' ')})" if reference else None,
        compared=report["compared"],
        drifted=tuple(report["drifted"]),
    )


def slice_results(records: list[dict[str, Any]]) -> tuple[SliceResult, ...]:
    """The judge's metrics by slice."""
    return tuple(SliceResult(each["slice"], each["value"], each["rows"], each["metrics"]) for each in records)


def _edge(each: record.Variant) -> EdgeResult:
    return EdgeResult(
        name=each.name,
        format=each.format,
        bytes=each.bytes,
        gzip_bytes=each.gzip_bytes,
        sparsity=each.sparsity,
        passed=bool(each.passed),
        metrics=each.metrics,
        slices=slice_results(each.slices),
    )
