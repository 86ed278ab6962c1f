"""Settings of the schema: the `schema` section."""

from __future__ import annotations

from schema.section import Section


class SchemaSettings(Section):
    """Where the curated schema lives."""

    path: str | None = None
    """A TFMD schema as text proto. Default: `schema/NAME.pbtxt` beside the settings file, once
    `headgate schema accept` has written it; until then each run infers a schema from its own data."""
