"""Remote addresses for TFX's fileio, through fsspec: what TFX's launcher and schema importer do with them."""

from __future__ import annotations

from typing import Any

from tfx.dsl.io import filesystem, filesystem_registry

from schema.remote import files
from schema.remote.addresses import SCHEMES


class RemoteFilesystem(filesystem.Filesystem):
    """Files in buckets. A folder there is no more than a part of names: none has to be made, none is empty."""

    SUPPORTED_SCHEMES = [f"{scheme}://" for scheme in SCHEMES]

    @staticmethod
    def open(name: str, mode: str = "r") -> Any:
        """As `tfx.dsl.io.fileio` has it."""
        try:
            system, path = files.system_of(name)
            return system.open(path, mode)
        except FileNotFoundError as error:
            raise filesystem.NotFoundError from error

    @staticmethod
    def copy(src: str, dst: str, overwrite: bool = False) -> None:
        """See `open`."""
        if not overwrite and files.exists(dst):
            raise OSError(f"{dst} is there already")
        files.write(dst, _content(src))

    @staticmethod
    def exists(path: str) -> bool:
        """See `open`."""
        return files.exists(path)

    @staticmethod
    def isdir(path: str) -> bool:
        """See `open`."""
        return bool(files.children(path))

    @staticmethod
    def makedirs(path: str) -> None:
        """See `open`."""

    @staticmethod
    def mkdir(path: str) -> None:
        """See `open`."""

    @staticmethod
    def remove(path: str) -> None:
        """See `open`."""
        files.remove(path)

    @staticmethod
    def rmtree(path: str) -> None:
        """See `open`."""
        files.remove(path)


def _content(address: str) -> bytes:
    try:
        return files.read(address)
    except FileNotFoundError as error:
        raise filesystem.NotFoundError from error


# Before TensorFlow's own plugin, which reads `s3://` and `hdfs://` only with more packages.
filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY.register(RemoteFilesystem, priority=0)
