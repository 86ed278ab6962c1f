"""Images with labels as arrays: shuffled, dealt to spans, written as `.npz` files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import Field

from data.deal import DealtSettings, deal


class Images(NamedTuple):
    """Images and what they show.

    Attributes:
      pixels: uint8 [n, height, width].
      labels: int64 [n].
    """

    pixels: np.ndarray
    labels: np.ndarray


class ShuffledSettings(DealtSettings):
    """Images of one span of a data set that is shuffled and dealt out."""

    seed: int = Field(42, ge=0)
    """Of the order in which they are dealt."""


def save(images: Images, path: Path) -> None:
    """Writes an `.npz` file with the arrays `images` and `labels`."""
    with path.open("wb") as file:
        np.savez(file, images=images.pixels, labels=images.labels)


def span_writers(images: Images, settings: Sequence[ShuffledSettings], name: str) -> list[Callable[[Path], None]]:
    """What writes each span's share of the images into a folder that it makes, as the file `name`."""
    order = np.random.default_rng(settings[0].seed).permutation(len(images.labels))
    shares = (order[share] for share in deal(len(order), settings))
    return [partial(_save_in, name, Images(images.pixels[each], images.labels[each])) for each in shares]


def _save_in(name: str, images: Images, folder: Path) -> None:
    folder.mkdir()
    save(images, folder / name)
