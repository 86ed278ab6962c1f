"""The images of a batch: paths become bytes, each image is inspected, and its measures stand beside it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pyarrow as pa

from components.ingest.chunks import Chunk, without
from components.ingest.conform import ARROW
from components.ingest.inspection import Limits, Measures, Unfit, inspect
from components.ingest.listing import manifest_root
from components.ingest.survey import Plan
from components.measured import MEASURES, measured
from schema.errors import DataError
from schema.remote.addresses import here

ROWS = 256
BYTES = 1 << 24
"""Rows, and bytes of images, that are in memory together; a single image may be larger."""

_THREADS = min(8, len(os.sched_getaffinity(0)))
_THREADED_BYTES = 1 << 15
"""Images of this many bytes, on average, are inspected by several threads: Pillow lets others run while it decodes.
With smaller ones, threads wait for Python's lock longer than they decode, and take a quarter more CPU."""


@dataclass(frozen=True)
class _Image:
    """An image that passed inspection."""

    data: bytes
    measures: Measures


def with_images(chunk: Chunk, path: Path, plan: Plan) -> Iterator[Chunk]:
    """The chunk in slices, with encoded bytes in place of paths, and measured features; without unfit images.

    Args:
      chunk: rows whose columns of images hold paths (strings), or the encoded images themselves (binary).
      path: the file that they were read from.
      plan: its `root` is the folder that paths start from and must lie below.

    Raises:
      DataError: an image's column holds something else.
    """
    names = plan.settings.images
    if not names or not len(chunk.lines):
        yield chunk
        return
    data = plan.settings.data
    root = plan.root or here(manifest_root(path, plan.settings))
    load = _Loader(root.absolute(), Limits(data.min_side, data.max_pixels))
    values = {name: _values(name, chunk.batch[name], path) for name in names}
    others = [name for name in chunk.batch.schema.names if name not in {*names, *measured(names)}]
    sizes = [sum(map(load.size, row)) for row in zip(*values.values(), strict=True)]
    rejects = chunk.rejects
    with ThreadPoolExecutor(_THREADS) as pool:
        for start, end in _slices(sizes):
            rows = chunk.batch.select(others).slice(start, end - start)
            part = Chunk(rows, chunk.lines[start:end], rejects, partial(_text, chunk, start))
            large = sum(sizes[start:end]) >= _THREADED_BYTES * (end - start) * len(names)
            each = pool.map if large else map
            images = {name: list(each(load, column[start:end])) for name, column in values.items()}
            yield _joined(part, images, path)
            rejects = ()


def unmeasured(batch: pa.RecordBatch, images: Sequence[str]) -> pa.RecordBatch:
    """The batch without what was measured, which another release of Pillow may round in another way."""
    return batch.drop_columns([name for name in measured(images) if name in batch.schema.names])


@dataclass(frozen=True)
class _Loader:
    """Reads and inspects images, by path or from their bytes.

    Attributes:
      root: folder that paths start from and must lie below, absolute.
      limits: how large an image may be.
    """

    root: Path
    limits: Limits

    def size(self, value: str | bytes | None) -> int:
        """Bytes of an image; 0 where there is none."""
        if isinstance(value, str):
            with suppress(OSError, ValueError):
                return self._path(value).stat().st_size
        return len(value or b"")

    def __call__(self, value: str | bytes | None) -> _Image | str:
        """The image, or why it cannot be used."""
        try:
            if isinstance(value, str):
                data = self._read(value)
                return _Image(data, inspect(data, self.limits, value))
            if not value:
                raise Unfit("is missing")
            return _Image(value, inspect(value, self.limits))
        except Unfit as unfit:
            return f"{value} {unfit}" if isinstance(value, str) else f"the image {unfit}"

    def _read(self, name: str) -> bytes:
        path = self._path(name)
        if not path.is_relative_to(self.root):
            raise Unfit(f"lies outside {self.root}; `data.root` may name another folder")
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                raise Unfit("is no file")
            if found.st_size > self.limits.max_bytes:
                raise Unfit(f"has {found.st_size:,} bytes, more than an image of data.max_pixels needs")
            return path.read_bytes()
        except (OSError, ValueError) as error:
            raise Unfit(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error

    def _path(self, name: str) -> Path:
        """Where a path leads, without following links: who made the folder may have put some there on purpose."""
        return Path(os.path.normpath(self.root / name))


def _values(name: str, column: pa.Array, path: Path) -> list[str | bytes | None]:
    if not (pa.types.is_string(column.type) or pa.types.is_binary(column.type)):
        raise DataError(
            f"The column `{name}` holds no images.",
            where=f"{path}, column {name}",
            expected="a path in each row, or the bytes of a PNG or JPEG file",
            received=f"{column.type}",
            fix="correct the name under `features.images`, or the data",
        )
    return column.to_pylist()


def _text(chunk: Chunk, start: int, row: int) -> str:
    return chunk.text(start + row)


def _slices(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Cuts rows into slices of bounded number and size; a row that is too large alone is a slice of its own."""
    start, held = 0, 0
    for row, size in enumerate(sizes):
        if row > start and (row - start == ROWS or held + size > BYTES):
            yield start, row
            start, held = row, 0
        held += size
    yield start, len(sizes)


def _joined(chunk: Chunk, images: Mapping[str, Sequence[_Image | str]], path: Path) -> Chunk:
    """The chunk with its images and their measures; rows with an unfit one go to its rejects."""
    unfit = {
        row: f"`{name}`: {image}"
        for name, column in images.items()
        for row, image in enumerate(column)
        if isinstance(image, str)
    }
    chunk = without(chunk, path, unfit)
    batch = chunk.batch
    for name, column in images.items():
        fit = [image for row, image in enumerate(column) if row not in unfit and isinstance(image, _Image)]
        batch = batch.append_column(name, pa.array([image.data for image in fit], pa.binary()))
        for measure, kind in MEASURES.items():
            values = [getattr(image.measures, measure) for image in fit]
            batch = batch.append_column(f"{name}_{measure}", pa.array(values, ARROW[kind]))
    return replace(chunk, batch=batch)
