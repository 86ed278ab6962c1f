"""Statistics of Parquet and CSV files, read in a stream: memory does not grow with the rows."""

from __future__ import annotations

import glob
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.ingest.chunks import Column, Reader
from components.ingest.csv_reader import CsvReader
from components.ingest.formats import files_below
from components.ingest.parquet_reader import ParquetReader
from components.ingest.rejects import Reject
from components.ingest.survey import Survey, typed
from components.profile.table import TableProfile
from schema.errors import SettingsError
from schema.remote.addresses import here, is_remote
from schema.remote.tree import placeholders

_ROWS = 1 << 15
"""Rows to a batch. Strings are counted in each batch before they are sketched: the larger, the less is sketched."""

_ENDINGS = {".parquet": "Parquet", ".csv": "CSV", ".csv.gz": "CSV"}


@dataclass(frozen=True)
class Profile:
    """What files hold.

    Attributes:
      statistics: as TFDV writes them, of one data set.
      columns: all columns that the files have, those too that were not looked at.
      files: the files, sorted by name.
      refused: the first row that could not be read; None where all could.
      refusals: how many rows could not be read. They are left out.
    """

    statistics: statistics_pb2.DatasetFeatureStatisticsList
    columns: tuple[str, ...]
    files: tuple[Path, ...]
    refused: Reject | None
    refusals: int


def profile(source: str, delimiter: str = ",", only: Collection[str] = ()) -> Profile:
    """Computes the statistics of files.

    Args:
      source: a Parquet or CSV file (plain or `.gz`), a folder of them, or a glob.
      delimiter: of CSV files.
      only: the columns to look at. Default: all.

    Raises:
      SettingsError: there is no such file, or there are files of both formats.
      DataError: a file cannot be read at all.
    """
    files, form = find(source)
    reader: Reader = ParquetReader(_ROWS, tuple(only) or None) if form == "Parquet" else CsvReader(delimiter)
    columns = typed((Survey(reader.columns(file), reader.survey(file, set())) for file in files), {})
    table = TableProfile()
    table.add(_empty({name: column for name, column in columns.items() if name in only or not only}))
    refusals, refused = 0, None
    for file in files:
        for chunk in reader.chunks(file, columns):
            refusals += len(chunk.rejects)
            refused = refused or next(iter(chunk.rejects), None)
            table.add(chunk.batch.select([name for name in chunk.batch.schema.names if name in only or not only]))
    statistics = statistics_pb2.DatasetFeatureStatisticsList(datasets=[table.statistics()])
    return Profile(statistics, tuple(columns), tuple(files), refused, refusals)


def _empty(columns: Mapping[str, Column]) -> pa.RecordBatch:
    """No rows, with all columns: files may have no rows, or not the same columns."""
    return pa.RecordBatch.from_pylist([], pa.schema([(name, column.arrow) for name, column in columns.items()]))


def find(source: str) -> tuple[list[Path], str]:
    """The files of a file's name, a folder or a glob, sorted, and their format: `Parquet` or `CSV`.

    Raises:
      SettingsError: there is none, or there are files of both formats.
    """
    if is_remote(source):
        with placeholders(source) as tree:
            found, form = find(str(here(source, tree.key)))
            return tree.fetch(found), form
    path = Path(source).expanduser()
    if path.is_dir():
        found = [file for file in files_below(path) if _format(file)]
    elif path.exists():
        found = [path]
    else:
        found = [Path(name) for name in glob.glob(str(path), recursive=True)]  # noqa: PTH207  may be absolute
    found = sorted(file for file in found if file.is_file())
    formats = {_format(file) for file in found}
    if len(formats) == 1 and None not in formats:
        return found, str(formats.pop())
    raise SettingsError(
        "These files cannot be read together." if len(formats) > 1 else "There is nothing to read.",
        where=source,
        expected=f"files of one format, with names that end in {', '.join(_ENDINGS)}",
        received=_listed(found) if found else "a folder without such files" if path.is_dir() else "no such file",
        fix="correct the path; it may be a file, a folder or a glob such as 'data/2024-*.parquet'",
    )


def _format(file: Path) -> str | None:
    name = file.name.lower()
    return next((form for ending, form in _ENDINGS.items() if name.endswith(ending)), None)


def _listed(files: Sequence[Path], most: int = 5) -> str:
    more = f" and {len(files) - most} more" if len(files) > most else ""
    return ", ".join(file.name for file in files[:most]) + more
