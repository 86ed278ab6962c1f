"""Backs a workspace up while runs go on in it, and restores it, in another place too."""

from __future__ import annotations

import io
import json
import re
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from pipeline.metadata.place import Metadata
from pipeline.workspace import Workspace
from schema.errors import HeadgateError, SettingsError
from serving import files

RECORD = "backup.json"
"""First in an archive: where the workspace was, and when."""

_TEXT_WITH_PATHS = ("serving/models.config", "serving/*/*/assets.extra/manifest.json")
"""Files by which a release and the model that it came from are found."""

_PROPERTIES = ("ArtifactProperty", "ExecutionProperty", "ContextProperty")


@dataclass(frozen=True)
class Backup:
    """What an archive says of itself.

    Attributes:
      workspace: folder that was backed up.
      created: when, ISO 8601, UTC.
      database: where the runs are recorded: a file in the archive, or a server, which has a backup of its own.
    """

    workspace: str
    created: str
    database: str


def back_up(workspace: Workspace, archive: Path) -> Backup:
    """Writes a workspace into an archive. Runs may go on.

    The database comes first: what it names is on disk by then, and stays. Then what says which release is in service,
    then the rest. Checkpoints of a training that goes on and locks are left out.

    Args:
      workspace: the workspace.
      archive: a new file; gzip if its name ends in `.gz`.

    Raises:
      SettingsError: there is no workspace, or the archive exists, lies in the workspace or cannot be written.
    """
    database = Metadata.of(workspace)
    if not database.exists:
        raise SettingsError(
            "There is nothing to back up: no run was ever recorded here.",
            where=str(workspace.root),
            fix="name the workspace with --workspace",
        )
    archive = archive.resolve()
    if archive.exists() or archive.is_relative_to(workspace.root):
        raise SettingsError(
            "The backup needs a new file outside of the workspace.",
            where=str(archive),
            received="a file that exists" if archive.exists() else "a file in the workspace",
        )
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    backup = Backup(str(workspace.root), created, database.where)
    staged = archive.with_name(f".{archive.name}.new")
    try:
        with tarfile.open(staged, "w:gz" if archive.suffix == ".gz" else "w") as tar:
            staged.chmod(0o600)  # artifacts hold rows of the data
            _write(tar, backup, workspace)
        staged.replace(archive)
    except OSError as error:
        raise SettingsError("The backup cannot be written.", where=str(archive), received=error.strerror) from error
    finally:
        staged.unlink(missing_ok=True)
    return backup


def _write(tar: tarfile.TarFile, backup: Backup, workspace: Workspace) -> None:
    record = tarfile.TarInfo(RECORD)
    content = json.dumps(asdict(backup), indent=1).encode()
    record.size = len(content)
    tar.addfile(record, io.BytesIO(content))
    if workspace.metadata.exists():
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, "metadata.db")
            with closing(sqlite3.connect(workspace.metadata)) as source, closing(sqlite3.connect(copy)) as target:
                source.backup(target)
            tar.add(copy, f"workspace/{workspace.metadata.name}")
    for path in _contents(workspace):
        # What is replaced or removed meanwhile was not, or no longer, in use.
        try:
            info = tar.gettarinfo(path, f"workspace/{path.relative_to(workspace.root)}")
            if not info.isreg():
                tar.addfile(info)
                continue
            with path.open("rb") as file:
                tar.addfile(info, file)
        except FileNotFoundError:
            continue


def _contents(workspace: Workspace) -> Iterator[Path]:
    """Everything but the database, locks and what is in work; first what says which release is in service."""
    config = workspace.serving / "models.config"
    if config.exists():
        yield config
    for path in sorted(workspace.root.rglob("*")):
        inner = PurePosixPath(path.relative_to(workspace.root))
        if inner.name.startswith("metadata.db") or path == config or inner.parts[0] == "checkpoints":
            continue
        if not inner.name.endswith(".lock"):
            yield path


def _confined(tar: tarfile.TarFile, folder: Path) -> Iterator[tarfile.TarInfo]:
    """The files and folders of an archive; anything else, and what would be put outside of the folder, is refused."""
    for member in tar:
        inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
        if not inside or not (member.isreg() or member.isdir()):
            raise tarfile.ExtractError(f"{member.name} is no file or folder of a workspace")
        yield member


def restore(archive: Path, workspace: Workspace) -> Backup:
    """Makes a workspace from an archive.

    Where it is another place than that of the backup, all that names the old one is changed: addresses and properties
    in ML Metadata, `models.config`, and the manifests of releases. The workspace appears whole, or not at all.

    Args:
      archive: what `back_up` wrote.
      workspace: a folder that is not there, or empty.

    Raises:
      SettingsError: there is something in the folder, or no such archive.
      HeadgateError: the archive is damaged, or not one of `back_up`.
    """
    root = workspace.root
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise SettingsError(
            "A backup is restored into a folder of its own.",
            where=str(root),
            expected="a folder that is empty, or not there",
            fix="choose another with --workspace, or move this one away",
        )
    root.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{root.name}-", dir=root.parent) as folder:
            with tarfile.open(archive) as tar:
                tar.extraction_filter = getattr(tarfile, "data_filter", None)  # since Python 3.11.4
                tar.extractall(folder, _confined(tar, Path(folder)))  # noqa: S202  each member is looked at
            backup = Backup(**json.loads(Path(folder, RECORD).read_text(encoding="utf-8")))
            restored = Path(folder, "workspace")
            if backup.workspace != str(root):
                _move(Workspace(restored), _renamed(backup.workspace, str(root)))
            if root.exists():
                root.rmdir()
            restored.rename(root)
    except FileNotFoundError as error:
        raise SettingsError("There is no such backup.", where=str(archive)) from error
    except (tarfile.TarError, EOFError, OSError, ValueError, TypeError) as error:
        raise HeadgateError(
            "The backup cannot be restored; nothing was changed.",
            where=str(archive),
            expected="a whole archive that `headgate backup` wrote",
            received=str(error),
        ) from error
    return backup


def _renamed(old: str, new: str) -> Callable[[str], str]:
    """A function that puts paths below `new` in place of those below `old`, in any text."""
    path = re.compile(rf"(?<![\w./-]){re.escape(old)}(?=/|\"|$)")
    return lambda text: path.sub(lambda _: new, text)


def _move(workspace: Workspace, renamed: Callable[[str], str]) -> None:
    if workspace.metadata.exists():
        with closing(sqlite3.connect(workspace.metadata)) as database, database:
            database.create_function("renamed", 1, renamed, deterministic=True)
            database.execute("UPDATE Artifact SET uri = renamed(uri) WHERE uri IS NOT NULL")
            for table in _PROPERTIES:
                database.execute(
                    f"UPDATE {table} SET string_value = renamed(string_value) WHERE string_value IS NOT NULL"  # noqa: S608
                )
    for pattern in _TEXT_WITH_PATHS:
        for path in workspace.root.glob(pattern):
            files.replace(path, renamed(path.read_text(encoding="utf-8")))
