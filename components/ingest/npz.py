"""NumPy's .npz files with images and labels, such as Keras's mnist.npz.

Arrays are streamed out of the archive: their headers are read by NumPy, their data slice by slice, so that a large
array needs no more memory than a small one. Nothing is unpickled.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from components.ingest.arrays import Stack, read_slices
from schema.errors import DataError

PAIRS = (("x", "y"), ("images", "labels"), ("x_train", "y_train"), ("x_test", "y_test"))
"""Names of arrays of images, and of their labels. All that are there are read: the splits are Headgate's."""


def stacks(path: Path, max_pixels: int) -> list[Stack]:
    """Opens the file and reads its labels.

    Args:
      path: the .npz file.
      max_pixels: most pixels of an image.

    Raises:
      DataError: it is no such file, holds none of `PAIRS`, or arrays that are no images or labels.
    """
    with _archive(path) as archive:
        names = {name.removesuffix(".npy") for name in archive.namelist()}
        pairs = [pair for pair in PAIRS if names.issuperset(pair)]
        if not pairs:
            known = ", or ".join(f"{images} and {labels}" for images, labels in PAIRS)
            raise _unreadable(path, f"arrays named {known}", f"arrays {', '.join(sorted(names)) or '(none)'}")
        return [_stack(path, archive, images, labels, max_pixels) for images, labels in pairs]


def _stack(path: Path, archive: zipfile.ZipFile, images: str, labels: str, max_pixels: int) -> Stack:
    with archive.open(f"{images}.npy") as member:
        shape, fortran, dtype = _header(member)
    if dtype != np.uint8 or len(shape) not in (3, 4) or shape[3:] not in ((), (1,), (3,)) or 0 in shape or fortran:
        expected = f"`{images}`: uint8 [images, height, width] or [images, height, width, 1 or 3], in C order"
        raise _unreadable(path, expected, f"{dtype} {list(shape)}" + (" in Fortran order" if fortran else ""))
    if math.prod(shape[1:3]) > max_pixels:
        raise _unreadable(
            path, f"images of at most {max_pixels:,} pixels (data.max_pixels)", f"{shape[1]:,} x {shape[2]:,}"
        )
    with archive.open(f"{labels}.npy") as member:
        of, _, kind = _header(member)
        if kind.kind not in "iuUS" or of not in ((shape[0],), (shape[0], 1)):
            raise _unreadable(path, f"`{labels}`: integers or strings [{shape[0]}]", f"{kind} {list(of)}")
        values = np.frombuffer(member.read(), kind).reshape(shape[0])
    values = np.char.decode(values, "utf-8") if kind.kind == "S" else values
    return Stack(images, values, partial(_read, path, f"{images}.npy", shape))


def _read(path: Path, name: str, shape: tuple[int, ...]) -> Iterator[npt.NDArray[np.uint8]]:
    """The images, some at a time."""
    with _archive(path) as archive, archive.open(name) as member:
        _header(member)
        yield from read_slices(member, shape)


def _header(member: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether in Fortran order, and type of an array; the stream then stands at its data."""
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(member)


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise _unreadable(path, "a whole .npz file, as numpy.savez writes it", str(error)) from error


def _unreadable(path: Path, expected: str, received: str) -> DataError:
    return DataError(
        "An .npz file cannot be read.",
        where=str(path),
        expected=expected,
        received=received,
        fix="write it with numpy.savez(path, x=images, y=labels)",
    )
