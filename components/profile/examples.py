"""Statistics of examples, in this process or on Beam: the same to the last bit.

Each part of a split (`components.parts`) is profiled by itself, and the profiles of the parts are merged in order. On
Beam they are merged column by column, each on a worker of its own. Nothing here imports TensorFlow unless there are
slices, so that workers start fast.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from components.feature_statistics import WHOLE
from components.ingest import tfrecord
from components.parts import MakePipeline, Part, in_order, parts_of, spread, telling, told
from components.profile.columns import ColumnProfile
from components.profile.table import TableProfile, feature, merged

FILE_NAME = "FeatureStats.pb"

_ROWS = 10_000
"""Rows to a batch. Below, the cost of each column of each batch shows; above, nothing is gained."""

Slicer = Callable[[pa.RecordBatch], Iterable[tuple[str, pa.RecordBatch]]]


@dataclass(frozen=True)
class Wanted:
    """What statistics are asked for.

    Attributes:
      images: columns that hold images.
      slices: columns by whose values the statistics are also told apart.
    """

    images: tuple[str, ...] = ()
    slices: tuple[tuple[str, ...], ...] = ()


def compute(files: Sequence[Path], wanted: Wanted) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Statistics of the files of a split: of all rows, and of each slice.

    Raises:
      DataError: a file is damaged.
    """
    found: dict[str, TableProfile] = {WHOLE: TableProfile(wanted.images)}
    for part in parts_of("", files):
        for name, table in _profile(part, wanted).items():
            found.setdefault(name, TableProfile(wanted.images)).merge(table)
    features = {name: _features(table.rows, table.columns) for name, table in found.items()}
    return _statistics({name: table.rows for name, table in found.items()}, features, wanted)


def compute_on_beam(
    files: Mapping[str, Sequence[Path]], wanted: Wanted, folder: Path, make_pipeline: MakePipeline
) -> None:
    """Writes what `compute` gives of each split as `folder/Split-*/FeatureStats.pb`.

    Raises:
      DataError: a file is damaged.
    """
    work = folder / ".work"
    work.mkdir(parents=True)
    parts = [part for split, paths in files.items() for part in parts_of(split, paths)]
    try:
        with told(work), make_pipeline() as pipeline:
            tables = spread(pipeline, parts) | "Profile" >> beam.ParDo(_Profile(wanted, work))
            rows = tables | "Tables" >> beam.Map(_rows) | "CountRows" >> beam.CombinePerKey(sum)
            _ = (
                tables
                | "Columns" >> beam.FlatMap(_columns)
                | "EachColumn" >> beam.GroupByKey()
                | "Merge" >> beam.Map(_merge, rows=beam.pvalue.AsDict(rows))
                | "EachSplit" >> beam.GroupByKey()
                | "Write" >> beam.Map(_write, rows=beam.pvalue.AsDict(rows), wanted=wanted, folder=folder)
            )
    finally:
        shutil.rmtree(work)
    for split in files:  # one without rows has no columns to be written
        write(compute((), wanted), folder, split, keep=True)


def write(found: statistics_pb2.DatasetFeatureStatisticsList, folder: Path, split: str, *, keep: bool = False) -> None:
    """Writes the statistics of a split; where `keep` says so, only if there is no such file yet."""
    path = folder / f"Split-{split}" / FILE_NAME
    if not (keep and path.exists()):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(found.SerializeToString())


def _profile(part: Part, wanted: Wanted) -> dict[str, TableProfile]:
    """Profiles of all rows of a part, and of each slice of them."""
    found = {WHOLE: TableProfile(wanted.images)}
    slicers, decoder = _slicers(wanted.slices), ExamplesToRecordBatchDecoder()
    for path in part.files:
        for batch in map(decoder.DecodeBatch, tfrecord.read_whole(path, _ROWS)):
            found[WHOLE].add(batch)
            for slicer in slicers:
                for name, rows in slicer(batch):
                    found.setdefault(name, TableProfile(wanted.images)).add(rows)
    return found


def _slicers(slices: Iterable[Sequence[str]]) -> list[Slicer]:
    if not slices:
        return []
    from tensorflow_data_validation.utils.slicing_util import get_feature_value_slicer  # imports TensorFlow

    return [get_feature_value_slicer(dict.fromkeys(columns)) for columns in slices]


def _features(rows: int, columns: Mapping[str, ColumnProfile | None]) -> list[statistics_pb2.FeatureNameStatistics]:
    return [feature(name, profile, rows) for name, profile in columns.items()]


def _statistics(
    rows: Mapping[str, int], features: Mapping[str, Iterable[statistics_pb2.FeatureNameStatistics]], wanted: Wanted
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Data sets and their features in the order of their names, that of all rows first."""
    result = statistics_pb2.DatasetFeatureStatisticsList()
    for name in sorted(rows, key=lambda name: (name != WHOLE, name)):
        ordered = sorted(features.get(name, ()), key=lambda each: each.path.step[0])
        result.datasets.add(num_examples=rows[name], features=ordered, name=name if wanted.slices else "")
    return result


class _Profile(beam.DoFn):
    """A part -> its profile by slice: (split, slice), index, table."""

    def __init__(self, wanted: Wanted, work: Path) -> None:
        self._wanted = wanted
        self._work = work

    def process(self, part: Part) -> Iterator[tuple[tuple[str, str], int, TableProfile]]:
        with telling(self._work):
            for name, table in _profile(part, self._wanted).items():
                yield (part.split, name), part.index, table


def _rows(element: tuple[tuple[str, str], int, TableProfile]) -> tuple[tuple[str, str], int]:
    key, _, table = element
    return key, table.rows


def _columns(
    element: tuple[tuple[str, str], int, TableProfile],
) -> Iterator[tuple[tuple[str, str, str], tuple[int, ColumnProfile | None]]]:
    (split, name), index, table = element
    for column, profile in table.columns.items():
        yield (split, name, column), (index, profile)


def _merge(
    element: tuple[tuple[str, str, str], Iterable[tuple[int, ColumnProfile | None]]],
    rows: Mapping[tuple[str, str], int],
) -> tuple[str, tuple[str, bytes]]:
    (split, name, column), profiles = element
    profile = functools.reduce(merged, in_order(profiles))
    return split, (name, feature(column, profile, rows[split, name]).SerializeToString())


def _write(
    element: tuple[str, Iterable[tuple[str, bytes]]],
    rows: Mapping[tuple[str, str], int],
    wanted: Wanted,
    folder: Path,
) -> None:
    split, found = element
    features: dict[str, list[statistics_pb2.FeatureNameStatistics]] = {}
    for name, content in found:
        features.setdefault(name, []).append(statistics_pb2.FeatureNameStatistics.FromString(content))
    of_split = {name: count for (each, name), count in rows.items() if each == split}
    write(_statistics(of_split, features, wanted), folder, split)
