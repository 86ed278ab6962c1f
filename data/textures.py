"""Generated surfaces as a camera over a production line sees them, some with a scratch, a blob or a stain.

Nothing tells a defect but its shape: surfaces differ in brightness, colour, grain and shading, all of them have dust on
them, and a defect is as often brighter than its surface as darker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from data.files import write_once
from data.source import Found
from schema.section import Section

CLASSES = ("good", "defect")

Pixels = NDArray[np.floating[Any]]
Random = np.random.Generator

_CHUNK = 250 * 64 * 64
"""Pixels that are drawn at once."""


class TexturesSettings(Section):
    """Surfaces of one span."""

    rows: int = Field(6000, ge=10)
    """Number of images."""
    defect_rate: float = Field(0.3, gt=0, lt=1)
    """Share of the images that have a defect; at least one has, and at least one has none."""
    lighting: float = Field(1.0, gt=0, le=2)
    """Brightness of the lamp: at 0.5 the camera sees half as much light."""
    noise: float = Field(0.008, ge=0, le=0.5)
    """Standard deviation of the camera's noise, as a share of full brightness."""
    size: int = Field(64, ge=16, le=1024)
    """Height and width of an image in pixels."""
    seed: int = Field(42, ge=0)
    """Of everything that is drawn. Spans with the same seed differ all the same."""


def source(directory: Path) -> Found:
    """The data set `textures`: the folder `DIRECTORY/surfaces` with the sub-folders `good` and `defect`."""
    return _whole(directory, TexturesSettings())


def few(directory: Path) -> Found:
    """The same with ten images."""
    return _whole(directory, TexturesSettings(rows=10))


def _whole(directory: Path, settings: TexturesSettings) -> Found:
    path = directory / "surfaces"
    write_once(path, partial(write, settings, 1))
    return Found(str(path))


def spans(settings: Sequence[TexturesSettings]) -> list[Callable[[Path], None]]:
    """What writes each of the spans into a folder that it is given; a span does not depend on the others."""
    return [partial(write, each, span) for span, each in enumerate(settings, start=1)]


def write(settings: TexturesSettings, span: int, folder: Path) -> None:
    """Writes a span's images as `FOLDER/good/000000.png` and so on, numbered over both classes."""
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
    number = 0
    with ThreadPoolExecutor() as pool:  # Pillow compresses without holding the interpreter's lock
        for images, defects in generate(settings, span):
            names = [folder / CLASSES[int(bad)] / f"{number + i:06d}.png" for i, bad in enumerate(defects)]
            list(pool.map(_save, images, names))
            number += len(images)


def _save(image: np.ndarray, path: Path) -> None:
    Image.fromarray(image).save(path, compress_level=1)


def generate(settings: TexturesSettings, span: int = 1) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Draws a span's images.

    Args:
      settings: how many, and what they look like.
      span: number of the span; another one gives other images.

    Yields:
      Images, uint8 [n, size, size, 3], and whether each has a defect, bool [n].
    """
    random = np.random.default_rng([settings.seed, span])
    bad = min(max(round(settings.rows * settings.defect_rate), 1), settings.rows - 1)
    defects = random.permutation(settings.rows) < bad
    rows = max(1, _CHUNK // settings.size**2)
    for start in range(0, settings.rows, rows):
        chunk = defects[start : start + rows]
        yield _photograph(_surfaces(chunk, settings.size, random), settings, random), chunk


def _photograph(light: Pixels, settings: TexturesSettings, random: Random) -> np.ndarray:
    """What the camera makes of the light: uint8, with noise, white where it is too bright."""
    n, size = len(light), settings.size
    # Neighbours share some of the noise, as they do once a camera has made colours of its sensor's grid.
    noise = _smooth(random, 3 * n, (size // 2, size // 2), size).reshape(n, 3, size, size).transpose(0, 2, 3, 1)
    return np.rint(255 * (settings.lighting * light + settings.noise * noise).clip(0, 1)).astype(np.uint8)


def _surfaces(defects: np.ndarray, size: int, random: Random) -> Pixels:
    """Light thrown back by surfaces, [n, size, size, 3], around 0.5."""
    n = len(defects)
    x, y = _plane(size)
    grain = _smooth(random, n, (20, 4), size)
    across = random.random(n) < 0.5
    grain[across] = grain[across].transpose(0, 2, 1)
    relief = _each(random.uniform(0.01, 0.03, n)) * grain + 0.02 * _smooth(random, n, (5, 5), size)
    slope = [_each(random.uniform(-0.12, 0.12, n)) for _ in range(2)]
    brightness = _each(random.uniform(0.4, 0.6, n)) * (1 + relief + slope[0] * x + slope[1] * y)
    colour = random.normal(1, 0.04, (n, 1, 1, 3))
    surface = brightness[..., None] * colour * (1 + _dust(random, n, size)[..., None])
    for share in (1.0, 0.5, 0.25):  # a first defect, often a second one, now and then a third
        kinds = np.where(defects & (random.random(n) < share), random.integers(len(_DEFECTS), size=n), -1)
        for kind, defect in enumerate(_DEFECTS):
            surface[kinds == kind] *= 1 + defect(random, int((kinds == kind).sum()), size)
    return surface.astype(np.float32)


def _dust(random: Random, n: int, size: int) -> Pixels:
    """Up to three faint specks, smaller than any defect, on every surface: [n, size, size]."""
    dust = np.zeros((n, size, size), np.float32)
    for _ in range(3):
        x, y = _around(random, n, size, reach=1.0)
        depth = _depth(random, n, 0.03, 0.12) * _each(random.random(n) < 0.5)
        dust += depth * np.exp(-(x**2 + y**2) / 0.04**2)
    return dust


def _scratches(random: Random, n: int, size: int) -> Pixels:
    """A thin line, a little bent, that fades out at both ends."""
    x, y = _around(random, n, size, reach=0.6)
    angle = _each(random.uniform(0, np.pi, n))
    along, off = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    off = off - _each(random.normal(0, 0.25, n)) * along**2
    length, width = _each(random.uniform(0.3, 1.0, n)), _each(random.uniform(0.03, 0.06, n))
    line = np.exp(-((off / width) ** 2) - (along / length) ** 4)
    return (_depth(random, n, 0.3, 0.7) * line)[..., None]


def _blobs(random: Random, n: int, size: int) -> Pixels:
    """A spot with a soft edge: a drop, a pit."""
    x, y = _around(random, n, size, reach=0.8)
    radius, flat = _each(random.uniform(0.1, 0.22, n)), _each(random.uniform(0.6, 1.6, n))
    distance = np.sqrt((x * flat) ** 2 + (y / flat) ** 2) / radius
    return (_depth(random, n, 0.2, 0.6) * _soft(1 - distance, 0.15))[..., None]


def _stains(random: Random, n: int, size: int) -> Pixels:
    """A patch of no particular shape that changes the colour more than the brightness."""
    x, y = _around(random, n, size, reach=0.6)
    radius = _each(random.uniform(0.3, 0.6, n))
    patch = _soft(1 - np.sqrt(x**2 + y**2) / radius + 0.2 * _smooth(random, n, (7, 7), size), 0.1)
    shift = _depth(random, n, 0.08, 0.25)[..., None] + random.normal(0, 0.08, (n, 1, 1, 3))
    return patch[..., None] * shift


_DEFECTS = (_scratches, _blobs, _stains)


def _plane(size: int) -> tuple[Pixels, Pixels]:
    """Coordinates from -1 to 1, [1, 1, size] and [1, size, 1]."""
    line = np.linspace(-1, 1, size, dtype=np.float32)
    return line[None, None, :], line[None, :, None]


def _around(random: Random, n: int, size: int, reach: float) -> tuple[Pixels, Pixels]:
    """Coordinates around a point of each image's own, no farther than `reach` from the middle."""
    x, y = _plane(size)
    return x - _each(random.uniform(-reach, reach, n)), y - _each(random.uniform(-reach, reach, n))


def _depth(random: Random, n: int, least: float, most: float) -> Pixels:
    """How strong a defect is: as often brighter as darker."""
    return _each(random.uniform(least, most, n) * random.choice([-1, 1], n))


def _smooth(random: Random, n: int, cells: tuple[int, int], size: int) -> Pixels:
    """Smooth noise of variance 1: normal numbers on a grid of `cells`, linear in between, [n, size, size]."""
    down, right = (_interpolation(count, size) for count in cells)
    grid = random.standard_normal((n, *cells), np.float32)
    return 1.5 * (down @ grid @ right.T)  # what lies between two numbers varies by two thirds of them


def _interpolation(cells: int, size: int) -> Pixels:
    """Matrix [size, cells] that draws `cells` values out over `size` pixels."""
    place = np.linspace(0, cells - 1, size)[:, None]
    return np.clip(1 - np.abs(place - np.arange(cells)), 0, 1).astype(np.float32)


def _soft(inside: Pixels, edge: float) -> Pixels:
    """1 where `inside` is well above 0, 0 where it is well below, over an edge of that width."""
    return 1 / (1 + np.exp(-np.clip(inside / edge, -30, 30)))


def _each(values: np.ndarray) -> Pixels:
    """A number for each image, in a shape that spreads over its pixels."""
    return values.astype(np.float32)[:, None, None]
