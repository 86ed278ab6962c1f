"""The sections of a run's page, in the order of what a reader asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from pipeline.report.gather import RunRecord
from pipeline.report.sections import curves, data, decisions, drift, metrics, record, training
from pipeline.report.view import Section, Text
from schema.errors import first_line

Builder = Callable[[RunRecord], Section | None]

SECTIONS: dict[str, tuple[str, Builder, tuple[str, ...]]] = {
    "decisions": ("Decisions", decisions.decisions, ()),
    "metrics": ("Metrics", metrics.metrics, ("metrics", "analysis")),
    "slices": ("Metrics by slice", metrics.by_slice, ()),
    "weak-slices": ("Weak slices found", metrics.weak_slices, ()),
    "curves": ("Thresholds, calibration and curves", curves.curves, ()),
    "confusion": ("Confusion matrix", curves.confusion, ()),
    "training": ("Training", training.training, ("training",)),
    "trials": ("Trials of the search", training.trials, ()),
    "edge": ("Models for devices", training.edge, ()),
    "profile": ("Data profile", data.profile, ("statistics", "reference")),
    "anomalies": ("Anomalies", decisions.anomalies, ()),
    "monitor": ("Model in service on the new data", drift.monitor, ("monitor",)),
    "drift": ("Drift", drift.drift, ("drift",)),
    "timeline": ("Drift over time", drift.timeline, ("drift log",)),
    "lineage": ("Lineage", record.lineage, ("release", "serving")),
    "steps": ("Steps", record.steps, ()),
    "settings": ("Settings", record.settings, ()),
    "environment": ("Environment", record.environment, ()),
}
"""Title and builder of each section, with what it tells if that could not be read."""


def sections(run: RunRecord) -> Iterator[Section]:
    """The sections that have something to say.

    What is on record of an old run, or was damaged, may lack what a section needs. That section says so; the others
    stand.
    """
    for id_, (title, build, sources) in SECTIONS.items():
        told = [
            Text(f"Not everything could be read: {run.unreadable[name]}", "warn")
            for name in sources
            if name in run.unreadable
        ]
        try:
            section = build(run)
        except Exception as error:
            told.append(
                Text(
                    f"What is on record here cannot be shown ({type(error).__name__}: {first_line(error)}).",
                    "warn",
                )
            )
            section = None
        if section is None and told:
            section = Section(id_, title)
        if section is not None:
            yield replace(section, parts=(*told, *section.parts))
