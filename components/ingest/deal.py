"""One input file, or a piece of it, to encoded rows, each dealt to its split: the core of ingestion, without Beam."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.ingest import images, listing, prepare, splits
from components.ingest.chunks import Chunk, without
from components.ingest.encode import Encoder
from components.ingest.pieces import Piece
from components.ingest.rejects import Reject
from components.ingest.settings import IngestSettings
from components.ingest.survey import Plan, missing_column, reader_for


@dataclass(frozen=True)
class Dealt:
    """The rows of one chunk.

    Attributes:
      examples: serialized tf.Examples, [rows].
      splits: index into `splits.NAMES` of each, [rows].
      rejects: rows that were refused.
      dropped: number of rows that `data.prepare` dropped.
    """

    examples: list[bytes]
    splits: npt.NDArray[np.int64]
    rejects: tuple[Reject, ...]
    dropped: int


def deal(piece: Piece, plan: Plan) -> Iterator[Dealt]:
    """Reads a file, or a piece of one, chunk by chunk; memory is bounded by the chunk.

    Raises:
      DataError: the file cannot be read, or lacks a declared column.
      HeadgateError: the function of `data.prepare` failed.
    """
    settings, path = plan.settings, piece.path
    encoder = Encoder()
    for read in reader_for(plan.format, settings, piece).chunks(path, plan.columns):
        chunk = read
        if len(read.lines):
            chunk = _labelled(prepare.prepared(read, path, plan), path, settings)
        dropped = len(read.lines) + len(read.rejects) - len(chunk.lines) - len(chunk.rejects)
        for part in images.with_images(chunk, path, plan):
            rejects = part.rejects
            if plan.format == "images" and plan.root:
                rejects = listing.of_files(rejects, path, plan.root)
            if len(part.lines):
                rows = images.unmeasured(part.batch, settings.images)
                dealt = encoder.encode(part.batch), splits.assign(rows, settings.data.split)
            else:
                dealt = [], np.zeros(0, np.int64)
            yield Dealt(*dealt, rejects, dropped)
            dropped = 0


def _labelled(chunk: Chunk, path: Path, settings: IngestSettings) -> Chunk:
    """The chunk without the rows that have no label, unless labels may be late."""
    for name in settings.required:
        if name not in chunk.batch.schema.names:
            raise missing_column(name, f"{path}, after data.prepare", tuple(chunk.batch.schema.names))
    if settings.late_labels:
        return chunk
    missing = chunk.batch[settings.label.name].is_null().to_numpy(zero_copy_only=False)
    return without(chunk, path, dict.fromkeys(np.flatnonzero(missing).tolist(), "no label"))
