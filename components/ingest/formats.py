"""Which format the input has, and which of the files in a folder are read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

from components.ingest.settings import SUFFIXES, DataSettings, Format
from schema.errors import SettingsError

FOLDERS: dict[Format, str] = {
    "images": "a sub-folder of PNG and JPEG files for each class",
    "idx": "files such as train-images-idx3-ubyte.gz",
    "npz": "files that end in .npz",
}
"""Formats that are read from a folder, with what it holds."""

PICTURES = (".png", ".jpg", ".jpeg")
"""Endings that tell a folder of images, and an image that lies in no class from a README."""


def recognise(data: DataSettings, paths: Sequence[Path]) -> tuple[Format, tuple[Path, ...]]:
    """Tells the format of what `data.path` matched.

    Args:
      data: the settings.
      paths: files, or folders.

    Returns:
      The format and the files to read, those in the folders.

    Raises:
      SettingsError: the format cannot be told, or nothing of that format is there.
    """
    if not paths[0].is_dir():
        files = tuple(path for path in paths if "idx1-ubyte" not in path.name) or tuple(paths)
        told = format_of(data, files)
        if told == "images":
            raise _not_a_folder(files[0])
        return told, files
    folder = paths[0]
    form = data.format or _format_inside(folder)
    if form is None or form not in FOLDERS:
        raise SettingsError(
            "The input is a folder, not a file.",
            where=f"data.path: {data.path}",
            expected="at least one file; or a folder with " + ", or ".join(FOLDERS.values()),
            received=f"the folder {folder}",
            fix=f"write {folder}/*.csv, or the like",
        )
    files = tuple(file for path in paths for file in _inside(path, form))
    if not files:
        raise SettingsError(
            "The folder holds nothing to read.",
            where=f"data.path: {data.path}",
            expected=FOLDERS[form],
            received=f"none of these in {folder}",
            fix="correct `data.path`, or `data.format`",
        )
    return form, files


def format_of(data: DataSettings, files: Sequence[Path]) -> Format:
    """The format that the settings name, else the one that the file names' endings tell.

    Raises:
      SettingsError: an ending is unknown, or the files differ.
    """
    if data.format:
        return data.format
    formats = {}
    for file in files:
        suffix = next((suffix for suffix in sorted(SUFFIXES, key=len) if file.name.lower().endswith(suffix)), None)
        if suffix is None:
            raise SettingsError(
                "The format of the input cannot be told from the file's name.",
                where=str(file),
                expected=f"a name that ends in one of {', '.join(SUFFIXES)}",
                received=file.name,
                fix=f"set `data.format` to one of {', '.join(get_args(Format))}",
            )
        formats[SUFFIXES[suffix]] = file
    if len(formats) > 1:
        raise SettingsError(
            "The input mixes formats.",
            where=f"data.path: {data.path}",
            expected="files of one format",
            received=", ".join(f"{file.name} ({name})" for name, file in formats.items()),
            fix="narrow `data.path`, such as with *.csv at its end",
        )
    return next(iter(formats))


def labels_beside(images: Path) -> Path:
    """The file of labels that belongs to a file of images, by its name.

    Raises:
      SettingsError: there is none.
    """
    name = images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    for ending in ("", ".gz"):
        path = images.with_name(name + ending)
        if path.is_file() and "idx3" in images.name:
            return path
    raise SettingsError(
        "An IDX file has no labels beside it.",
        where=str(images),
        expected=f"images in a file such as train-images-idx3-ubyte, and their labels in {name} (or {name}.gz)",
        received=f"only {images.name}",
        fix="put the labels beside the images, named as in MNIST",
    )


def visible(folder: Path) -> list[Path]:
    """What stands in a folder, by name, but for hidden files and folders."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def files_below(folder: Path) -> Iterator[Path]:
    """All files below a folder, but for hidden ones and those in hidden folders."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in names if not name.startswith("."))


def by_class(folder: Path) -> dict[str | None, list[Path]]:
    """The files of a folder of images by the name of their class, its sub-folder; hidden ones are no class's.

    Images beside the sub-folders stand under None. Other files there are no data.
    """
    found = visible(folder)
    beside = [path for path in found if not path.is_dir() and path.name.lower().endswith(PICTURES)]
    return {None: beside, **{path.name: sorted(files_below(path)) for path in found if path.is_dir()}}


def _format_inside(folder: Path) -> Format | None:
    for form in ("idx", "npz"):
        if _inside(folder, form):
            return form
    files = (file for path in visible(folder) if path.is_dir() for file in files_below(path))
    return "images" if any(file.name.lower().endswith(PICTURES) for file in files) else None


def _inside(folder: Path, form: Format) -> list[Path]:
    """The files of a format in a folder, by name; of a file that is there plain and as `.gz`, the plain one."""
    if form == "images":
        return [file for files in by_class(folder).values() for file in files]
    files = [path for path in visible(folder) if not path.is_dir()]
    endings = tuple(suffix for suffix, of in SUFFIXES.items() if of == form)
    found = [file for file in files if file.name.lower().endswith(endings)]
    return [file for file in found if not (file.suffix == ".gz" and file.with_suffix("") in found)]


def _not_a_folder(file: Path) -> SettingsError:
    return SettingsError(
        "The format `images` reads folders.",
        where="data.path",
        expected=f"a folder with {FOLDERS['images']}",
        received=f"the file {file}",
        fix="name the folder; or read a manifest, a CSV or Parquet file with a column of paths (format: csv)",
    )
