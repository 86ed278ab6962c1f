"""The names of the columns, without reading the data: what `headgate check` compares the settings with."""

from __future__ import annotations

from components.ingest import spans
from components.ingest.prepare import prepared
from components.ingest.settings import IngestSettings
from components.ingest.survey import decide, no_rows, reader_for, survey


def peek_columns(settings: IngestSettings) -> tuple[str, ...]:
    """Names of the columns after `data.prepare`, from the first block of the first file.

    Raises:
      SettingsError: no file matches, or `data.prepare` cannot be imported.
      DataError: the file cannot be read, or has no row that `data.prepare` could be shown.
      HeadgateError: `data.prepare` failed on the first block.
    """
    found = spans.resolve(settings.data)
    path = found.files[0]
    form = spans.format_of(settings.data, found.files)
    if not settings.data.prepare:
        return reader_for(form, settings.data).columns(path)
    plan = decide({path: survey(path, form, settings, limit=1)}, form, settings)
    refused, first = 0, None
    for chunk in reader_for(form, settings.data).chunks(path, plan.columns):
        if len(chunk.lines):
            return tuple(prepared(chunk, path, plan).batch.schema.names)
        refused += len(chunk.rejects)
        first = first or next(iter(chunk.rejects), None)
    where = f"{path}, line {first.line}" if first else str(path)
    raise no_rows(where, refused, first.reason if first else "")
