"""MNIST, handwritten digits of 28x28 grey pixels: from Keras's download, or from local files."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import Field

from data import digits
from data.images import Images, ShuffledSettings, span_writers
from data.source import Found
from schema.errors import DataError, first_line

FILE = "mnist.npz"
NOTE = (
    "MNIST is not at hand: this is scikit-learn's digits, 1,797 images of 8x8 pixels. `headgate data make mnist` "
    "downloads MNIST; --set data.path=FOLDER reads files of your own."
)
_EXPECTED = "a folder of IDX files (such as t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz), or an .npz file"
_KEYS = (("x_train", "y_train"), ("x_test", "y_test"), ("images", "labels"), ("x", "y"))
"""Names of arrays of images, and of their labels: Keras's first, then Headgate's."""


class MnistSettings(ShuffledSettings):
    """Digits of one span."""

    from_: Path | None = Field(None, alias="from")
    """IDX files in a folder, or an `.npz` file. Default: what Keras has downloaded, or downloads now."""


def downloaded() -> Path:
    """Where Keras keeps its download, whether it is there or not."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets" / FILE


def source(directory: Path) -> Found:
    """The data set `mnist`: Keras's download itself; where it is not there, scikit-learn's digits.

    Returns:
      Keras's file; or `DIRECTORY/digits.npz`, with a note that says so.
    """
    if downloaded().is_file():
        return Found(str(downloaded()))
    return digits.source(directory)._replace(note=NOTE)


def spans(settings: Sequence[MnistSettings]) -> list[Callable[[Path], None]]:
    """What writes each span: all digits are shuffled and dealt out.

    Raises:
      DataError: they cannot be read, or not downloaded.
    """
    if settings[0].from_ is None and not downloaded().is_file():
        _download()
    return span_writers(read(settings[0].from_ or downloaded()), settings, FILE)


def read(path: Path) -> Images:
    """Reads a folder of IDX files, each with its labels beside it, or an `.npz` file.

    Raises:
      DataError: the path holds neither, or they do not fit together.
    """
    parts = _read_npz(path) if path.suffix == ".npz" and path.is_file() else _read_folder(path)
    if not parts:
        raise _unfit(path, "neither" if path.exists() else "nothing of that name")
    for pixels, labels in parts:
        if pixels.ndim != 3 or labels.ndim != 1 or len(pixels) != len(labels) or pixels.dtype != np.uint8:
            raise _unfit(path, f"images {pixels.dtype} {list(pixels.shape)}, labels {list(labels.shape)}")
    pixels, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Images(pixels, labels.astype(np.int64))


def _read_npz(path: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return _pairs(arrays)
    except (OSError, ValueError) as error:
        raise _unfit(path, first_line(error)) from error


def _pairs(arrays: Mapping[str, np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(arrays[images], arrays[labels]) for images, labels in _KEYS if images in arrays and labels in arrays]


def _read_folder(folder: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    parts = []
    for images in sorted(folder.glob("*images?idx3-ubyte*")):
        labels = images.with_name(images.name.replace("images", "labels").replace("idx3", "idx1"))
        parts.append((_read_idx(images), _read_idx(labels)))
    return parts


def _read_idx(path: Path) -> np.ndarray:
    """An IDX file of bytes: two zeros, 8 for bytes, the number of dimensions, each dimension's length, the bytes."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        if content[:3] != b"\0\0\x08":
            raise ValueError("it does not begin like an IDX file of bytes")
        start = 4 + 4 * content[3]
        shape = np.frombuffer(content[4:start], ">u4").tolist()
        return np.frombuffer(content[start:], np.uint8).reshape(shape)
    except (OSError, EOFError, ValueError, IndexError) as error:
        raise _unfit(path, first_line(error)) from error


def _unfit(path: Path, received: str) -> DataError:
    return DataError("The digits cannot be read.", where=str(path), expected=_EXPECTED, received=received)


def _download() -> None:
    import keras  # ten seconds, and TensorFlow

    try:
        keras.datasets.mnist.load_data()
    except Exception as error:  # Keras raises bare Exception where the address cannot be reached
        raise DataError(
            "MNIST could not be downloaded.",
            where=str(downloaded()),
            expected="a connection to storage.googleapis.com",
            received=first_line(error),
            fix="give files that you have: headgate data make mnist --from FOLDER_OF_IDX_FILES_OR_NPZ_FILE",
        ) from error
