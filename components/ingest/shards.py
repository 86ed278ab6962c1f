"""Ingestion as a Beam transform over pieces of files: each becomes one shard of each split, and one of the quarantine.

Beam spreads the pieces over its workers. Small files are one piece each; which pieces a large one has does not depend
on the workers, so the shards are the same on any engine. A folder of images is read by listings,
files that each name some of the images. Nothing that is half written carries a name that a reader would look for:
shards are renamed when they are whole, so a bundle may fail and run again. The folder must be one that all workers
see.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import compress
from pathlib import Path
from typing import BinaryIO

import apache_beam as beam
import numpy as np

from components.ingest import reports, splits
from components.ingest.deal import deal
from components.ingest.listing import root_of, units
from components.ingest.pieces import PIECE_BYTES, Piece, between
from components.ingest.rejects import FILE_NAME
from components.ingest.reports import FileReport
from components.ingest.settings import Format, IngestSettings
from components.ingest.spans import Input
from components.ingest.survey import Plan, Survey, decide, no_rows, places, survey
from components.ingest.tfrecord import frame
from schema.errors import DataError
from schema.remote.addresses import told

MakePipeline = Callable[[], beam.Pipeline]


@dataclass(frozen=True)
class Summary:
    """What became of the input.

    Attributes:
      rows: good rows of each split, by its name.
      quarantined: rows in quarantine.
      dropped: rows that `data.prepare` dropped.
    """

    rows: dict[str, int]
    quarantined: int
    dropped: int


def ingest(found: Input, settings: IngestSettings, folder: Path, make_pipeline: MakePipeline) -> Summary:
    """Writes the input's rows as `folder/Split-*/data_tfrecord-*`, the refused ones as `folder/quarantine.jsonl`.

    The shards are plain TFRecord: gzip would cost more CPU than all the rest of ingestion, and again in every step
    that reads them.

    Raises:
      SettingsError: the input does not fit the settings.
      DataError: a file cannot be read, a declared column is missing, no row is good, or a split is empty.
      HeadgateError: `data.prepare` failed.
    """
    work = folder / ".work"
    for name in (*(f"Split-{split}" for split in splits.NAMES), work.name):
        (folder / name).mkdir(parents=True, exist_ok=True)
    try:
        files = units(found, settings, work)
        pieces = _pieces(files, found.format, settings, work, make_pipeline)
        surveys = _surveys(pieces, found.format, settings, work, make_pipeline)
        plan = decide(surveys, found.format, settings, root_of(found.folders) if found.folders else None)
        results = _shards(pieces, plan, folder, work, make_pipeline)
    finally:
        shutil.rmtree(work)
    return _summary(results, found.files)


def _pieces(
    files: Sequence[Path], form: Format, settings: IngestSettings, work: Path, make_pipeline: MakePipeline
) -> list[Piece]:
    """The pieces of all files, in order; workers look for those of large files."""
    large = {index: path for index, path in enumerate(files) if path.exists() and path.stat().st_size > PIECE_BYTES}
    if large and form in ("csv", "parquet"):
        with make_pipeline() as pipeline:
            _ = _each(pipeline, list(large.items())) | "Divide" >> beam.ParDo(_DivideFile(form, settings, work))
    places = {index: reports.read_places(path) for index in large if (path := work / f"places-{index:05d}").exists()}
    return [piece for index, path in enumerate(files) for piece in between(path, places.get(index, []))]


def _surveys(
    pieces: Sequence[Piece], form: Format, settings: IngestSettings, work: Path, make_pipeline: MakePipeline
) -> dict[Path, Survey]:
    with make_pipeline() as pipeline:
        _ = _each(pipeline, list(enumerate(pieces))) | "Survey" >> beam.ParDo(_SurveyPiece(form, settings, work))
    found: dict[Path, Survey] = {}
    for index, piece in enumerate(pieces):
        of_piece = reports.read_survey(work / f"survey-{index:05d}")
        found[piece.path] = found[piece.path] + of_piece if piece.path in found else of_piece
    return found


def _shards(
    pieces: Sequence[Piece], plan: Plan, folder: Path, work: Path, make_pipeline: MakePipeline
) -> list[FileReport]:
    with make_pipeline() as pipeline:
        write = _WriteShards(plan, folder, work, len(pieces))
        _ = _each(pipeline, list(enumerate(pieces))) | "WriteShards" >> beam.ParDo(write)
    results = [reports.read_file_report(work / f"report-{index:05d}") for index in range(len(pieces))]
    with (folder / FILE_NAME).open("wb") as target:
        for index in range(len(pieces)):
            with (work / f"quarantine-{index:05d}").open("rb") as source:
                shutil.copyfileobj(source, target)
    return results


def _each(pipeline: beam.Pipeline, units: Sequence[tuple[int, Path | Piece]]) -> beam.PCollection:
    # The shuffle keeps Beam from fusing all of them into one bundle.
    return pipeline | "Units" >> beam.Create(units) | "Spread" >> beam.Reshuffle()


def _summary(results: Sequence[FileReport], files: Sequence[Path]) -> Summary:
    rows = dict(zip(splits.NAMES, np.sum([report.rows for report in results], axis=0).tolist(), strict=True))
    quarantined = sum(report.quarantined for report in results)
    if not any(rows.values()):
        first = next((report.first for report in results if report.first), None)
        where = first.place if first else _named(files)
        raise no_rows(where, quarantined, first.reason if first else "")
    if not all(rows.values()):
        raise DataError(
            f"The {next(name for name, count in rows.items() if not count)} split is empty.",
            where=f"data.split of {_named(files)}",
            expected="at least one row in each split",
            received=", ".join(f"{name} {count}" for name, count in rows.items()),
            fix="use more rows, give the empty split a larger weight, or split by a column with more values",
        )
    return Summary(rows, quarantined, sum(report.dropped for report in results))


def _named(files: Sequence[Path]) -> str:
    return f"{files[0]}" + (f" and {len(files) - 1} more" if len(files) > 1 else "")


class _DivideFile(beam.DoFn):
    """(index, path) -> nothing; leaves the places where the file's pieces begin."""

    def __init__(self, form: Format, settings: IngestSettings, work: Path) -> None:
        self._form = form
        self._settings = settings
        self._work = work

    def process(self, element: tuple[int, Path]) -> None:
        index, path = element
        reports.write(self._work / f"places-{index:05d}", lambda: places(path, self._form, self._settings))


class _SurveyPiece(beam.DoFn):
    """(index, piece) -> nothing; leaves the piece's survey."""

    def __init__(self, form: Format, settings: IngestSettings, work: Path) -> None:
        self._form = form
        self._settings = settings
        self._work = work

    def process(self, element: tuple[int, Piece]) -> None:
        index, piece = element
        reports.write(
            self._work / f"survey-{index:05d}", lambda: survey(piece.path, self._form, self._settings, piece=piece)
        )


class _WriteShards(beam.DoFn):
    """(index, piece) -> nothing; leaves the piece's shards, its part of the quarantine, and its report."""

    def __init__(self, plan: Plan, folder: Path, work: Path, pieces: int) -> None:
        self._plan = plan
        self._folder = folder
        self._work = work
        self._pieces = pieces

    def process(self, element: tuple[int, Piece]) -> None:
        index, piece = element
        reports.write(self._work / f"report-{index:05d}", lambda: self._write(index, piece))

    def _write(self, index: int, piece: Piece) -> FileReport:
        counts, quarantined, dropped, first = np.zeros(len(splits.NAMES), np.int64), 0, 0, None
        name = f"data_tfrecord-{index:05d}-of-{self._pieces:05d}"
        with ExitStack() as stack:
            paths = [self._folder / f"Split-{split}" / name for split in splits.NAMES]
            shards = [stack.enter_context(self._appearing(shard)) for shard in paths]
            quarantine = stack.enter_context(self._appearing(self._work / f"quarantine-{index:05d}"))
            for dealt in deal(piece, self._plan):
                for split, shard in enumerate(shards):
                    shard.write(frame(list(compress(dealt.examples, dealt.splits == split))))
                for reject in dealt.rejects:
                    quarantine.write(told(json.dumps(asdict(reject), ensure_ascii=False)).encode() + b"\n")
                counts += np.bincount(dealt.splits, minlength=len(counts))
                first = first or next(iter(dealt.rejects), None)
                quarantined += len(dealt.rejects)
                dropped += dealt.dropped
        return FileReport(tuple(counts.tolist()), quarantined, dropped, first)

    @contextmanager
    def _appearing(self, path: Path) -> Iterator[BinaryIO]:
        """A file that gets the name `path` when the block ends well."""
        partial = self._work / uuid.uuid4().hex
        with partial.open("wb") as stream:
            yield stream
        partial.replace(path)
