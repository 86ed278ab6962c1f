"""Images in a draft: found in a folder, in arrays or behind the paths of a column, and looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from components.ingest import idx, npz
from components.ingest.formats import files_below, visible
from components.ingest.inspection import Limits, Unfit, inspect
from components.ingest.settings import DataSettings
from components.ingest.spans import Input
from components.transform.settings import ImageSettings
from pipeline.drafting.label import Label, label_of
from pipeline.drafting.profile import Column
from schema.errors import DataError, SettingsError

SAMPLE = 50
"""How many images are looked at."""
LARGEST = 64
"""Height and width that larger images are resized to: what the network trains on in minutes, without a GPU."""
SMALLEST_PHOTO = 32
"""Files of at least so many pixels are taken for photographs, which may be turned and shifted."""
_SPLITS = frozenset({"train", "training", "val", "valid", "validation", "eval", "test", "testing"})
_FILE = re.compile(r"(?i)\.(png|jpe?g)$")


@dataclass(frozen=True)
class Picture:
    """The image of a draft.

    Attributes:
      name: its column.
      settings: its entry in `features.images`.
      seen: what was found, in a few words.
      photo: whether it is worth being turned, shifted and zoomed while training.
    """

    name: str
    settings: ImageSettings
    seen: str
    photo: bool


def latest_span(folder: Path) -> tuple[Path, str]:
    """A folder of spans as its latest span and the pattern of all; any other folder as itself."""
    spans = {path: re.fullmatch(r"(.*?)(\d+)", path.name) for path in visible(folder)}
    named = {path: match for path, match in spans.items() if match and match[1].lower().rstrip("-_") == "span"}
    if not named or len(named) < len(spans):
        return folder, str(folder)
    latest = max(named, key=lambda path: int(named[path][2]))
    return latest, str(folder / f"{named[latest][1]}{{SPAN}}")


def of_folder(folder: Path, name: str) -> tuple[Picture, Label]:
    """The images of a folder with a sub-folder for each class.

    Args:
      folder: the folder.
      name: of the label.

    Raises:
      SettingsError: it has fewer than two classes, or its sub-folders are splits.
      DataError: a class is empty, or no image can be used.
    """
    classes = {path.name: sorted(files_below(path)) for path in visible(folder) if path.is_dir()}
    if classes and {each.lower() for each in classes} <= _SPLITS:
        raise SettingsError(
            "The sub-folders look like splits, not like classes.",
            where=str(folder),
            expected="a sub-folder for each class",
            received=", ".join(classes),
            fix=f"Headgate makes the splits itself: move the classes of all of them into one folder, or take "
            f"{folder / next(iter(classes))} alone",
        )
    for each, files in classes.items():
        if not files:
            raise DataError(
                f"The class `{each}` has no images.", where=str(folder / each), fix="add some, or remove the folder"
            )
    label = label_of(name, {each: len(files) for each, files in classes.items()}, "the sub-folder's name", str(folder))
    return look("image", [file for files in classes.values() for file in files]), label


def of_arrays(found: Input, name: str) -> tuple[Picture, Label]:
    """The images of IDX or npz files.

    Raises:
      SettingsError: there are fewer than two classes.
      DataError: a file cannot be read.
    """
    limit = DataSettings(path="").max_pixels
    stacks = [stack for file in found.files for stack in (idx if found.format == "idx" else npz).stacks(file, limit)]
    counts: dict[int | str, int] = {}
    for stack in stacks:
        for value, count in zip(*np.unique(stack.labels, return_counts=True), strict=True):
            counts[value.item()] = counts.get(value.item(), 0) + int(count)
    shapes = [next(iter(stack.slices())).shape[1:] for stack in stacks]
    label = label_of(name, counts, "the labels' array", str(found.files[0]))
    return _picture("image", [(*shape[:2], shape[2] if shape[2:] else 1) for shape in shapes], files=False), label


def column_of_images(columns: Iterable[Column]) -> Column | None:
    """The first column that holds images, or paths of images."""
    return next((each for each in columns if each.kind == "image" or _holds_paths(each)), None)


def look(name: str, images: Sequence[Path | bytes]) -> Picture:
    """Looks at some images of a column.

    Args:
      name: of the column.
      images: their files, or what these would hold.

    Raises:
      DataError: none of those that were looked at can be used.
    """
    data = DataSettings(path="")
    shapes, reasons = [], []
    for image in images[:: -(-len(images) // SAMPLE)]:
        try:
            encoded, file = (image, "") if isinstance(image, bytes) else (image.read_bytes(), image.name)
            found = inspect(encoded, Limits(data.min_side, data.max_pixels), file)
            shapes.append((found.height, found.width, 3 if found.channels >= 3 else 1))
        except (OSError, Unfit) as error:
            reasons.append(f"{'an image' if isinstance(image, bytes) else image} {error}")
    if not shapes:
        raise DataError(
            "No image can be used.",
            where=f"{len(reasons)} of {len(images)} in `{name}`",
            expected="PNG or JPEG files",
            received=reasons[0],
        )
    return _picture(name, shapes, files=True)


def _picture(name: str, shapes: Sequence[tuple[int, int, int]], files: bool) -> Picture:
    """The image for shapes (height, width, channels): the usual size, but no larger than `LARGEST`."""
    height, width = (round(median(shape[axis] for shape in shapes)) for axis in (0, 1))
    channels = max(shape[2] for shape in shapes)
    settings = ImageSettings(height=min(height, LARGEST), width=min(width, LARGEST), channels=3 if channels == 3 else 1)
    sizes = f"{height} x {width} pixels" if len(set(shapes)) == 1 else f"about {height} x {width} pixels"
    seen = f"{sizes}, {'grey' if channels == 1 else 'colour'}"
    return Picture(name, settings, seen, files and min(height, width) >= SMALLEST_PHOTO)


def _holds_paths(column: Column) -> bool:
    return column.kind == "string" and all(_FILE.search(str(value)) for value in column.values)
