"""The names of the columns, without reading the data: what `headgate check` compares the settings with."""

from __future__ import annotations

import tempfile
from pathlib import Path

from components.ingest import spans
from components.ingest.listing import units
from components.ingest.prepare import prepared
from components.ingest.settings import Format, IngestSettings
from components.ingest.survey import decide, no_rows, reader_for, survey
from components.measured import measured


def peek_columns(settings: IngestSettings) -> tuple[str, ...]:
    """Names of the columns after `data.prepare`, from the first block of the first file, and of measured features.

    Raises:
      SettingsError: no file matches, or `data.prepare` cannot be imported.
      DataError: the file cannot be read, or has no row that `data.prepare` could be shown; or a class has no images.
      HeadgateError: `data.prepare` failed on the first block.
    """
    found = spans.resolve(settings.data).first()
    with tempfile.TemporaryDirectory() as work:
        path = units(found, settings, Path(work))[0]
        columns = _columns(path, found.format, settings)
    return tuple(dict.fromkeys((*columns, *measured(settings.images))))


def _columns(path: Path, form: Format, settings: IngestSettings) -> tuple[str, ...]:
    if not settings.data.prepare:
        return reader_for(form, settings).columns(path)
    plan = decide({path: survey(path, form, settings, limit=1)}, form, settings)
    refused, first = 0, None
    for chunk in reader_for(form, settings).chunks(path, plan.columns):
        if len(chunk.lines):
            return tuple(prepared(chunk, path, plan).batch.schema.names)
        refused += len(chunk.rejects)
        first = first or next(iter(chunk.rejects), None)
    raise no_rows(first.place if first else str(path), refused, first.reason if first else "")
