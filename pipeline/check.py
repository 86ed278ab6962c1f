"""Holds settings against the columns that the data have."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from components.ingest.settings import IngestSettings
from pipeline.document import Path as Place
from pipeline.problems import choice, one_error
from pipeline.settings import PipelineSettings
from pipeline.settings_file import Loaded
from schema.errors import DataError, SettingsError


@dataclass(frozen=True)
class Checked:
    """Settings that fit their data.

    Attributes:
      columns: the data's, `data.prepare` applied.
      unused: those that nothing in the settings names.
    """

    columns: tuple[str, ...]
    unused: tuple[str, ...]


def check(loaded: Loaded, folder: Path | None = None) -> Checked:
    """Finds the input files, looks at their columns, and holds the settings against them.

    Args:
      loaded: the settings.
      folder: where a data set that ships with Headgate is put; None: a temporary folder.

    Raises:
      SettingsError: there are no input files, or a module is not there, or a slice or another setting names a
        column that neither the features nor the data have.
      DataError: the data lack a feature or the label, or their columns cannot be read.
    """
    from components.ingest.peek import peek_columns

    problems = list(missing_modules(loaded))
    if problems:
        raise one_error(problems, loaded.document.name)
    if str(loaded.base) not in sys.path:  # for `data.prepare`
        sys.path.insert(0, str(loaded.base))
    with tempfile.TemporaryDirectory() if folder is None else nullcontext(folder) as place:
        columns = tuple(peek_columns(_ingestion(loaded.settings, Path(place))))
    problems = list(missing_columns(loaded, columns))
    if problems:
        raise one_error(problems, loaded.document.name)
    _refuse_incomplete(loaded, columns)
    used = {name for name, _ in named_columns(loaded.settings)}
    return Checked(columns, tuple(name for name in columns if name not in used))


def _ingestion(settings: PipelineSettings, folder: Path) -> IngestSettings:
    """What ingestion needs to look at the data; a data set that ships with Headgate is put into `folder`."""
    data = settings.data
    if data.path is None:
        from data.sources import materialise

        data = data.model_copy(update={"path": materialise(str(data.source), folder)})
    columns = {name: column.type for name, column in settings.features.columns.items()}
    return IngestSettings(data=data, columns=columns, label=settings.label)


def named_columns(settings: PipelineSettings) -> Iterator[tuple[str, Place]]:
    """Every column that the settings name, with the place where they do."""
    yield settings.label.name, ("label", "name")
    for name in settings.features.columns:
        yield name, ("features", "columns", name)
    if settings.data.split.by is not None:
        yield settings.data.split.by, ("data", "split", "by")
    for key, group in settings.evaluation.slices.items():
        for column in group.columns:
            yield column, ("evaluation", "slices", key)
    for name in settings.drift.features:
        yield name, ("drift", "features", name)
    for name in settings.gate.features:
        yield name, ("gate", "features", name)


def _refuse_incomplete(loaded: Loaded, columns: Collection[str]) -> None:
    """Features and label are declared: where the data lack one, it is the data that are wrong."""
    declared = [*loaded.settings.features.columns, loaded.settings.label.name]
    lacking = [name for name in declared if name not in columns]
    if lacking:
        raise DataError(
            "The data lack columns that the pipeline needs.",
            where=loaded.settings.data.path or f"data.source: {loaded.settings.data.source}",
            expected=f"all of {', '.join(declared)}",
            received=f"no {', '.join(lacking)}; there is {', '.join(columns)}",
            fix="correct the data, or the names under `features` and `label`",
        )


def missing_columns(loaded: Loaded, columns: Collection[str]) -> Iterator[SettingsError]:
    """A problem for each place that names a column which neither the data nor `features` and `label` have."""
    known = {*columns, *loaded.settings.features.columns, loaded.settings.label.name}
    for name, place in named_columns(loaded.settings):
        if name not in known:
            yield SettingsError(
                f"The data have no column `{name}`, which `{'.'.join(place)}` names.",
                where=loaded.document.place(place),
                expected=f"one of {', '.join(columns)}",
                received=name,
                fix=choice(name, columns) or "correct the name, or the data",
            )


def missing_modules(loaded: Loaded) -> Iterator[SettingsError]:
    """A problem for each function of the user's whose module is not there; nothing is imported."""
    settings = loaded.settings
    named = {
        ("data", "prepare"): settings.data.prepare,
        ("features", "preprocessing_fn"): settings.features.preprocessing_fn,
        ("model", "build"): settings.model.build if ":" in settings.model.build else None,
    }
    for place, name in named.items():
        module, colon, function = (name or "").partition(":")
        if name is not None and not (module and colon and function and _exists(module, loaded.base)):
            yield SettingsError(
                f"The function that `{'.'.join(place)}` names cannot be found.",
                where=loaded.document.place(place),
                expected=f"package.module:function, importable or beside the settings file in {loaded.base}",
                received=name,
            )


def _exists(module: str, base: Path) -> bool:
    beside = base.joinpath(*module.split("."))
    if beside.with_suffix(".py").is_file() or beside.is_dir():
        return True
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
