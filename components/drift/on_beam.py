"""Features compared by Beam's workers, each by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import apache_beam as beam

from components.drift.compare import Comparison, FeatureDrift
from components.parts import MakePipeline, in_order, spread

_FOUND = "drifts.json"


def drifts(comparisons: Sequence[Comparison], work: Path, make_pipeline: MakePipeline) -> list[FeatureDrift]:
    """Compares.

    Args:
      comparisons: what with what.
      work: a folder that all workers see; it is there.
      make_pipeline: makes Beam's pipeline.

    Returns:
      A record for each, in their order: those that `Comparison.drift` gives.
    """
    with make_pipeline() as pipeline:
        _ = (
            spread(pipeline, enumerate(comparisons))
            | "Compare" >> beam.MapTuple(lambda index, comparison: (index, asdict(comparison.drift())))
            | "All" >> beam.combiners.ToList()
            | "Write" >> beam.Map(_write, work)
        )
    found = json.loads((work / _FOUND).read_text(encoding="utf-8"))
    return [FeatureDrift(**{**each, "by": tuple(each["by"])}) for each in found]


def _write(found: list[tuple[int, dict[str, object]]], work: Path) -> None:
    (work / _FOUND).write_text(json.dumps(in_order(found)), encoding="utf-8")
