"""Releases into a serving directory in a bucket, where nothing can be renamed.

The directory is worked on as a copy, and what changed is sent in an order in which nothing half done is ever in
service: the new version's files, its manifest at the end; when all have arrived, `models.config`, in one piece; then
versions that are no longer kept are removed.

    MODEL/.sending-VERSION   is there while a version is sent: what a killed release left is known by it, and removed
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from schema.errors import ReleaseError
from schema.remote import copies, files
from schema.remote.addresses import here, is_remote, join, made_cache
from serving import manifest, model_config
from serving.files import LAST_VERSION

SENDING = ".sending-"
_MANIFEST = f"/{manifest.LOCATION.as_posix()}"


def looked_at(serving_dir: str | Path) -> Path:
    """A serving directory to read from, without the models: of a remote one a copy of what says what there is.

    Raises:
      SettingsError, HeadgateError: a remote one cannot be read.
    """
    if not is_remote(serving_dir):
        return Path(serving_dir)
    return copies.fetch(serving_dir, only=lambda name: name.endswith((_MANIFEST, model_config.FILE_NAME)))


@contextmanager
def changed(serving_dir: str | Path) -> Iterator[Path]:
    """A serving directory to change; what was changed in a copy is sent if the block ends well.

    Raises:
      ReleaseError: somebody else released there meanwhile.
      SettingsError, HeadgateError: a remote one cannot be read or written.
    """
    if not is_remote(serving_dir):
        yield Path(serving_dir)
        return
    address = str(serving_dir)
    with FileLock(_lock(address)):
        _sweep(address)
        there, config = files.listing(address), _config(address)
        work = here(address, f"release-{uuid.uuid4().hex}")
        try:
            shutil.copytree(_fetched(address), work, copy_function=os.link)
            yield work
            _send(address, work, there, config)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _fetched(address: str) -> Path:
    copy = copies.fetch(address)
    copy.mkdir(parents=True, exist_ok=True)
    return copy


def _sweep(address: str) -> None:
    """Removes what releases that were killed had sent of a version."""
    there = files.listing(address)
    for marker in [name for name in there if f"/{SENDING}" in name]:
        model, _, version = marker.partition(f"/{SENDING}")
        if f"{model}/{version}{_MANIFEST}" not in there:
            files.remove(address, [name for name in there if _in(f"{model}/{version}", name)])
        files.remove(address, [marker])


def _send(address: str, work: Path, before: Collection[str], config: bytes) -> None:
    """Makes the remote directory what the copy is.

    Args:
      address: the directory.
      work: the copy, in which a release was made.
      before: names of the files that were there when it began.
      config: `models.config` as it was then.
    """
    sources = {path.relative_to(work).as_posix(): path for path in sorted(work.rglob("*")) if path.is_file()}
    for version in sorted(_versions(sources) - _versions(before)):
        _send_version(address, version, {name: path for name, path in sources.items() if _in(version, name)})
        last = f"{version.partition('/')[0]}/{LAST_VERSION}"
        files.upload(address, {last: sources[last]})
    if sources[model_config.FILE_NAME].read_bytes() != config:
        if _config(address) != config:
            raise ReleaseError(
                "Somebody else released into the same directory meanwhile; what is in service is theirs.",
                where=join(address, model_config.FILE_NAME),
                expected="the file as it was when this release began",
                fix="run again",
            )
        files.write(join(address, model_config.FILE_NAME), sources[model_config.FILE_NAME].read_bytes())
    for version in sorted(_versions(before) - _versions(sources)):
        # The manifest goes last: by it a removal that is cut short is known, and done with the next release.
        gone = [name for name in before if _in(version, name)]
        files.remove(address, [name for name in gone if not name.endswith(_MANIFEST)])
        files.remove(address, [name for name in gone if name.endswith(_MANIFEST)])


def _send_version(address: str, version: str, sources: Mapping[str, Path]) -> None:
    model, _, number = version.partition("/")
    files.write(join(address, model, f"{SENDING}{number}"), b"")
    last = {name: path for name, path in sources.items() if name.endswith(_MANIFEST)}
    files.upload(address, {name: path for name, path in sources.items() if name not in last})
    copies.check(address, {name: path for name, path in sources.items() if name not in last}, files.listing(address))
    files.upload(address, last)
    files.remove(address, [f"{model}/{SENDING}{number}"])


def _versions(names: Iterable[str]) -> set[str]:
    """The folders `MODEL/VERSION` that files lie in."""
    parts = (name.split("/") for name in names)
    return {f"{each[0]}/{each[1]}" for each in parts if len(each) > 2 and each[1].isdecimal()}


def _in(folder: str, name: str) -> bool:
    return name.startswith(f"{folder}/")


def _config(address: str) -> bytes:
    """`models.config` as it is now; empty where there is none."""
    try:
        return files.read(join(address, model_config.FILE_NAME))
    except FileNotFoundError:
        return b""


def _lock(address: str) -> Path:
    """One release at a time from this machine; others are noticed by what they changed."""
    folder = made_cache() / "releases"
    folder.mkdir(exist_ok=True)
    return folder / f"{hashlib.sha256(address.encode()).hexdigest()[:32]}.lock"
