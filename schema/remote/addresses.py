"""Addresses of remote places, and where their copies lie on this machine.

A remote file is worked on as a copy. Where a copy lies tells what it is a copy of:

    s3://bucket/in/a.csv   ~/.cache/headgate/remote/KEY/s3/bucket/in/a.csv

so that any message about the copy can be told as one about the original. The folder may be deleted at any time when
nothing runs.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

SCHEMES = {"s3": "s3fs", "gs": "gcsfs", "hdfs": "pyarrow"}
"""Schemes of remote addresses, with the package that reaches them."""

_FOLDER = "headgate/remote"

PLAIN = "files"
"""The key of copies that are brought up to date in place."""


def is_remote(place: str | Path) -> bool:
    """Whether a place is an address such as `s3://bucket/folder`."""
    scheme, separator, _ = str(place).partition("://")
    return bool(separator) and scheme in SCHEMES


def join(place: str | Path, *names: str) -> str:
    """A place below another one, remote or local."""
    return "/".join([str(place).rstrip("/"), *names]) if is_remote(place) else str(Path(place, *names))


def cache() -> Path:
    """The folder of all copies."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return base.resolve() / _FOLDER


def made_cache() -> Path:
    """The folder of all copies, made if need be: for nobody else's eyes, as many a bucket is."""
    folder = cache()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def here(place: str | Path, key: str = PLAIN) -> Path:
    """Where a place is found on this machine: a local one where it is, a remote one's copy, made or not.

    Args:
      place: a path, or a remote address.
      key: keeps apart copies of one place that was there in several versions.
    """
    if not is_remote(place):
        return Path(place)
    scheme, _, rest = str(place).partition("://")
    return cache() / key / scheme / rest.strip("/")


def told(text: str) -> str:
    """A text in which copies go by the addresses of what they are copies of."""
    if _FOLDER not in text:
        return text
    root = str(cache())
    return re.sub(rf"{re.escape(root)}/[^/\s]+/({'|'.join(SCHEMES)})/", r"\1://", text)
