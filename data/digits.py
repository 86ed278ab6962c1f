"""Handwritten digits of 8x8 grey pixels: the 1,797 that are installed with scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from data.files import write_once
from data.images import Images, ShuffledSettings, save, span_writers
from data.source import Found

FILE = "digits.npz"


def digits() -> Images:
    """All of them, in scikit-learn's order, their 17 shades of grey spread over 0 to 255."""
    from sklearn.datasets import load_digits  # a second of imports that only the first run needs

    found = load_digits()
    return Images(np.rint(found.images * (255 / 16)).astype(np.uint8), found.target.astype(np.int64))


def source(directory: Path) -> Found:
    """The data set `digits`, written to one file of arrays.

    Returns:
      `DIRECTORY/digits.npz`.
    """
    path = directory / FILE
    write_once(path, lambda unfinished: save(digits(), unfinished))
    return Found(str(path))


def spans(settings: Sequence[ShuffledSettings]) -> list[Callable[[Path], None]]:
    """What writes each span: the digits are shuffled and dealt out."""
    return span_writers(digits(), settings, FILE)
