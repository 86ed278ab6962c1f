"""A folder of images as a manifest that nobody wrote: listings of paths and labels, in units that workers share.

A listing is a Parquet file with the column of the images, paths below the folder, and the label's column. Its rows
stand in the order of a hash of their paths, so that each listing, and each shard, has images of all classes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.ingest.formats import by_class
from components.ingest.rejects import Reject
from components.ingest.settings import IngestSettings
from components.ingest.spans import Input
from components.label import LabelSettings
from schema.errors import DataError, SettingsError
from schema.remote import copies
from schema.remote.addresses import told

ROWS = 1000
"""Images in a listing: a unit of work, and a shard of each split."""

_LISTED = 10


def units(found: Input, settings: IngestSettings, work: Path) -> list[Path]:
    """The input as the files that workers read: its own, or listings of its images, written to `work`.

    Remote files are fetched; with a remote manifest also what lies below its root. That of a Parquet file has to be
    named: most hold the images themselves.

    Raises:
      SettingsError, DataError: as `write`; or a remote file cannot be read, or changed.
      HeadgateError: the remote storage failed.
    """
    found.fetch()
    if settings.images and (settings.data.root or found.format == "csv"):
        for root in sorted({manifest_root(file, settings) for file in found.files}):
            copies.fetch(root)
    return write(found.folders, settings, work) if found.format == "images" else list(found.files)


def manifest_root(manifest: Path, settings: IngestSettings) -> str:
    """The folder that a manifest's paths start from: a path, or a remote address."""
    return settings.data.root or told(str(manifest.parent))


def image_column(settings: IngestSettings) -> str:
    """The column of the images in a format that has one image in each row.

    Raises:
      SettingsError: the settings name no image, or several.
    """
    if len(settings.images) != 1:
        raise SettingsError(
            "The input has one image in each row.",
            where="features.images",
            expected="one image, such as `image: {height: 64, width: 64}`",
            received=f"{len(settings.images)}: {', '.join(settings.images)}" if settings.images else "none",
            fix="name one image under `features.images`; for several in a row, write a manifest (format: csv)",
        )
    return settings.images[0]


def write(folders: Sequence[Path], settings: IngestSettings, target: Path) -> list[Path]:
    """Lists the images of folders.

    Args:
      folders: each with a sub-folder for each class.
      settings: names image and label, and the classes.
      target: the folder to write to.

    Returns:
      The listings.

    Raises:
      SettingsError: the label is no class, or the settings do not name one image.
      DataError: a class has no images, or a sub-folder is no class.
    """
    column, root = image_column(settings), root_of(folders)
    known = _classes(settings.label)
    rows: list[tuple[str, int | str | None]] = []
    for folder in folders:
        for name, files in by_class(folder).items():
            if name is not None and name not in known:
                raise _no_class(folder / name, len(files), known)
            # Without a class, and so without a label: for the quarantine.
            label = None if name is None else known[name]
            rows += [(str(file.relative_to(root)), label) for file in files]
    _check_classes({label for _, label in rows}, known, root)
    rows.sort(key=lambda row: hashlib.blake2b(os.fsencode(row[0]), digest_size=8).digest())
    kind = pa.string() if settings.label.type == "string" else pa.int64()
    listings = []
    for number, start in enumerate(range(0, len(rows), ROWS)):
        paths, labels = zip(*rows[start : start + ROWS], strict=True)
        table = pa.table({column: _texts(paths, root), settings.label.name: pa.array(labels, kind)})
        listings.append(target / f"listing-{number:05d}.parquet")
        pq.write_table(table, listings[-1])
    return listings


def root_of(folders: Sequence[Path]) -> Path:
    """The folder that the paths in listings start from."""
    return Path(os.path.commonpath(folders))


def of_files(rejects: Sequence[Reject], listing: Path, root: Path) -> tuple[Reject, ...]:
    """Rejects of a listing's rows as rejects of the files that stand there."""
    if not rejects:
        return ()
    paths = pq.read_table(listing)[0]
    return tuple(_of_file(reject, paths[(reject.line or 1) - 1].as_py(), root) for reject in rejects)


def _of_file(reject: Reject, path: str, root: Path) -> Reject:
    return Reject(str(root / path), None, reject.reason.replace(f"{path} ", "", 1), "")


def _classes(label: LabelSettings) -> dict[str, int | str]:
    if not label.values:
        raise SettingsError(
            "A folder of images has classes, and the label is a number.",
            where="label.task",
            expected="binary or multiclass",
            received=label.task,
            fix="write a manifest, a CSV file with a column of paths and one of numbers (format: csv)",
        )
    return {str(value): value for value in label.values}


def _check_classes(found: Collection[int | str | None], known: dict[str, int | str], root: Path) -> None:
    empty = [name for name, value in known.items() if value not in found]
    if empty:
        raise DataError(
            f"The class `{empty[0]}` has no images.",
            where=str(root / empty[0]),
            expected=f"at least one image of each class of `label.classes`: {_named(known)}",
            received="none of " + _named(empty),
            fix="add images, correct the folder's name, or take the class out of `label.classes`",
        )


def _no_class(path: Path, files: int, known: Collection[str]) -> DataError:
    return DataError(
        f"The sub-folder `{path.name}` is no class.",
        where=str(path),
        expected=f"sub-folders named as `label.classes` says: {_named(known)}",
        received=f"`{path.name}`, with {files:,} files" if files else f"`{path.name}`, which is empty",
        fix="add it to `label.classes`, rename it, or move it away; splits are made by Headgate, so train/CLASS and "
        "test/CLASS become one folder",
    )


def _named(names: Collection[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(list(names)[:_LISTED]) + more


def _texts(paths: Sequence[str], root: Path) -> pa.StringArray:
    try:
        return pa.array(paths, pa.string())
    except UnicodeEncodeError as error:
        raise DataError(
            "The name of a file is not UTF-8.",
            where=str(root),
            expected="names that are text",
            received=ascii(error.object),
            fix="rename the file",
        ) from error
