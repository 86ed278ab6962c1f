"""Takes what ML Metadata holds from the workspace's sqlite file to a database server.

ML Metadata's tables are the same there, so rows are copied as they are: numbers, which releases name, and times are
kept, which its API would give anew. Everything is one transaction, so a copy that was killed has copied nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline.metadata import texts
from pipeline.metadata.address import Kind
from pipeline.metadata.place import Metadata
from schema.errors import HeadgateError, SettingsError, first_line

TYPES = ("Type", "ParentType", "TypeProperty")
"""Tables that hold something in a database where nothing was ever recorded: ML Metadata's own types."""

TABLES = (
    *TYPES,
    *("Artifact", "ArtifactProperty", "Execution", "ExecutionProperty", "Context", "ContextProperty"),
    *("ParentContext", "Event", "EventPath", "Association", "Attribution"),
)
"""ML Metadata's tables but for the one with its version."""

NUMBERED = ("Type", "Artifact", "Execution", "Context", "Event", "Association", "Attribution")
"""Those whose rows the server numbers."""

BATCH = 1000
"""Rows that are sent at a time."""

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Copied:
    """What a copy came to.

    Attributes:
      where: the server's URL.
      rows: number of rows by table.
      before: an earlier copy had come to its end already.
    """

    where: str
    rows: dict[str, int]
    before: bool


def copy(source: Metadata, target: Metadata) -> Copied:
    """Copies everything, or nothing.

    Args:
      source: the sqlite file; no run may be going on.
      target: a database on a server, empty but for ML Metadata's tables.

    Raises:
      SettingsError: the target holds something else, or cannot be used.
      HeadgateError: the server went away; nothing is copied.
    """
    with (
        closing(reading(source.file)) as old,
        _ready(target) as connection,
        _transaction(connection, target) as new,
    ):
        kind = target.kind
        rows = counts(old, "sqlite")
        there = counts(new, kind)
        if any(there[table] for table in TABLES if table not in TYPES):
            _refuse_others(old, new, kind, target)
            return Copied(target.where, rows, before=True)
        for table in TYPES:
            new.execute(f"DELETE FROM {name(table, kind)}")  # noqa: S608
        for table in TABLES:
            _fill(old, new, table, kind)
        if counts(new, kind) != rows:
            raise HeadgateError("The copy is not whole, and was taken back.", where=target.where)
    return Copied(target.where, rows, before=False)


@contextmanager
def _ready(target: Metadata) -> Iterator[Any]:
    with target.alone() as connection:
        target.make_tables(connection)
        yield connection


def reading(file: Path) -> sqlite3.Connection:
    """A connection to a sqlite file that can change nothing."""
    return sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)


def counts(cursor: Any, kind: Kind | str) -> dict[str, int]:
    """The number of rows in each of ML Metadata's tables."""
    found = {}
    for table in TABLES:
        result = cursor.execute(f"SELECT COUNT(*) FROM {name(table, kind)}")  # noqa: S608
        found[table] = (result if kind == "sqlite" else cursor).fetchone()[0]
    return found


def name(word: str, kind: Kind | str) -> str:
    """A table's or column's name, quoted as a database wants it; PostgreSQL's are of small letters."""
    return f'"{word.lower()}"' if kind == "postgresql" else f"`{word}`"


@contextmanager
def _transaction(connection: Any, target: Metadata) -> Iterator[Any]:
    """A cursor whose work counts when all of it is done."""
    try:
        with closing(connection.cursor()) as cursor:
            cursor.execute("BEGIN")
            yield cursor
            cursor.execute("COMMIT")
    except HeadgateError:
        raise
    except Exception as error:
        raise HeadgateError(
            "The copy failed; nothing was copied.",
            where=target.where,
            received=first_line(error) or type(error).__name__,
            fix="run the same command again when the server answers",
        ) from error


def _fill(old: sqlite3.Connection, new: Any, table: str, kind: Kind) -> None:
    """Copies the rows of a table."""
    columns = _columns(old, table)
    flags = [column in ("is_custom_property", "bool_value", "is_index_step") for column in columns]
    into = f"INSERT INTO {name(table, kind)} ({', '.join(name(column, kind) for column in columns)})"
    statement = f"{into} VALUES ({', '.join(['%s'] * len(columns))})"
    found = old.execute(f"SELECT {', '.join(columns)} FROM {name(table, 'sqlite')}")  # noqa: S608
    while rows := found.fetchmany(BATCH):
        new.executemany(statement, [_adapted(row, flags) for row in rows] if kind == "postgresql" else rows)
    if kind == "postgresql" and table in NUMBERED:
        new.execute(
            f"SELECT setval(pg_get_serial_sequence('{table.lower()}', 'id'), MAX(id)) FROM {name(table, kind)}"  # noqa: S608
        )


def _columns(old: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in old.execute(f"PRAGMA table_info({name(table, 'sqlite')})")]


def _adapted(row: Row, flags: Sequence[bool]) -> Row:
    """A row of sqlite's as PostgreSQL takes it: with truth values, and with texts as they are written there."""
    return tuple(
        bool(value) if flag and value is not None else texts.encoded(value) if isinstance(value, str) else value
        for value, flag in zip(row, flags, strict=True)
    )


def _refuse_others(old: sqlite3.Connection, new: Any, kind: Kind, target: Metadata) -> None:
    """Refuses a target that does not hold just what the source does."""
    contexts = "SELECT id, create_time_since_epoch FROM Context ORDER BY id"
    new.execute(contexts)
    same = [tuple(row) for row in new.fetchall()] == old.execute(contexts).fetchall()
    if not same or counts(new, kind) != counts(old, "sqlite"):
        raise SettingsError(
            "The database is not empty.",
            where=target.where,
            expected="a database of its own for each workspace",
            received="one with other runs, or with runs that came later",
            fix="make an empty database on the server, and copy to that",
        )
