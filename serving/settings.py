"""Settings of releases: the `release` section."""

from __future__ import annotations

from pydantic import Field

from schema.section import Section


class ReleaseSettings(Section):
    """How a blessed model enters the TensorFlow Serving directory."""

    model: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """Name of the model in TensorFlow Serving. Default: the pipeline's name."""
    directory: str | None = None
    """The TensorFlow Serving directory: a folder, or an address such as `s3://bucket/models`. Default: in the
    workspace."""
    keep: int = Field(5, ge=1)
    """How many versions to keep; a version in service is kept in any case."""
