"""Remote files through fsspec: what there is, read and written; with errors that say what to do.

Endpoints and credentials are the libraries' own affair: `AWS_ENDPOINT_URL`, `AWS_PROFILE`,
`GOOGLE_APPLICATION_CREDENTIALS` and so on. So are retries of what may pass.
"""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from schema.errors import DataError, HeadgateError, SettingsError, first_line
from schema.remote.addresses import SCHEMES

_CREDENTIALS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; for a server of your own AWS_ENDPOINT_URL",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS, or run `gcloud auth application-default login`",
    "hdfs": "log in to the cluster, such as with `kinit`",
}
_VERSIONS = ("ETag", "etag", "md5Hash", "LastModified", "mtime", "updated", "created")
"""What file systems tell of a file that changes with its content, the surest first."""
# It logs, with a stack trace, what it raises after that. GCSFS_DEBUG brings it back.
logging.getLogger("gcsfs").setLevel(logging.CRITICAL)

_TIMES = ("LastModified", "mtime", "updated", "created")


@dataclass(frozen=True)
class Entry:
    """A remote file.

    Attributes:
      size: in bytes.
      version: changes with the content: an ETag, where there is one.
      modified: seconds since 1970; 0 where nobody knows.
    """

    size: int
    version: str
    modified: float


def listing(address: str) -> dict[str, Entry]:
    """The files below an address by the rest of their names; a file at the address itself has the empty name.

    Raises:
      SettingsError: there is no such bucket, or no access to it.
      DataError: a name would lead out of the folder of copies.
      HeadgateError: the storage does not answer.
    """
    with explained(address):
        system, path = system_of(address)
        try:
            found = system.find(path, detail=True)
        except FileNotFoundError as error:
            if _no_bucket(error):
                raise
            return {}
    base = path.rstrip("/")
    entries = {
        name[len(base) :].lstrip("/"): entry_of(info)
        for name, info in found.items()
        if info["type"] == "file" and not name.endswith("/") and (name == base or name.startswith(f"{base}/"))
    }
    for name in entries:
        if name and {"", ".", ".."} & set(name.split("/")):
            raise DataError(
                "The name of a remote file cannot be one here.",
                where=below(address, name),
                expected="names without `.`, `..` and empty parts",
                received=name,
                fix="rename the file, or name a narrower path",
            )
    return entries


def entry_of(info: Mapping[str, Any]) -> Entry:
    """A file as fsspec describes it."""
    version = next((str(info[name]) for name in _VERSIONS if info.get(name)), "")
    time = next((info[name] for name in _TIMES if info.get(name)), 0)
    if isinstance(time, str):
        time = datetime.fromisoformat(time)
    return Entry(int(info["size"]), version, time.timestamp() if isinstance(time, datetime) else float(time))


def exists(address: str) -> bool:
    """Whether there is a file, or any file below.

    Raises:
      SettingsError, HeadgateError: as `listing`.
    """
    with explained(address):
        system, path = system_of(address)
        try:
            return bool(system.exists(path))
        except FileNotFoundError:
            return False


def children(address: str) -> list[str]:
    """Names of files and folders right below an address, sorted; empty where there is nothing."""
    with explained(address):
        system, path = system_of(address)
        try:
            return sorted({str(name).rstrip("/").rpartition("/")[2] for name in system.ls(path, detail=False)})
        except FileNotFoundError as error:
            if _no_bucket(error):
                raise
            return []


def read(address: str) -> bytes:
    """A file's content.

    Raises:
      FileNotFoundError: there is no such file.
      SettingsError, HeadgateError: as `listing`.
    """
    with explained(address, missing=True):
        system, path = system_of(address)
        return bytes(system.cat_file(path))


def write(address: str, content: bytes) -> None:
    """Writes a file in one piece: others see the old one or the new one."""
    with explained(address):
        system, path = system_of(address)
        system.pipe_file(path, content)


def download(address: str, targets: Mapping[str, Path]) -> None:
    """Fetches files.

    Args:
      address: the place that their names start from.
      targets: where each goes, by the rest of its name; the folders are there.
    """
    with explained(address):
        system, path = system_of(address)
        system.get([below(path, name) for name in targets], [str(target) for target in targets.values()])


def upload(address: str, sources: Mapping[str, Path]) -> None:
    """Sends files.

    Args:
      address: the place that their names start from.
      sources: each by the rest of its name.
    """
    with explained(address):
        system, path = system_of(address)
        system.put([str(source) for source in sources.values()], [below(path, name) for name in sources])


def remove(address: str, names: Sequence[str] | None = None) -> None:
    """Removes files below an address by the rest of their names, all where none are named."""
    names = list(listing(address)) if names is None else names
    with explained(address):
        system, path = system_of(address)
        if names:
            system.rm([below(path, name) for name in names])


def system_of(address: str) -> tuple[Any, str]:
    """Fsspec's file system for an address, and the path in it. Listings are not cached: others write too."""
    from fsspec.core import url_to_fs

    system, path = url_to_fs(address, use_listings_cache=False)
    system.invalidate_cache()
    return system, str(path)


@contextmanager
def explained(address: str, *, missing: bool = False) -> Iterator[None]:
    """Turns what a storage's library raises into an error that says what to do.

    Args:
      address: what is read or written.
      missing: let FileNotFoundError pass.
    """
    try:
        yield
    except HeadgateError:
        raise
    except Exception as error:
        if missing and isinstance(error, FileNotFoundError) and not _no_bucket(error):
            raise
        raise _explanation(error, address) from error


def _explanation(error: Exception, address: str) -> HeadgateError:
    scheme = address.partition("://")[0]
    said, kind = first_line(error) or type(error).__name__, type(error).__name__
    if isinstance(error, ImportError) or _any(said, "libjvm", "libhdfs"):
        return SettingsError(
            f"What reads {scheme}:// is not installed.",
            where=address,
            expected=f"the package {SCHEMES[scheme]}" + (" and Hadoop's client" if scheme == "hdfs" else ""),
            received=said,
            fix="set JAVA_HOME, HADOOP_HOME and CLASSPATH" if scheme == "hdfs" else "uv sync --group remote",
        )
    if _any(kind, "Credential", "TokenRetrieval", "RefreshError") or "credentials" in said.lower():
        what, fix = f"There are no credentials for {scheme}://.", _CREDENTIALS[scheme]
    elif isinstance(error, PermissionError) or _any(said, "Forbidden", "Access Denied", "AccessDenied"):
        what, fix = "Access was denied.", f"ask for access, or change who asks: {_CREDENTIALS[scheme]}"
    elif isinstance(error, FileNotFoundError):
        bucket = _no_bucket(error)
        what = "There is no such bucket." if bucket else "There is no such file."
        fix = "correct the name, or make the bucket" if bucket else "correct the address"
    else:
        return HeadgateError(
            "The remote storage failed, after retries.",
            where=address,
            received=said if said != kind else kind,
            fix="run again when it answers: what is done is not done again",
        )
    return SettingsError(what, where=address, received=said, fix=fix)


def _no_bucket(error: FileNotFoundError) -> bool:
    """Whether the bucket itself is not there, which is a mistake, while an empty folder may be none."""
    return _any(str(error), "NoSuchBucket", "bucket does not exist")


def _any(text: str, *patterns: str) -> bool:
    return any(fnmatch.fnmatchcase(text, f"*{pattern}*") for pattern in patterns)


def below(path: str, name: str) -> str:
    """A path or address with the rest of a name, which may be empty."""
    return f"{path.rstrip('/')}/{name}" if name else path
