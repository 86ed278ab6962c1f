"""Small images for the real Transform and Trainer: stripes that run down, or across."""

from __future__ import annotations

import io
import random
from typing import Any

import numpy as np
from pictures import encoded
from PIL import Image

from components.label import LabelSettings
from components.transform.settings import ColumnSettings, FeaturesSettings, ImageSettings

LABEL = LabelSettings(name="stripes", classes=("across", "down"))
PHOTO = ImageSettings(height=16, width=16, channels=3)
FEATURES = FeaturesSettings(images={"photo": PHOTO})
WITH_COLUMNS = FeaturesSettings(
    images={"photo": PHOTO},
    columns={
        "hour": ColumnSettings(type="int", transform=("identity",), size=24, embedding=2),
        "gain": ColumnSettings(),
    },
)


def rows(count: int = 240) -> list[dict[str, Any]]:
    """Rows with an image, two columns that tell nothing, and the label."""
    random_ = random.Random(7)
    return [row(random_) for _ in range(count)]


def row(random_: random.Random) -> dict[str, Any]:
    """A PNG or JPEG file of 16 x 16, or of another size."""
    stripes = random_.choice(["across", "down"])
    size = random_.choice([(16, 16), (16, 16), (20, 30)])
    return {
        "photo": encoded(striped(stripes, size, random_.randrange(2**32)), random_.choice(["PNG", "JPEG"])),
        "hour": random_.randrange(24),
        "gain": random_.random(),
        "stripes": stripes,
    }


def striped(stripes: str, size: tuple[int, int] = (16, 16), seed: int = 0) -> np.ndarray:
    """Stripes of four pixels with noise, uint8 [height, width, 3]."""
    height, width = size
    along = np.arange(height)[:, None] if stripes == "across" else np.arange(width)[None, :]
    bright = np.broadcast_to((along // 4 % 2)[..., None], (height, width, 3))
    noise = np.random.default_rng(seed).integers(0, 60, (height, width, 3))
    return (bright * 150 + noise).astype(np.uint8)


def decode(file: bytes, mode: str = "RGB") -> np.ndarray:
    """The pixels of a file as Pillow has them."""
    return np.asarray(Image.open(io.BytesIO(file)).convert(mode))
