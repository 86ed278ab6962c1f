"""After a run: its state is written for Prometheus, and whoever is to be told is told. Neither can fail the run."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import asdict, replace

from pipeline.alerts.payload import early_failure, events, payload
from pipeline.history import History
from pipeline.quiet import quiet
from pipeline.settings import PipelineSettings
from pipeline.summary import AlertResult, Status, Summary
from pipeline.workspace import Workspace
from schema.errors import DataError, HeadgateError, first_line
from serving.releases import Release

LOGGER = logging.getLogger("headgate.alerts")


def follow_up(
    settings: PipelineSettings,
    workspace: Workspace,
    history: History,
    summary: Summary,
    release: Release | None,
    seconds: float,
) -> Summary:
    """Does what follows from a run.

    Args:
      settings: the run's.
      workspace: where it ran.
      history: the workspace's.
      summary: what it came to.
      release: what is in service now.
      seconds: how long it took.

    Returns:
      The summary, with what became of the alerts and a note on what could not be written.
    """
    from pipeline import prometheus  # a run that has nothing to do needs neither this nor requests

    notes, textfile = summary.notes, workspace.prometheus(settings.name)
    try:
        prometheus.export(
            textfile,
            summary,
            seconds=seconds,
            drift=history.latest_drift(settings.name),
            monitor=history.latest_monitor(settings.name),
            release=release,
        )
    except (OSError, HeadgateError) as error:
        why = error.strerror if isinstance(error, OSError) else error.what
        notes = (*notes, f"{textfile}, for Prometheus, could not be written: {why}")
    notes = (*notes, *_unwritten(workspace, settings.name, summary.run_id))
    return replace(summary, notes=notes, alerts=_alerted(settings, workspace, history, summary))


def _unwritten(workspace: Workspace, pipeline: str, run_id: str) -> Iterator[str]:
    """A sentence for each log that a run could not write to: a step that tells of it is told only as it happens."""
    for path in (workspace.log(pipeline, run_id), workspace.drift(pipeline), workspace.monitor(pipeline)):
        there = next(each for each in (path, *path.parents) if each.exists())
        if not os.access(there, os.W_OK):
            yield f"{path} could not be written: {there} may only be read"


def tell_early(settings: PipelineSettings, error: Exception) -> list[AlertResult]:
    """Tells of a run that ended before it was on record, as where no file had come.

    Args:
      settings: the run's.
      error: what ended it.

    Returns:
      What became of the alerts.
    """
    status: Status = "blocked" if isinstance(error, DataError) else "failed"
    if status not in settings.alerts.on or not settings.alerts.receivers:
        return []
    from pipeline.alerts.send import send

    text = str(error) if isinstance(error, HeadgateError) else f"{type(error).__name__}: {first_line(error)}"
    return send(settings.alerts, early_failure(settings.name, status, text))


def _alerted(
    settings: PipelineSettings, workspace: Workspace, history: History, summary: Summary
) -> tuple[AlertResult, ...]:
    happened = [event for event in events(summary) if event in settings.alerts.on]
    if not happened or not settings.alerts.receivers:
        return ()
    from pipeline.alerts.send import send

    report = workspace.report(settings.name, summary.run_id)
    with quiet(workspace.log(settings.name, summary.run_id)):
        try:
            drift = history.drift(summary.run_id)
        except HeadgateError:
            drift = {}
        told = send(settings.alerts, payload(summary, happened, drift, report))
        for each in told:
            LOGGER.log(logging.INFO if each.delivered else logging.WARNING, "alert (%s): %s", ", ".join(happened), each)
        try:
            history.record(summary.run_id, alerts=json.dumps([asdict(each) for each in told]))
        except HeadgateError as error:
            LOGGER.warning("what became of the alert could not be recorded: %s", error)
    return tuple(told)
