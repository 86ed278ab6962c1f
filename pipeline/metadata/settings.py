"""Settings of the database: the `metadata` section."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from pipeline.metadata.address import Address
from schema.section import Section


class MetadataSettings(Section):
    """The database that runs, artifacts and decisions are recorded in."""

    url: str | None = None
    """`postgresql://USER@HOST:PORT/DATABASE` or `mysql://USER@HOST:PORT/DATABASE` (MariaDB, too), without a password.
    Default: the one that the workspace was moved to, else the file `metadata.db` in the workspace."""
    password_file: Path | None = None
    """File with the password; nobody but its owner may read it (mode 600). Default: the environment variable
    HEADGATE_METADATA_PASSWORD, else for PostgreSQL ~/.pgpass."""

    wait: float = Field(60, ge=0, le=3600)
    """Seconds that a run waits for a server that is gone, before it fails."""

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str | None) -> str | None:
        if url is not None:
            Address.parse(url)
        return url
