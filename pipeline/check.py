"""Holds settings against the columns that the data have."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.ingest.settings import IngestSettings
from components.ingest.spans import resolve
from components.measured import measured
from pipeline.data_path import locate
from pipeline.document import Path as Place
from pipeline.problems import choice, one_error
from pipeline.settings import PipelineSettings
from pipeline.settings_file import Loaded
from schema.curation import curated_path
from schema.curation import read as read_schema
from schema.errors import DataError, SettingsError
from schema.remote import copies, places
from schema.remote.addresses import is_remote

_MOST = 50
_LONGEST = 60
"""How many names of columns a message lists, and how many characters of each."""


@dataclass(frozen=True)
class Checked:
    """Settings that fit their data.

    Attributes:
      columns: the data's, `data.prepare` applied.
      unused: those that nothing in the settings names.
      notes: what whoever runs on these data must know.
    """

    columns: tuple[str, ...]
    unused: tuple[str, ...]
    notes: tuple[str, ...]


def check(loaded: Loaded) -> Checked:
    """Finds the input files, looks at their columns, and holds the settings against them.

    Args:
      loaded: the settings. A data set that ships with Headgate is looked at in a temporary folder.

    Raises:
      SettingsError: there are no input files, or a function or file of the user's is not there, or the curated schema
        does not parse, or a slice or another setting names a column that neither the features nor the data have.
      DataError: the data lack a feature or the label, or their columns cannot be read.
    """
    from components.ingest.peek import peek_columns

    curated = curated_path(loaded.settings.schema_, loaded.settings.name, loaded.file)
    if curated is not None:
        read_schema(curated)
    named = loaded.settings.model.weights_file
    if named is not None and not (weights := copies.fetch(str(loaded.settings.model.weights))).is_file():
        place = loaded.document.place(("model", "weights"))
        raise SettingsError("The file with the weights is not there.", where=place, received=str(weights))
    if str(loaded.base) not in sys.path:  # for `data.prepare`
        sys.path.insert(0, str(loaded.base))
    for target in (loaded.settings.artifacts, loaded.settings.release.directory):
        if target and is_remote(target):
            places.children(target)  # raises where there is no such bucket, or no access to it
    with tempfile.TemporaryDirectory() as folder:
        settings, notes = locate(loaded, Path(folder).joinpath, few=True)
        ingestion = settings.ingestion
        columns = tuple(peek_columns(ingestion))
        problems = list(missing_columns(loaded, columns))
        if problems:
            raise one_error(problems, loaded.document.name)
        _refuse_incomplete(ingestion, columns)
    used = {name for name, _ in named_columns(loaded.settings)} | set(measured(loaded.settings.features.images))
    return Checked(columns, tuple(name for name in columns if name not in used), notes)


MONITORED = ("prediction", "embedding")
"""What the monitor measures is named `GROUP/NAME`, and is in no data."""


def named_columns(settings: PipelineSettings) -> Iterator[tuple[str, Place]]:
    """Every column that the settings name, with the place where they do."""
    yield settings.label.name, ("label", "name")
    for name in settings.features.columns:
        yield name, ("features", "columns", name)
    for name in settings.features.images:
        yield name, ("features", "images", name)
    if settings.data.split.by is not None:
        yield settings.data.split.by, ("data", "split", "by")
    for key, group in settings.evaluation.slices.items():
        for column in group.columns:
            yield column, ("evaluation", "slices", key)
    for name in settings.evaluation.find_slices.columns:
        yield name, ("evaluation", "find_slices", "columns")
    for name in settings.drift.features:
        if name.partition("/")[0] not in MONITORED:
            yield name, ("drift", "features", name)
    for columns in settings.drift_slices:
        for name in columns:
            yield name, ("drift", "slices")
    for name in settings.gate.features:
        yield name, ("gate", "features", name)


def _refuse_incomplete(ingestion: IngestSettings, columns: Sequence[str]) -> None:
    """Features and label are declared: where the data lack one, it is the data that are wrong."""
    lacking = [name for name in ingestion.required if name not in columns]
    if lacking:
        raise DataError(
            "The data lack columns that the pipeline needs.",
            where=str(resolve(ingestion.data).files[0]),
            expected=f"all of {', '.join(ingestion.required)}",
            received=f"no {', '.join(lacking)}; there is {_listed(columns)}",
            fix=choice(lacking[0], columns) or "correct the data, or the names under `features` and `label`",
        )


def _listed(columns: Sequence[str]) -> str:
    """Names of columns as they came with the data: bounded in number and length, and nothing that a terminal obeys."""
    names = ["".join(char if char.isprintable() else "�" for char in name[:_LONGEST]) for name in columns[:_MOST]]
    return ", ".join(names) + (f" and {len(columns) - _MOST} more" if len(columns) > _MOST else "")


def missing_columns(loaded: Loaded, columns: Sequence[str]) -> Iterator[SettingsError]:
    """A problem for each place that names a column which neither the data nor `features` and `label` have."""
    known = {*columns, *loaded.settings.ingestion.required, loaded.settings.label.name}
    for name, place in named_columns(loaded.settings):
        if name not in known:
            yield SettingsError(
                f"The data have no column `{name}`, which `{'.'.join(place)}` names.",
                where=loaded.document.place(place),
                expected=f"one of {_listed(columns)}",
                received=name,
                fix=choice(name, columns) or "correct the name, or the data",
            )
