"""Releases: models that appear whole, or not at all, in a TensorFlow Serving directory.

    SERVING_DIR/models.config                 which versions are in service
    SERVING_DIR/.lock                         held while a release is written
    SERVING_DIR/MODEL/VERSION/                a SavedModel, with its manifest and models for devices in assets.extra/
    SERVING_DIR/MODEL/.last_version           the highest version ever used
    SERVING_DIR/MODEL/.staging-*, .removed-*  on their way in and out: not integers, so never loaded

TensorFlow Serving may load any folder whose name is an integer at once. A release is therefore copied under
another name on the same file system, flushed to disk, renamed, and only then named in `models.config`.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from schema.errors import ReleaseError
from serving import elsewhere, files, manifest, model_config
from serving.manifest import Manifest, Provenance

_LOCK_SECONDS = 600
_REMEDIES = {
    errno.ENOSPC: "Free some disk space",
    errno.EDQUOT: "Free some of your disk quota",
    errno.EACCES: "Give write access to the serving directory",
    errno.EROFS: "Give write access to the serving directory",
}
_STAGING = ".staging-"
_REMOVED = ".removed-"


@dataclass(frozen=True)
class Release:
    """A version of a model in the serving directory.

    Attributes:
      path: the version's folder; of a remote one the copy, which has the manifest.
      manifest: where the model came from.
    """

    path: Path
    manifest: Manifest

    @property
    def model(self) -> str:
        """Name of the model in TensorFlow Serving."""
        return self.manifest.model

    @property
    def version(self) -> int:
        """Version number: the name of the release's folder."""
        return int(self.path.name)


def publish(
    serving_dir: str | Path,
    model: str,
    saved_model: Path,
    provenance: Provenance,
    keep: int,
    *,
    edge: Path | None = None,
) -> Release:
    """Releases a SavedModel as the next version of a model, and puts it in service.

    What is there already, file by file, is put in service (again) rather than copied: so a release that was killed
    half way can be repeated, and a run that changes nothing releases nothing.

    Args:
      serving_dir: the serving directory, or the address of a remote one; made if need be.
      model: name of the model in TensorFlow Serving.
      saved_model: folder of the SavedModel.
      provenance: where the model came from, for the manifest.
      keep: how many versions to keep, the new one among them. Versions in service are kept in any case.
      edge: folder of the models for devices that `provenance` lists.

    Returns:
      The release, which is in service.

    Raises:
      ReleaseError: the release could not be written or `models.config` does not parse. What was in service before
        still is.
      SettingsError, HeadgateError: the remote one cannot be read or written; the same goes for what was in service.
    """
    with elsewhere.changed(serving_dir) as folder:
        release = _publish(folder, model, saved_model, provenance, keep, edge)
        name = release.path.relative_to(folder)
    return replace(release, path=elsewhere.looked_at(serving_dir) / name)


def _publish(
    serving_dir: Path, model: str, saved_model: Path, provenance: Provenance, keep: int, edge: Path | None
) -> Release:
    with _locked(serving_dir), _explained(serving_dir / model):
        if not (saved_model / "saved_model.pb").is_file():
            raise ReleaseError(
                "There is no SavedModel to release.",
                where=str(saved_model),
                expected="a folder with saved_model.pb and variables/",
                fix="Run the pipeline again from the step that trains the model.",
            )
        config = model_config.read(serving_dir)
        folder = serving_dir / model
        folder.mkdir(exist_ok=True)
        _sweep(folder)
        expected = files.digests(saved_model) | manifest.edge_digests(provenance.edge)
        release = _with_files(releases(serving_dir, model), expected)
        if release is None:
            version = 1 + _last_version(folder, config)
            release = _stage_and_rename(folder, version, saved_model, edge, model, provenance)
            files.replace(folder / files.LAST_VERSION, f"{version}\n")
        if model_config.stable(config, model) != release.version:
            model_config.set_stable(config, model, folder, release.version)
            model_config.write(serving_dir, config)
        _retain(serving_dir, model, keep, in_service=model_config.named(config, model))
        return release


def releases(serving_dir: str | Path, model: str) -> list[Release]:
    """The releases of a model, oldest first. Versions without a manifest were put there by others: left out.

    Raises:
      ReleaseError: a manifest does not parse.
    """
    folder = elsewhere.looked_at(serving_dir) / model
    found = ((path, manifest.read(path)) for _, path in sorted(_versions(folder).items()))
    return [Release(path, content) for path, content in found if content is not None]


def in_service(serving_dir: str | Path, model: str) -> Release | None:
    """The release that answers requests: `models.config` labels it `stable`, else it is the highest named there.

    Returns:
      The release; None where the model has none in service, its folder is gone, or others put it there.

    Raises:
      ReleaseError: `models.config` or the manifest does not parse.
    """
    folder = elsewhere.looked_at(serving_dir)
    version = model_config.stable(model_config.read(folder), model)
    path = folder / model / str(version)
    content = manifest.read(path) if version is not None else None
    return Release(path, content) if content is not None else None


def verify(release: Release) -> list[str]:
    """Compares a release's files with its manifest.

    Returns:
      One line for each file that is missing or changed; empty when all is well.
    """
    problems = []
    for name, expected in release.manifest.digests.items():
        path = release.path / name
        if not path.is_file():
            problems.append(f"{name}: missing")
        elif files.digest(path) != expected:
            problems.append(f"{name}: changed since it was released")
    return problems


@contextlib.contextmanager
def _locked(serving_dir: Path) -> Iterator[None]:
    """One lock for the whole directory, since all models share `models.config`. It falls with its process."""
    with _explained(serving_dir):
        serving_dir.mkdir(parents=True, exist_ok=True)
        lock = FileLock(serving_dir / ".lock")
        try:
            lock.acquire(timeout=_LOCK_SECONDS)
        except Timeout as error:
            raise ReleaseError(
                "Another release holds the serving directory.",
                where=str(serving_dir / ".lock"),
                expected=f"the lock to be free within {_LOCK_SECONDS} s",
                fix="Wait for the other release, or end the process that holds the lock, and run again.",
            ) from error
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns errors of the file system into a ReleaseError."""
    try:
        yield
    except OSError as error:
        raise ReleaseError(
            "The release could not be written; what was in service before still is.",
            where=str(error.filename or path),
            received=error.strerror or str(error),
            fix=f"{_REMEDIES.get(error.errno or 0, 'Mend the cause')} ({path}) and run again.",
        ) from error


def _versions(folder: Path) -> dict[int, Path]:
    """Folders that TensorFlow Serving takes for versions."""
    if not folder.is_dir():
        return {}
    return {int(path.name): path for path in folder.iterdir() if path.name.isdecimal() and path.is_dir()}


def _last_version(folder: Path, config: ModelServerConfig) -> int:
    """The highest version ever used, even if its folder has been removed since; 0 for none."""
    noted = folder / files.LAST_VERSION
    written = noted.read_text(encoding="utf-8").strip() if noted.is_file() else ""
    known = {*_versions(folder), *model_config.named(config, folder.name)}
    return max(known | ({int(written)} if written.isdecimal() else set()), default=0)


def _with_files(candidates: list[Release], expected: dict[str, str]) -> Release | None:
    """The newest intact release with exactly these files."""
    same = (release for release in reversed(candidates) if release.manifest.digests == expected)
    return next((release for release in same if not verify(release)), None)


def _stage_and_rename(
    folder: Path, version: int, saved_model: Path, edge: Path | None, model: str, provenance: Provenance
) -> Release:
    staging = folder / f"{_STAGING}{version}"
    try:
        content = Manifest(
            **provenance.model_dump(),
            model=model,
            version=version,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            files=files.copy_tree(saved_model, staging),
        )
        (staging / manifest.LOCATION).parent.mkdir(exist_ok=True)
        if edge is not None and provenance.edge:
            (staging / manifest.EDGE).mkdir()
            for each in provenance.edge.values():
                files.copy_file(edge / each.file, staging / manifest.EDGE / each.file)
        files.replace(staging / manifest.LOCATION, content.model_dump_json(indent=1))
        files.flush_folders(staging)
        path = staging.rename(folder / str(version))
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)  # gives the space back where the disk was full
        raise
    files.flush(folder)
    return Release(path, content)


def _retain(serving_dir: Path, model: str, keep: int, in_service: set[int]) -> None:
    """Removes releases beyond the newest `keep`. Versions that others put there are theirs to remove."""
    for release in releases(serving_dir, model)[:-keep]:
        if release.version not in in_service:
            # Renamed first: a removal that is cut short must not leave half a model under an integer.
            shutil.rmtree(release.path.rename(release.path.with_name(f"{_REMOVED}{release.version}")))


def _sweep(folder: Path) -> None:
    """Removes what releases that were killed left behind."""
    for path in folder.iterdir():
        if path.name.startswith((_STAGING, _REMOVED)):
            shutil.rmtree(path)
