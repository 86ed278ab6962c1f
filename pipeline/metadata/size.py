"""How much ML Metadata holds."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Any

from pipeline.history.store import RUN_TYPE, Store
from pipeline.metadata.place import Metadata


@dataclass(frozen=True)
class Size:
    """How much a database holds.

    Attributes:
      where: a file or a server's URL.
      bytes: on disk, indices included.
    """

    where: str
    runs: int
    executions: int
    artifacts: int
    bytes: int


def measure(metadata: Metadata) -> Size:
    """Counts what a workspace's database holds; a file that is not there holds nothing.

    Raises:
      SettingsError: the database cannot be used.
      HeadgateError: the server does not answer, or the file cannot be read.
    """
    if not metadata.exists:
        return Size(metadata.where, 0, 0, 0, 0)
    store = Store(metadata)
    runs, executions, artifacts = (
        len(store.ask(method, *arguments))
        for method, *arguments in (("get_contexts_by_type", RUN_TYPE), ("get_executions",), ("get_artifacts",))
    )
    return Size(metadata.where, runs, executions, artifacts, _bytes(metadata))


def _bytes(metadata: Metadata) -> int:
    if metadata.address is None:
        return metadata.file.stat().st_size
    question = (
        "SELECT pg_database_size(current_database())"
        if metadata.kind == "postgresql"
        else "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()"
    )
    connection: Any
    with closing(metadata.connect()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(question)
        return int(cursor.fetchone()[0])
