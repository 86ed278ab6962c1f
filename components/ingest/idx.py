"""IDX files, MNIST's format: images in one file, labels in another beside it, each plain or gzip.

    00 00 08 03 | uint32 images | uint32 height | uint32 width | a byte for each pixel
    00 00 08 01 | uint32 labels | a byte for each label

Source: http://yann.lecun.com/exdb/mnist (FILE FORMATS FOR THE MNIST DATABASE). Numbers are big-endian.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt

from components.ingest.arrays import Stack, read_slices
from components.ingest.formats import labels_beside
from schema.errors import DataError


def stacks(path: Path, max_pixels: int) -> list[Stack]:
    """Opens a file of images and reads its labels.

    Args:
      path: file of images.
      max_pixels: most pixels of an image.

    Raises:
      DataError: a header is none, or does not match the file's length, or the other file's.
    """
    count, height, width = _header(path, 3)
    if height * width > max_pixels:
        raise _unreadable(path, f"images of at most {max_pixels:,} pixels (data.max_pixels)", f"{height:,} x {width:,}")
    beside = labels_beside(path)
    (number,) = _header(beside, 1)
    if number != count:
        raise _unreadable(beside, f"{count:,} labels, one for each image of {path.name}", f"{number:,}")
    labels = np.concatenate([np.zeros(0, np.uint8), *_read(beside, (number,))])
    return [Stack(path.name, labels, partial(_read, path, (count, height, width)))]


def _header(path: Path, dimensions: int) -> tuple[int, ...]:
    """What the file says that it holds: number of items, height, width; held against its length where it is plain."""
    expected = f"an IDX header of {'images' if dimensions == 3 else 'labels'}: 00 00 08 {dimensions:02x}, then sizes"
    with _opened(path) as stream:
        header = stream.read(4 + 4 * dimensions)
    if header[:4] != bytes((0, 0, 8, dimensions)) or len(header) < 4 + 4 * dimensions:
        raise _unreadable(path, expected, f"{header[:4].hex(' ') or 'nothing'}")
    sizes = tuple(int.from_bytes(header[at : at + 4], "big") for at in range(4, len(header), 4))
    if 0 in sizes:
        raise _unreadable(path, "something in the file", " x ".join(map(str, sizes)))
    if path.suffix != ".gz" and path.stat().st_size != len(header) + math.prod(sizes):
        raise _mismatch(path, sizes, f"{path.stat().st_size - len(header):,} bytes")
    return sizes


def _read(path: Path, sizes: tuple[int, ...]) -> Iterator[npt.NDArray[np.uint8]]:
    """The items, some at a time."""
    with _opened(path) as stream:
        stream.read(4 + 4 * len(sizes))
        try:
            yield from read_slices(stream, sizes)
        except EOFError as error:
            raise _mismatch(path, sizes, str(error)) from error
        if stream.read(1):
            raise _mismatch(path, sizes, "more than that")


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            yield cast(BinaryIO, stream)
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(path, "a whole IDX file (gzip only under a name that ends in .gz)", str(error)) from error


def _mismatch(path: Path, sizes: tuple[int, ...], received: str) -> DataError:
    held = " x ".join(f"{size:,}" for size in sizes)
    return _unreadable(path, f"{math.prod(sizes):,} bytes behind the header, which says {held}", received)


def _unreadable(path: Path, expected: str, received: str) -> DataError:
    return DataError(
        "An IDX file cannot be read.", where=str(path), expected=expected, received=received, fix="copy it again"
    )
