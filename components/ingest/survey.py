"""What the files hold, found before any row is converted: names, and the types that nobody declared.

Types are decided once for the whole input. A batch, or a file, that looks different does not change them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from components.ingest import csv_blocks, idx, listing, npz, parquet_reader
from components.ingest.arrays import ArrayReader
from components.ingest.chunks import Column, Reader
from components.ingest.csv_reader import CsvReader
from components.ingest.parquet_reader import ParquetReader
from components.ingest.pieces import PIECE_BYTES, Piece
from components.ingest.settings import Format, IngestSettings
from components.ingest.text import Evidence
from components.label import ColumnType
from schema.errors import DataError


@dataclass(frozen=True)
class Survey:
    """What one file holds: the names of its columns, and evidence for their types."""

    names: tuple[str, ...]
    evidence: Mapping[str, Evidence]

    def __add__(self, other: Survey) -> Survey:
        """What two pieces of a file hold."""
        names = tuple(dict.fromkeys((*self.names, *other.names)))
        none = Evidence()
        both = {name: self.evidence.get(name, none) + other.evidence.get(name, none) for name in names}
        return Survey(names, {name: each for name, each in both.items() if name in {*self.evidence, *other.evidence}})


@dataclass(frozen=True)
class Plan:
    """All that is needed to read any file of the input in the same way.

    Attributes:
      settings: settings of the step.
      format: format of the files.
      columns: the columns of the whole input, by name.
      root: folder that paths of images start from; None where the settings name it, or it is each manifest's own.
    """

    settings: IngestSettings
    format: Format
    columns: Mapping[str, Column]
    root: Path | None = None


def reader_for(form: Format, settings: IngestSettings, piece: Piece | None = None) -> Reader:
    """The reader of a format, for a piece of a file or for all of it."""
    if form == "csv":
        return CsvReader(settings.data.delimiter, piece=piece)
    if form in ("parquet", "images"):  # of images there are listings
        return ParquetReader(piece=piece)
    if form in ("idx", "npz"):
        stacks = idx.stacks if form == "idx" else npz.stacks
        image = listing.image_column(settings)
        return ArrayReader(image, settings.label.name, partial(stacks, max_pixels=settings.data.max_pixels))
    from components.ingest.tfrecord_reader import TfRecordReader  # loads TFX's C++ library; the others need none

    return TfRecordReader()


def places(path: Path, form: Format, settings: IngestSettings) -> list[tuple[int, int]]:
    """Where a file in CSV or Parquet is divided into pieces.

    Raises:
      DataError: the file cannot be read.
    """
    if form == "parquet":
        return parquet_reader.places(path, PIECE_BYTES)
    return csv_blocks.places(path, settings.data.delimiter, PIECE_BYTES)


def survey(
    path: Path, form: Format, settings: IngestSettings, limit: int | None = None, piece: Piece | None = None
) -> Survey:
    """Looks through one file or a piece of it, or only through its first `limit` blocks.

    Raises:
      DataError: the file cannot be read.
    """
    reader = reader_for(form, settings, piece)
    if form == "tfrecord":
        evidence = reader.survey(path, set(), limit)
        return Survey(tuple(sorted(evidence)), evidence)
    return Survey(reader.columns(path), reader.survey(path, set(settings.declared), limit))


def decide(surveys: Mapping[Path, Survey], form: Format, settings: IngestSettings, root: Path | None = None) -> Plan:
    """Decides the columns of the whole input and their types.

    A declared column that no file has may still come from `data.prepare`.

    Raises:
      DataError: a declared column is missing from some file, or from all of them with nothing to compute it.
    """
    declared = settings.declared
    for name in settings.required:
        lacking = [path for path, found in surveys.items() if name not in found.names]
        if lacking and len(lacking) == len(surveys) and settings.data.prepare:
            continue
        # A TFRecord file names a feature only where an example has it: one file may well lack a rare feature.
        if lacking and (form != "tfrecord" or len(lacking) == len(surveys)):
            raise missing_column(name, str(lacking[0]), surveys[lacking[0]].names)
    return Plan(settings, form, typed(surveys.values(), declared, settings.images), root)


def typed(
    surveys: Iterable[Survey], declared: Mapping[str, ColumnType], images: Collection[str] = ()
) -> dict[str, Column]:
    """The columns of the whole input, those that are not declared with the type that fits what was found."""
    evidence: dict[str, Evidence] = {}
    for found in surveys:
        for name in found.names:
            evidence[name] = evidence.get(name, Evidence()) + found.evidence.get(name, Evidence())
    columns = {}
    for name, counts in evidence.items():
        raw = counts.raw > 0 and not counts.ints + counts.floats + counts.texts
        kind = "string" if name in images else counts.type()
        columns[name] = Column(declared.get(name, None if raw else kind), counts.many)
    return columns


def missing_column(name: str, where: str, found: tuple[str, ...]) -> DataError:
    """The error of a declared column that is not there."""
    return DataError(
        f"Column `{name}` is not in the data.",
        where=where,
        expected=f"the features and the label of the settings, among them `{name}`",
        received=f"columns {', '.join(found) or '(none)'}",
        fix="correct the name in the settings, the input, or the delimiter",
    )


def no_rows(where: str, quarantined: int, reason: str = "") -> DataError:
    """The error of an input without a good row."""
    return DataError(
        "The input has no row that can be used.",
        where=where,
        expected="at least one good row",
        received=f"{quarantined} rows in quarantine, the first because: {reason}" if quarantined else "no rows",
        fix="look at the file; the settings may name another type, label or delimiter"
        if quarantined
        else "fill the file",
    )
