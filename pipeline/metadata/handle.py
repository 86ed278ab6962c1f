"""TFX's way to ML Metadata, through ours."""

from __future__ import annotations

from typing import Any

from tfx.orchestration import metadata

from pipeline.metadata.place import Metadata


class Handle(metadata.Metadata):
    """What TFX calls a handle: opened by `with`, more than once if need be; it has the `store`.

    Args:
      place: the database.
    """

    def __init__(self, place: Metadata) -> None:
        super().__init__(place.plain_config)
        self._place = place

    def __enter__(self) -> Any:
        if self._users == 0:
            self._store = self._place.open()
        self._users += 1
        return self
