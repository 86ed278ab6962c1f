"""A disk that is full, or that may only be read: told as what it is, whichever library met it first."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from schema.errors import HeadgateError, ReleaseError

FULL = ("No space left on device", "Disk quota exceeded", "database or disk is full")
READ_ONLY = ("Read-only file system", "readonly database")
"""What the C library and sqlite say; TensorFlow, Arrow and Beam pass on the text alone."""

LEAST = 1 << 20
"""Bytes. With less than that, sqlite's complaints, which name no cause, are put down to the disk."""

_PATH = re.compile(r"/[^\s;:,'\"\]\)]+")


def disk_error(error: BaseException, near: Path) -> HeadgateError | None:
    """Tells whether an error comes from a disk that takes no more.

    Args:
      error: anything that was raised.
      near: a file or folder on the disk that is meant where the error names none.

    Returns:
      The error to tell instead; None if it is none of the disk's, or told already.
    """
    for each in _chain(error):
        if isinstance(each, ReleaseError):
            return None
        said = f"{each} {each.strerror}" if isinstance(each, OSError) else str(each)
        full = any(text in said for text in FULL) or _number(each) in (errno.ENOSPC, errno.EDQUOT)
        if full or any(text in said for text in READ_ONLY):
            place = _place(each, near)
            return _full(place) if full else _read_only(place)
    if "query" in str(error) and _usage(near).free < LEAST:
        return _full(near)
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it came from."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _number(error: BaseException) -> int | None:
    return error.errno if isinstance(error, OSError) else None


def _place(error: BaseException, near: Path) -> Path:
    """The file that an error is about, as far as it says."""
    if isinstance(error, OSError) and error.filename:
        return Path(str(error.filename))
    named = (Path(text) for text in _PATH.findall(str(error).partition("\n")[0]))
    return next((path for path in named if path.parent.is_dir()), near)


def _usage(path: Path) -> shutil._ntuple_diskusage:
    return shutil.disk_usage(next(folder for folder in (path, *path.absolute().parents) if folder.exists()))


def _full(place: Path) -> HeadgateError:
    usage = _usage(place)
    return HeadgateError(
        "The disk is full.",
        where=str(place),
        received=f"{usage.free / 2**20:,.1f} of {usage.total / 2**20:,.0f} MiB are free now",
        fix="make room, and start the same command again: it goes on where this one stood",
    )


def _read_only(place: Path) -> HeadgateError:
    return HeadgateError(
        "The disk may only be read.",
        where=str(place),
        fix="mount it for writing, and start the same command again: it goes on where this one stood",
    )
