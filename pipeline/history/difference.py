"""What differs between two runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.history.artifacts import read_or_tell
from pipeline.history.runs import History
from pipeline.summary import Summary
from schema import curation
from schema.difference import diff


@dataclass(frozen=True)
class Changed:
    """One value in both runs; None where a run has none.

    Attributes:
      name: what it is of, such as the setting `training.epochs`.
      difference: second minus first, of numbers that may be subtracted.
    """

    name: str
    first: Any
    second: Any
    difference: float | None = None


@dataclass(frozen=True)
class Difference:
    """What differs between two runs; what they share is left out, but for metrics.

    Attributes:
      first: the one run's id.
      second: the other's.
      settings: by dotted path.
      data: span, rows, and source files with their sizes.
      schema: a sentence for each difference.
      code: steps whose code differs; None where a run did not record it.
      environment: versions and machine; None where a run did not record it.
      metrics: overall, of both models on their own test splits.
      drifted: features that drifted in one of the runs: in which.
      decisions: those with another outcome: `STEP RULE SUBJECT`.
      notices: what could not be read.
    """

    first: str
    second: str
    outcome: tuple[Changed, ...]
    settings: tuple[Changed, ...]
    data: tuple[Changed, ...]
    schema: tuple[str, ...]
    code: tuple[str, ...] | None
    environment: tuple[Changed, ...] | None
    metrics: tuple[Changed, ...]
    drifted: tuple[Changed, ...]
    decisions: tuple[Changed, ...]
    notices: tuple[str, ...]


def difference(history: History, first: str, second: str) -> Difference:
    """Compares two runs.

    Args:
      history: of the workspace that both are in.
      first: a run's id.
      second: another's.

    Raises:
      SettingsError: there is no such run.
      HeadgateError: the database cannot be read.
    """
    runs = history.summary(first), history.summary(second)
    codes = history.code(first), history.code(second)
    environments = history.environment(first), history.environment(second)
    notices: list[str] = []
    return Difference(
        first=first,
        second=second,
        outcome=tuple(_changes(*(_outcome(run) for run in runs))),
        settings=tuple(_changes(*(dict(_leaves(history.settings(run))) for run in (first, second)))),
        data=tuple(_changes(*(_data(history, run) for run in runs))),
        schema=tuple(_schema(history, first, second, notices)),
        code=tuple(each.name for each in _changes(*codes)) if all(codes) else None,
        environment=tuple(_changes(*(dict(_leaves(each)) for each in environments))) if all(environments) else None,
        metrics=tuple(_metrics(*(run.metrics for run in runs))),
        drifted=tuple(_changes(*(_drifted(run) for run in runs))),
        decisions=tuple(_decisions(*runs)),
        notices=(*dict.fromkeys(note for run in runs for note in run.notes), *notices),
    )


def _changes(first: Mapping[str, Any], second: Mapping[str, Any]) -> Iterator[Changed]:
    for name in dict.fromkeys((*first, *second)):
        if first.get(name) != second.get(name):
            yield Changed(name, first.get(name), second.get(name))


def _leaves(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Values of nested mappings by dotted path; a list is one value, unless it lists sections."""
    for key, each in value.items():
        if isinstance(each, Mapping) and each:
            yield from _leaves(each, f"{path}{key}.")
        elif isinstance(each, list) and each and all(isinstance(item, Mapping) for item in each):
            yield from _leaves({str(number): item for number, item in enumerate(each)}, f"{path}{key}.")
        else:
            yield f"{path}{key}", each


def _outcome(run: Summary) -> dict[str, Any]:
    release = f"{run.release.model}@{run.release.version}" if run.release else None
    return {"pipeline": run.pipeline, "status": run.status, "release": release}


def _data(history: History, run: Summary) -> dict[str, Any]:
    files = history.source_files(run.run_id)
    facts = {"span": run.span, "rows": run.rows, "quarantined": run.quarantined}
    return facts | {
        each.path: f"{each.bytes:,} bytes in {each.files:,} file(s), written {each.modified}" for each in files
    }


def _schema(history: History, first: str, second: str, notices: list[str]) -> Iterator[str]:
    folders = [history.folder(run, "schema", "schema") for run in (first, second)]
    if folders[0] == folders[1]:
        return
    found = [
        read_or_tell(lambda path: curation.read(path / "schema.pbtxt"), folder, None, notices) if folder else None
        for folder in folders
    ]
    if found[0] is not None and found[1] is not None:
        yield from map(str, diff(found[0], found[1]))


def _metrics(first: Mapping[str, float], second: Mapping[str, float]) -> Iterator[Changed]:
    for name in dict.fromkeys((*first, *second)):
        known = name in first and name in second
        yield Changed(name, first.get(name), second.get(name), second[name] - first[name] if known else None)


def _drifted(run: Summary) -> dict[str, str]:
    return dict.fromkeys(run.drift.drifted if run.drift else (), "drifted")


def _decisions(first: Summary, second: Summary) -> Iterator[Changed]:
    """Rules whose outcome changed; one that only one run applied, if it did not pass there."""
    outcomes: Sequence[dict[str, str]] = [
        {f"{each.step} {each.rule} {each.subject}": each.outcome for each in run.decisions} for run in (first, second)
    ]
    for each in _changes(*outcomes):
        if {each.first, each.second} != {None, "pass"}:
            yield each
