"""Images from a generator: a function of the user's own that yields (image, label) pairs, written to `.npz` files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from data.images import Images, save
from schema.errors import DataError, HeadgateError, raised_at

PART_BYTES = 32 << 20
"""Pixels that are held in memory before they are written to a file."""

Pair = tuple[np.ndarray, int | str]


def write(generator: Callable[[], Iterable[Any]], name: str, folder: Path, most: int | None = None) -> None:
    """Writes what a generator yields as `FOLDER/part-00000.npz` and so on.

    Args:
      generator: takes no argument; yields pairs of an image, uint8 [height, width] or [height, width, channels] with 1
        or 3 channels, and a label, a whole number or text. All images have one shape.
      name: what the settings call it, for messages.
      folder: is made.
      most: how many pairs are taken. Default: all.

    Raises:
      DataError: it yields something else, or nothing.
      HeadgateError: it raised. An error of our kind comes through as it is.
    """
    folder.mkdir()
    number = -1
    for number, part in enumerate(_parts(_checked(_yielded(generator, name, most), name))):
        save(part, folder / f"part-{number:05d}.npz")
    if number < 0:
        raise DataError("The generator yields nothing.", where=f"data.source: {name}", expected="(image, label) pairs")


def _yielded(generator: Callable[[], Iterable[Any]], name: str, most: int | None) -> Iterator[Any]:
    try:
        yield from islice(generator(), most)
    except HeadgateError:
        raise
    except Exception as error:
        raise HeadgateError(
            "The generator failed.",
            where=f"data.source: {name}",
            expected="(image, label) pairs",
            received=f"{type(error).__name__}: {error}{raised_at(error)}",
            fix="correct the function; it is called without arguments",
        ) from error


def _checked(pairs: Iterable[Any], name: str) -> Iterator[Pair]:
    """The pairs, each held against what is asked for and against the first one."""
    first: Pair | None = None
    for number, pair in enumerate(pairs):
        where = f"data.source: {name}, pair {number}"
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise DataError(
                "The generator yields something else than a pair.",
                where=where,
                expected="(image, label)",
                received=_described(pair),
            )
        image, label = np.asarray(pair[0]), pair[1]
        if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (1,), (3,)):
            raise DataError(
                "The generator yields an image that cannot be used.",
                where=where,
                expected="a uint8 array [height, width], or [height, width, channels] with 1 or 3 channels",
                received=_described(pair[0]),
                fix="scale the pixels to 0 to 255 and convert them: image.astype('uint8')",
            )
        label = label.item() if isinstance(label, np.generic) else label
        if isinstance(label, bool) or not isinstance(label, int | str):
            raise DataError(
                "The generator yields a label that cannot be used.",
                where=where,
                expected="a whole number or text",
                received=_described(pair[1]),
            )
        first = first or (image, label)
        if image.shape != first[0].shape or type(label) is not type(first[1]):
            raise DataError(
                "The generator's pairs differ in kind.",
                where=where,
                expected=f"like the first one: {_described(first[0])} and {_described(first[1])}",
                received=f"{_described(image)} and {_described(label)}",
                fix="give all images one shape, and all labels one type",
            )
        yield image, label


def _parts(pairs: Iterable[Pair]) -> Iterator[Images]:
    """The pairs in arrays of at most `PART_BYTES` of pixels."""
    pixels: list[np.ndarray] = []
    labels: list[int | str] = []
    for image, label in pairs:
        if pixels and (len(pixels) + 1) * image.nbytes > PART_BYTES:
            yield Images(np.stack(pixels), np.asarray(labels))
            pixels, labels = [], []
        pixels.append(image)
        labels.append(label)
    if pixels:
        yield Images(np.stack(pixels), np.asarray(labels))


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array {value.dtype} {list(value.shape)}"
    return f"{type(value).__name__} {str(value)[:60]}"
