"""What ingestion measures on each image, as features beside its bytes.

The model does not read them, it sees the pixels. They are what statistics, schema, gate and drift look at: a camera
that turned dark, or out of focus, shows in numbers.
"""

from __future__ import annotations

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


def measured(images: Iterable[str]) -> dict[str, ColumnType]:
    """The measured features of images by name, such as `photo_width`, with their types."""
    return {f"{image}_{measure}": kind for image in images for measure, kind in MEASURES.items()}
