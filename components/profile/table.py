"""Statistics of a table, gathered batch by batch."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.profile.columns import ColumnProfile, Images, Numbers, Texts


class TableProfile:
    """What is known of a table: of each column what `columns` tells.

    Args:
      images: columns that hold pictures.
    """

    def __init__(self, images: Collection[str] = ()) -> None:
        self._images = images
        self._rows = 0
        self._columns: dict[str, ColumnProfile | None] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Looks at some more rows; a batch may lack columns, but not change their types."""
        self._rows += batch.num_rows
        for name, values in zip(batch.schema.names, batch.columns, strict=True):
            if self._columns.get(name) is None:
                self._columns[name] = self._profile(name, values.type)
            if (profile := self._columns[name]) is not None:
                profile.add(values)

    def statistics(self) -> statistics_pb2.DatasetFeatureStatistics:
        """The statistics of all rows. To a column that never had a value, TFDV says string."""
        profiles = {name: profile or self._profile(name, pa.string()) for name, profile in self._columns.items()}
        features = [profile.statistics(name, self._rows) for name, profile in profiles.items() if profile]
        return statistics_pb2.DatasetFeatureStatistics(num_examples=self._rows, features=features)

    def _profile(self, name: str, kind: pa.DataType) -> ColumnProfile | None:
        """How a column is looked at; None where it has no type yet."""
        while pa.types.is_list(kind) or pa.types.is_large_list(kind):
            kind = kind.value_type
        if name in self._images:
            return Images()
        if pa.types.is_null(kind):
            return None
        if pa.types.is_integer(kind):
            return Numbers(statistics_pb2.FeatureNameStatistics.INT)
        return Numbers(statistics_pb2.FeatureNameStatistics.FLOAT) if pa.types.is_floating(kind) else Texts()
