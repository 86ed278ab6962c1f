"""Copies of remote files on this machine, kept for as long as they are of use.

A record beside the copies tells of which version each is, so what did not change is not fetched again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import cache as once
from pathlib import Path

from filelock import FileLock

from schema.errors import DataError, HeadgateError
from schema.remote import files
from schema.remote.addresses import PLAIN, cache, here, is_remote, made_cache
from schema.remote.files import Entry

KEPT_DAYS = 7
"""Copies that nobody asked for in so many days are removed."""

_RECORDS = "records"
_EMPTY = ".empty"
"""The file that an empty folder has where folders are no more than a part of names."""
_DAY = 86_400


def fetch(
    place: str | Path,
    key: str = PLAIN,
    *,
    entries: Mapping[str, Entry] | None = None,
    only: Callable[[str], bool] = lambda name: True,
) -> Path:
    """Brings the copy of a remote file or folder up to date.

    Args:
      place: a path, which stays where it is, or a remote address.
      key: see `addresses.here`.
      entries: the files to fetch, as they were listed. Default: all that are there now.
      only: whether a file is wanted, by the rest of its name.

    Returns:
      The path on this machine. Nothing is there where nothing is at the address.

    Raises:
      DataError: a file changed while it was read.
      SettingsError, HeadgateError: see `files.listing`.
    """
    if not is_remote(place):
        return Path(place)
    address, target = str(place), here(place, key)
    listed = files.listing(address) if entries is None else entries
    found = {name: entry for name, entry in listed.items() if only(name)}
    with _record(address, key) as record:
        if entries is None:
            for name in set(record) - set(listed):
                _below(target, name).unlink(missing_ok=True)
                del record[name]
            if not listed and target.is_file():
                target.unlink()
        wanted = {
            name: entry
            for name, entry in found.items()
            if record.get(name) != entry or not _below(target, name).is_file()
        }
        if wanted:
            _download(address, target, wanted)
        record.update(wanted)
    return target


def send(folder: Path, address: str, key: str = PLAIN) -> None:
    """Makes a remote folder what a local one is: sends what is not there, removes what else is.

    Args:
      folder: the local folder; where it is `here(address, key)`, it is the copy from now on.
      address: the remote folder.
      key: see `addresses.here`.

    Raises:
      HeadgateError: what arrived is not what was sent.
    """
    sources = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    with _record(address, key) as record:
        record.clear()
        before = set(files.listing(address))
        if sources:
            files.upload(address, sources)
        else:
            files.write(f"{address}/{_EMPTY}", b"")
        if gone := sorted(before - set(sources) - {_EMPTY}):
            files.remove(address, gone)
        arrived = files.listing(address)
        check(address, sources, arrived)
        if folder == here(address, key):
            record.update(arrived)


def check(address: str, sources: Mapping[str, Path], arrived: Mapping[str, Entry]) -> None:
    """Compares files with what arrived of them.

    Raises:
      HeadgateError: one is missing, or has another size.
    """
    for name, path in sources.items():
        if name not in arrived or arrived[name].size != path.stat().st_size:
            raise HeadgateError(
                "An upload did not arrive.",
                where=files.below(address, name),
                expected=f"{path.stat().st_size:,} bytes",
                received=f"{arrived[name].size:,} bytes" if name in arrived else "nothing",
                fix="run again",
            )


def _download(address: str, target: Path, wanted: Mapping[str, Entry]) -> None:
    """Fetches under other names, looks whether all is still as it was listed, then renames."""
    staging = made_cache() / f".staging-{uuid.uuid4().hex}"
    staging.mkdir()
    try:
        staged = {name: staging / str(number) for number, name in enumerate(wanted)}
        files.download(address, staged)
        now = files.listing(address)
        for name, entry in wanted.items():
            if now.get(name) != entry or staged[name].stat().st_size != entry.size:
                raise DataError(
                    "A file changed while it was read.",
                    where=files.below(address, name),
                    expected=f"version {entry.version}, {entry.size:,} bytes",
                    received=f"version {now[name].version}, {now[name].size:,} bytes" if name in now else "no file",
                    fix="run again once the files are complete; write new data under another name",
                )
        for name, path in staged.items():
            os.utime(path, (wanted[name].modified, wanted[name].modified))
            _below(target, name).parent.mkdir(parents=True, exist_ok=True)
            path.replace(_below(target, name))
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextlib.contextmanager
def _record(address: str, key: str) -> Iterator[dict[str, Entry]]:
    """Which version each file of a copy is, changed in place; nobody else fetches the copy meanwhile."""
    _prune()
    path = _record_of(address, key)
    path.parent.mkdir(exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        record = _read(path)
        path.unlink(missing_ok=True)  # whatever ends early leaves a copy that is fetched anew
        yield record
        text = {"copy": str(here(address, key)), "files": {name: asdict(entry) for name, entry in record.items()}}
        staged = path.with_suffix(f".{os.getpid()}")
        staged.write_text(json.dumps(text), encoding="utf-8")
        staged.replace(path)


def _read(path: Path) -> dict[str, Entry]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {name: Entry(**entry) for name, entry in content["files"].items()}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def _record_of(address: str, key: str) -> Path:
    name = hashlib.sha256(f"{key}\0{address.rstrip('/')}".encode()).hexdigest()[:32]
    return made_cache() / _RECORDS / f"{name}.json"


def _below(folder: Path, name: str) -> Path:
    return folder / name if name else folder


@once
def _prune() -> None:
    """Removes copies that are no longer of use, once in a process."""
    for path in (cache() / _RECORDS).glob("*.json"):
        with contextlib.suppress(OSError, ValueError, LookupError):
            if path.stat().st_mtime < time.time() - KEPT_DAYS * _DAY:
                copy = Path(json.loads(path.read_text(encoding="utf-8"))["copy"])
                shutil.rmtree(copy) if copy.is_dir() else copy.unlink(missing_ok=True)
                path.unlink()
