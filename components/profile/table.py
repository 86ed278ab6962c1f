"""Statistics of a table, gathered batch by batch, in one place or in several."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pyarrow as pa
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.profile.columns import ColumnProfile, Images, Numbers, Texts


class TableProfile:
    """What is known of a table: of each column what `columns` tells.

    Args:
      images: columns that hold pictures.

    Attributes:
      rows: how many rows were looked at.
      columns: by name, in the order of their first appearance; None for one that never had a value.
    """

    def __init__(self, images: Collection[str] = ()) -> None:
        self._images = images
        self.rows = 0
        self.columns: dict[str, ColumnProfile | None] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Looks at some more rows; a batch may lack columns, but not change their types."""
        self.rows += batch.num_rows
        for name, values in zip(batch.schema.names, batch.columns, strict=True):
            if self.columns.get(name) is None:
                self.columns[name] = self._profile(name, values.type)
            if (profile := self.columns[name]) is not None:
                profile.add(values)

    def merge(self, other: TableProfile) -> None:
        """Takes over what is known of other rows of the same table."""
        self.rows += other.rows
        for name, profile in other.columns.items():
            self.columns[name] = merged(self.columns.get(name), profile)

    def statistics(self) -> statistics_pb2.DatasetFeatureStatistics:
        """The statistics of all rows."""
        return dataset(self.rows, self.columns)

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


def merged(one: ColumnProfile | None, other: ColumnProfile | None) -> ColumnProfile | None:
    """What is known of a column from two parts of its rows; the first of them is changed."""
    if one is None or other is None:
        return one or other
    one.merge(other)
    return one


def feature(name: str, profile: ColumnProfile | None, rows: int) -> statistics_pb2.FeatureNameStatistics:
    """Statistics of a column of a table of so many rows. To one that never had a value, TFDV says string."""
    return (profile or Texts()).statistics(name, rows)


def dataset(rows: int, columns: Mapping[str, ColumnProfile | None]) -> statistics_pb2.DatasetFeatureStatistics:
    """Statistics of a table."""
    features = [feature(name, profile, rows) for name, profile in columns.items()]
    return statistics_pb2.DatasetFeatureStatistics(num_examples=rows, features=features)
