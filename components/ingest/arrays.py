"""Images that come as arrays, IDX or npz: each becomes a PNG, with its label beside."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image

from components.ingest.chunks import Chunk, Column, known_types, reasons, without
from components.ingest.conform import conform
from components.ingest.text import Evidence

ROWS = 256
SLICE_BYTES = 1 << 26
"""Images, and bytes of their pixels, that are read together."""


@dataclass(frozen=True)
class Stack:
    """Images of one size with their labels.

    Attributes:
      name: where in the file they are, for messages.
      labels: integers or strings, [images].
      slices: reads the images, in the file's order, some at a time: uint8 [rows, height, width] or
        [rows, height, width, channels] with 1 or 3 channels.
    """

    name: str
    labels: npt.NDArray[np.generic]
    slices: Callable[[], Iterator[npt.NDArray[np.uint8]]]


@dataclass(frozen=True)
class ArrayReader:
    """Reads files of arrays; `Reject.line` is the image's number in the file, from 1.

    Attributes:
      image: name of the column that the images get.
      label: name of the column that the labels get.
      stacks: opens a file; reads no image. Raises `DataError` where the file cannot be read.
    """

    image: str
    label: str
    stacks: Callable[[Path], list[Stack]]

    def columns(self, path: Path) -> tuple[str, ...]:
        """The two columns."""
        self.stacks(path)
        return self.image, self.label

    def survey(self, path: Path, known: Set[str], limit: int | None = None) -> dict[str, Evidence]:
        """Images are bytes; what the labels are, the settings say."""
        return {self.image: Evidence(raw=sum(len(stack.labels) for stack in self.stacks(path)))}

    def chunks(self, path: Path, columns: Mapping[str, Column]) -> Iterator[Chunk]:
        """The images and labels, 256 at a time."""
        types, first = known_types(columns), 1
        for stack in self.stacks(path):
            start = 0
            for images in stack.slices():
                found = pa.array(stack.labels[start : start + len(images)].tolist())
                source = pa.RecordBatch.from_arrays([found], [self.label])
                batch, refused = conform(source, types, str(path))
                batch = batch.append_column(self.image, pa.array([_png(image) for image in images], pa.binary()))
                lines = np.arange(first, first + len(images))
                text = partial(_text, stack, start)
                yield without(Chunk(batch, lines, text=text), path, reasons(source, refused, types))
                start, first = start + len(images), first + len(images)


def read_slices(stream: IO[bytes], shape: tuple[int, ...]) -> Iterator[npt.NDArray[np.uint8]]:
    """Reads an array of bytes in slices of bounded number and size.

    Args:
      stream: stands at the array's first byte.
      shape: of the array, items first.

    Yields:
      uint8 [items, ...].

    Raises:
      EOFError: the stream ends before the array does.
    """
    size = math.prod(shape[1:])
    step = max(1, min(ROWS, SLICE_BYTES // size))
    for start in range(0, shape[0], step):
        count = min(step, shape[0] - start)
        data = stream.read(count * size)
        if len(data) < count * size:
            raise EOFError(f"{start * size + len(data):,} bytes")
        yield np.frombuffer(data, np.uint8).reshape(count, *shape[1:])


def _png(image: npt.NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    # Level 1 takes two thirds of the default's time, and comes out no larger on digits or photographs.
    Image.fromarray(image[..., 0] if image.shape[2:] == (1,) else image).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _text(stack: Stack, start: int, row: int) -> str:
    return f"{stack.name}[{start + row}], label {stack.labels[start + row]!s}"
