"""Looks at one encoded image: whether the pipeline can use it, and what its measures are.

An image passes only if TensorFlow decodes it too (`tf.io.decode_image`), since that is what reads it in training and
in service. Where Pillow is more patient, it is held to what TensorFlow asks for.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

Kind = Literal["png", "jpeg"]
OtherKind = Literal["gif", "bmp", "webp", "tiff"]

_SIGNATURES: dict[bytes, Kind | OtherKind] = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
    b"GIF8": "gif",
    b"BM": "bmp",
    b"RIFF": "webp",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
}
_ENDINGS: dict[str, Kind | OtherKind] = {
    **{".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".jpe": "jpeg", ".jfif": "jpeg"},
    **{".gif": "gif", ".bmp": "bmp", ".webp": "webp", ".tif": "tiff", ".tiff": "tiff"},
}

_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_MARKER = re.compile(rb"\xff([^\x00\x01\xff\xd0-\xd7])", re.DOTALL)
"""A marker of JPEG that begins a segment or ends the image (ITU T.81, B.1.1)."""
_JPEG_START, _JPEG_END = 0xD8, 0xD9
_MARKERS = frozenset({0xC0, 0xC1, 0xC2, 0xC4, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, *range(0xE0, 0xF0), 0xFE})
"""Markers that may follow the start: of baseline, extended and progressive images, tables, scans, notes and the end.
Left out are images coded arithmetically or without loss."""

_SIDE = 256
"""Brightness and sharpness are measured on a copy of at most this many pixels a side, so that they cost little, and
so that sharpness means much the same for a large and a small picture of one scene."""


class Unfit(Exception):  # noqa: N818  not a fault of the program
    """An image that cannot be used; its text says why, to go after the image's name."""


@dataclass(frozen=True)
class Limits:
    """How large an image may be.

    Attributes:
      min_side: fewest pixels of width and height.
      max_pixels: most pixels altogether.
    """

    min_side: int
    max_pixels: int

    @property
    def max_bytes(self) -> int:
        """Size of a file that no image within the limits needs: four bytes a pixel, and something for its header."""
        return 4 * self.max_pixels + (1 << 20)


@dataclass(frozen=True)
class Measures:
    """What is measured on an image; see `components.measured`.

    Attributes:
      width: pixels.
      height: pixels.
      channels: 1 grey, 3 colour, one more where there is transparency.
      format: `png` or `jpeg`.
      brightness: mean luma, from 0 (black) to 1 (white).
      sharpness: variance of the Laplacian of luma (0 to 255): 0 for a plain surface, low where out of focus.
    """

    width: int
    height: int
    channels: int
    format: Kind
    brightness: float
    sharpness: float


def inspect(data: bytes, limits: Limits, name: str = "") -> Measures:
    """Decodes an image and measures it.

    Args:
      data: the encoded image.
      limits: how large it may be. What its header says is held against them before anything is decoded.
      name: its file's name, whose ending must tell the truth. Empty for an image that is no file.

    Raises:
      Unfit: it cannot be used.
    """
    kind = _kind(data, PurePath(name).suffix.lower())
    with _told():
        image = _opened(data, kind)
        _check_header(image, data, kind, limits)
        _check_end(data, kind)
        if kind == "png":
            _opened(data, kind).verify()  # the checksums, which decoding does not look at
        image.load()
    channels = 3 if image.mode == "P" else len(image.getbands())
    return Measures(image.width, image.height, channels, kind, *_light(image))


def _kind(data: bytes, ending: str) -> Kind:
    if not data:
        raise Unfit("is empty")
    kind = next((kind for signature, kind in _SIGNATURES.items() if data.startswith(signature)), None)
    if kind is None:
        raise Unfit(f"is neither PNG nor JPEG: it starts with {data[:8]!r}")
    if _ENDINGS.get(ending, kind) != kind:
        raise Unfit(f"is named {ending}, but holds {kind.upper()}")
    if kind == "png" or kind == "jpeg":
        return kind
    raise Unfit(f"is {kind.upper()}; only PNG and JPEG are read")


def _opened(data: bytes, kind: Kind) -> Image.Image:
    """The image with its header read; not by `Image.open`, whose limits on size are the whole process's."""
    return (PngImageFile if kind == "png" else JpegImageFile)(io.BytesIO(data))


def _check_header(image: Image.Image, data: bytes, kind: Kind, limits: Limits) -> None:
    width, height = image.size
    if width * height > limits.max_pixels:
        raise Unfit(f"has {width:,} x {height:,} pixels, more than data.max_pixels ({limits.max_pixels:,}) altogether")
    if min(width, height) < limits.min_side:
        raise Unfit(f"has {width} x {height} pixels, less than data.min_side ({limits.min_side})")
    if getattr(image, "is_animated", False):
        raise Unfit("is animated")
    if kind == "png" and data[24] == 16:
        raise Unfit("is a PNG of 16 bits a channel; only 8 and fewer are read")
    if image.mode == "CMYK":
        raise Unfit("is a CMYK JPEG, for print; save it as RGB")


def _check_end(data: bytes, kind: Kind) -> None:
    """The end of an image must be marked, which Pillow does not ask for. What stands behind it does not matter."""
    if kind == "png":
        ended = _PNG_END in data
    else:
        markers = list(_markers(data))
        strange = next((marker for marker in markers if marker not in _MARKERS), None)
        if strange is not None:
            raise Unfit(f"is no baseline or progressive JPEG: it has the marker FF {strange:02X}")
        ended = markers[-1:] == [_JPEG_END]
    if not ended:
        raise Unfit("is cut short: its end is not marked")


def _markers(data: bytes) -> Iterator[int]:
    """The markers of a JPEG behind its start, up to its end."""
    at = 2
    while found := _MARKER.search(data, at):
        marker, at = data[found.end() - 1], found.end()
        yield marker
        if marker == _JPEG_END:
            return
        if marker != _JPEG_START:
            at += int.from_bytes(data[at : at + 2], "big")


@contextmanager
def _told() -> Iterator[None]:
    """What Pillow raises, as what is wrong with the image."""
    try:
        yield
    except Unfit:
        raise
    except Exception as error:
        raise Unfit(f"does not decode: {str(error) or type(error).__name__}") from error


def _light(image: Image.Image) -> tuple[float, float]:
    """Brightness and sharpness of a decoded image."""
    image.info.pop("transparency", None)  # Pillow warns where a palette has it, and luma has no use for it
    luma = image.convert("L")
    luma.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    x = np.asarray(luma, np.float32)
    laplacian = x[:-2, 1:-1] + x[2:, 1:-1] + x[1:-1, :-2] + x[1:-1, 2:] - 4 * x[1:-1, 1:-1]
    return float(x.mean()) / 255, float(laplacian.var()) if laplacian.size else 0.0
