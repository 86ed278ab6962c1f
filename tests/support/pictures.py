"""Small images, and files and folders of them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("good", "scratched")


def pixels(seed: int, *, scratched: bool = False, light: float = 0.5, side: int = 24) -> np.ndarray:
    """A grainy surface, uint8 [side, side, 3], with a bright line across if it is scratched.

    Args:
      seed: of the grain, and of the scratch's place.
      scratched: whether there is a scratch.
      light: mean brightness, 0 to 1.
      side: width and height.
    """
    random = np.random.default_rng(seed)
    surface = light + random.normal(0, 0.02) + random.normal(0, 0.05, (side, side, 1)) + random.normal(0, 0.01, 3)
    if scratched:
        row = random.integers(1, side - 1)
        surface[row] = np.minimum(1, light + 0.4)
    return (np.clip(surface, 0, 1) * 255).astype(np.uint8)


def encoded(image: np.ndarray | Image.Image, form: str = "PNG", **options: object) -> bytes:
    """An image as the bytes of a file."""
    stream = io.BytesIO()
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture.save(stream, form, **options)
    return stream.getvalue()


def write(path: Path, image: np.ndarray | Image.Image | bytes, **options: object) -> Path:
    """Writes an image, in the format that its name tells; bytes as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    form = "PNG" if path.suffix == ".png" else "JPEG"
    path.write_bytes(image if isinstance(image, bytes) else encoded(image, form, **options))
    return path


def surfaces(folder: Path, count: int = 60, *, light: float = 0.5, start: int = 0, suffix: str = ".png") -> Path:
    """A folder of surfaces, half of them scratched, in a sub-folder for each class."""
    for seed in range(start, start + count):
        name = CLASSES[seed % 2]
        write(folder / name / f"{seed}{suffix}", pixels(seed, scratched=name == "scratched", light=light))
    return folder
