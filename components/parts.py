"""Work on examples in parts: which part is whose does not change with the engine, and results merge in order.

A part is some consecutive files of a split. Each is worked on by itself, whether one after the other in this process,
or on Beam's workers; what comes of the parts is merged in their order. So the result is the same to the last bit on any
engine, in any number of workers.

Errors of users travel from workers as files. Raised there, Beam would try again, and wrap them in its own trace.
"""

from __future__ import annotations

import json
import logging
import traceback
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

import apache_beam as beam
import numpy as np
import numpy.typing as npt

from components.ingest import tfrecord
from schema import errors
from schema.errors import HeadgateError

PART_BYTES = 64 << 20
"""A part has at least as much of examples, where there are so many."""

MOST_PARTS = 512
"""And there are no more parts than this of a split: what comes of each is merged by one worker."""

MakePipeline = Callable[[], beam.Pipeline]
T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """Consecutive files of a split.

    Attributes:
      split: its name.
      index: of the part in the split, from 0.
      files: TFRecord files of tf.Example.
    """

    split: str
    index: int
    files: tuple[Path, ...]


def parts_of(split: str, files: Sequence[Path], size: int | None = None) -> list[Part]:
    """Divides the files of a split, which depends on nothing but their sizes.

    Args:
      split: its name.
      files: in order.
      size: of a part in bytes, at least. Default: `PART_BYTES`.
    """
    sizes = [file.stat().st_size for file in files]
    wanted = max(size or PART_BYTES, sum(sizes) / MOST_PARTS)
    groups: list[list[Path]] = []
    filled = wanted
    for file, each in zip(files, sizes, strict=True):
        if filled >= wanted:
            groups.append([])
            filled = 0
        groups[-1].append(file)
        filled += each
    return [Part(split, index, tuple(group)) for index, group in enumerate(groups)]


def size_of(files: Iterable[Path]) -> int:
    """Bytes of files."""
    return sum(file.stat().st_size for file in files)


def row_counts(parts: Sequence[Part], work: Path, make_pipeline: MakePipeline | None = None) -> list[int]:
    """Rows of each part.

    Args:
      parts: in any order.
      work: a folder that all workers see.
      make_pipeline: for Beam's workers to count; None: this process does.

    Raises:
      DataError: a file is damaged.
    """
    if make_pipeline is None:
        return [_count(part) for part in parts]
    with told(work), make_pipeline() as pipeline:
        _ = spread(pipeline, enumerate(parts)) | "Count" >> beam.ParDo(_Count(work))
    return [int((work / f"rows-{number}").read_text(encoding="utf-8")) for number in range(len(parts))]


def _count(part: Part) -> int:
    return sum(1 for path in part.files for _ in tfrecord.lengths(path))


class _Count(beam.DoFn):
    """(number, part) -> nothing; leaves the part's rows."""

    def __init__(self, work: Path) -> None:
        self._work = work

    def process(self, element: tuple[int, Part]) -> None:
        number, part = element
        with telling(self._work):
            partial = self._work / uuid.uuid4().hex
            partial.write_text(str(_count(part)), encoding="utf-8")
            partial.replace(self._work / f"rows-{number}")


def spread(pipeline: beam.Pipeline, parts: Iterable[T]) -> beam.PCollection:
    """The parts, each for whichever worker is free: the shuffle keeps Beam from fusing all into one bundle."""
    return pipeline | "Parts" >> beam.Create(list(parts)) | "Spread" >> beam.Reshuffle()


def in_order(values: Iterable[tuple[int, T]]) -> list[T]:
    """Values by the index of their part."""
    return [value for _, value in sorted(values, key=itemgetter(0))]


@contextmanager
def telling(folder: Path) -> Iterator[None]:
    """In a worker: an error of the Headgate family is left in the folder, and ends the block."""
    try:
        yield
    except HeadgateError as error:
        logging.getLogger(__name__).error("%s\n%s", error, traceback.format_exc())
        name = f"error-{uuid.uuid4().hex}"
        partial = folder / f".{name}"
        partial.write_text(json.dumps({"kind": type(error).__name__, "error": error.parts}), encoding="utf-8")
        partial.replace(folder / name)


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """Around a pipeline: raises the error that a worker left in the folder."""
    yield
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("error-*")]
    for each in sorted(found, key=lambda each: str(each["error"].get("where"))):
        raise getattr(errors, each["kind"])(**each["error"])


def sampled(start: int, stop: int, rows: int, most: int) -> npt.NDArray[np.bool_]:
    """Which rows are in a sample that is the same however the rows are divided.

    The rows are cut into `most` stretches of equal length. Of each, the row is taken that a hash of the stretch's
    number points at: no pattern in the order of the rows can match it.

    Args:
      start: number of the first row in question, from 0.
      stop: number of the row behind the last.
      rows: how many there are in all.
      most: size of the sample; if there are fewer rows, all of them are in it.

    Returns:
      [stop - start].
    """
    if rows <= most or start == stop:
        return np.ones(stop - start, bool)
    stretch = np.arange(start * most // rows, (stop - 1) * most // rows + 1)
    first, behind = (-(-each * rows // most) for each in (stretch, stretch + 1))
    place = first + (_mixed(stretch) % (behind - first).astype(np.uint64)).astype(np.int64)
    chosen = np.zeros(stop - start, bool)
    chosen[place[(place >= start) & (place < stop)] - start] = True
    return chosen


def _mixed(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators")."""
    x = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
