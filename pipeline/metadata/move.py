"""Moves a workspace's records to a database server."""

from __future__ import annotations

from pipeline.history import History
from pipeline.locks import on_database
from pipeline.metadata.copy import Copied, copy
from pipeline.metadata.place import Metadata
from pipeline.metadata.settings import MetadataSettings
from pipeline.workspace import Workspace
from schema.errors import SettingsError


def move(workspace: Workspace, settings: MetadataSettings) -> Copied:
    """Copies what the sqlite file holds, and makes the workspace remember the server.

    Args:
      workspace: the workspace; no run may be going on.
      settings: name the server.

    Raises:
      SettingsError: there is nothing to copy, or the database cannot be used, or holds something else.
      HeadgateError: a run is going on; or the server went away, and nothing is copied.
    """
    source, target = Metadata.of(workspace), Metadata.at(workspace, settings)
    if source.where == target.where:
        return Copied(target.where, {}, before=True)
    if source.address is not None:
        raise SettingsError(
            "The workspace's runs are on a server already.",
            where=str(workspace.metadata_url),
            received=source.where,
            fix="from server to server, copy with the servers' own tools (pg_dump, mysqldump), and name the new one "
            "in this file",
        )
    file = Metadata(workspace.metadata)
    if not file.exists:
        raise SettingsError("The workspace has no runs to copy.", where=str(file.file), received="no such file")
    with on_database(workspace, file, "headgate metadata copy"):
        copied = copy(file, target)
        target.remember(workspace)
        target.prepare(*History(workspace).pipelines())
    return copied
