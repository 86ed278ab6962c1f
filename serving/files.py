"""Files that survive a crash: written under another name, flushed to disk, then renamed into place."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

LAST_VERSION = ".last_version"
"""Beside the versions of a model: the highest one ever used."""

_CHUNK_BYTES = 1 << 20


def flush(path: Path) -> None:
    """Waits until a file's content, or a folder's entries, are on disk (fsync)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(path: Path, content: str | bytes) -> None:
    """Writes a file, text as UTF-8, that is seen either as it was or whole, even after a crash."""
    staged = path.with_name(f".{path.name}.{os.getpid()}.new")
    staged.write_bytes(content.encode() if isinstance(content, str) else content)
    flush(staged)
    staged.replace(path)
    flush(path.parent)


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file under a folder, by its path relative to the folder."""
    return {str(path.relative_to(folder)): digest(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def copy_tree(source: Path, target: Path) -> dict[str, str]:
    """Copies a folder, file by file, each flushed to disk; the folder `target` must not exist yet.

    Returns:
      SHA-256 of each file, taken from the bytes as they were copied, by path relative to the folder.
    """
    target.mkdir()
    found = {}
    for path in sorted(source.rglob("*")):
        copy = target / path.relative_to(source)
        if path.is_dir():
            copy.mkdir()
        else:
            found[str(path.relative_to(source))] = copy_file(path, copy)
    return found


def flush_folders(folder: Path) -> None:
    """Flushes the entries of a folder and of every folder in it, innermost first."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            flush(path)
    flush(folder)


def copy_file(source: Path, target: Path) -> str:
    """Copies a file and flushes it to disk.

    Returns:
      SHA-256 of the bytes as they were copied.
    """
    sha256 = hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(_CHUNK_BYTES):
            sha256.update(chunk)
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    return sha256.hexdigest()
