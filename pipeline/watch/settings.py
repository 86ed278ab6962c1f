"""Settings of `headgate watch`: the `watch` section."""

from __future__ import annotations

from pydantic import Field

from schema.section import Section


class WatchSettings(Section):
    """How `headgate watch` looks for new data. What makes it train is up to `monitor`."""

    every_seconds: float = Field(60, gt=0)
    """How long from one look at `data.path` to the next."""
    settle_seconds: float = Field(30, ge=0)
    """A span is taken once its files have stayed as they are for so long: those that grow are still being written."""
