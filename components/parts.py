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


def parts_of(split: str, files: Sequence[Path]) -> list[Part]:
    """Divides the files of a split, which depends on nothing but their sizes."""
    sizes = [file.stat().st_size for file in files]
    wanted = max(PART_BYTES, sum(sizes) / MOST_PARTS)
    groups: list[list[Path]] = []
    size = wanted
    for file, each in zip(files, sizes, strict=True):
        if size >= wanted:
            groups.append([])
            size = 0
        groups[-1].append(file)
        size += each
    return [Part(split, index, tuple(group)) for index, group in enumerate(groups)]


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
