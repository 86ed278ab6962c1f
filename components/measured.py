"""What ingestion measures on each image, as features beside its bytes.

The model does not read them, it sees the pixels. They are what statistics, schema, gate and drift look at: a camera
that turned dark, or out of focus, shows in numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from components.label import ColumnType

MEASURES: dict[str, ColumnType] = {
    "width": "int",
    "height": "int",
    "channels": "int",
    "format": "string",
    "brightness": "float",
    "sharpness": "float",
}
"""What is measured, with the type of the feature."""


MARGIN = 0.5
"""How much wider than what was seen the range of an accepted schema is, at each end, as a share of its width."""

LEAST_BRIGHTNESS_MARGIN = 0.05
"""However alike the images are that a schema is accepted from, this much of brightness is weather."""


def measured(images: Iterable[str]) -> dict[str, ColumnType]:
    """The measured features of images by name, such as `photo_width`, with their types."""
    return {f"{image}_{measure}": kind for image in images for measure, kind in MEASURES.items()}


def later_range(measure: str, low: float, high: float) -> tuple[float, float] | None:
    """The range that a measure of later images may take, judged by what was seen.

    The least and the greatest of the next thousand images lie a little beyond those of the last thousand, and a single
    image beyond the range ends a run. So there is a margin: wide enough that the same camera stays within it, and far
    too narrow for one that turned dark. Where all images had one size, there is none: any other size is news.

    Args:
      measure: one of `MEASURES`.
      low: least value that was seen.
      high: greatest value that was seen.

    Returns:
      Least and greatest value; None for a measure that is no number.
    """
    margin = MARGIN * (high - low)
    match measure:
        case "width" | "height":
            return max(1.0, math.floor(low - margin)), math.ceil(high + margin)
        case "channels":
            return low, high
        case "brightness":
            margin = max(margin, LEAST_BRIGHTNESS_MARGIN)
            return max(0.0, low - margin), min(1.0, high + margin)
        case "sharpness":  # a scale of ratios, where a blurred image has a tenth of a sharp one's
            return low / 2, high * 2
    return None
