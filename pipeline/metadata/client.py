"""A plain client of the database server, for what ML Metadata's own does not do, or does not tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from pipeline.metadata.address import Address
from schema.errors import HeadgateError, SettingsError, first_line

PATIENCE = 60
"""Seconds to wait for another process that makes tables or types."""

CONNECT_TIMEOUT = 10
"""Seconds to wait for the server's first answer."""

PERMANENT = (
    *("password authentication failed", "no password supplied", "Access denied", "fe_sendauth"),
    *("does not exist", "Unknown database", "permission denied", "no pg_hba.conf entry", "not permitted to log in"),
    *("certificate", "SSL was required", "does not support SSL"),
    *("failed to resolve host", "Name or service not known", "nodename nor servname", "No address associated"),
)
"""What a server's refusal says, or a resolver's, that will be the same the next time."""

SHORT_INDICES = tuple(
    (f"idx_{kind}_property_string", f"{kind}property") for kind in ("artifact", "execution", "context")
)
"""Indices that ML Metadata makes of whole texts. PostgreSQL takes no more than 2704 bytes into one of them, so that a
longer property could not be written; of MySQL ML Metadata asks for 255 characters only."""


class UnansweredError(HeadgateError):
    """The server does not answer, now."""


def connect(address: Address, password: str | None) -> Any:
    """A DB-API connection that commits each statement.

    Raises:
      SettingsError: the server's address, the user, the password or the database is wrong.
      UnansweredError: the server does not answer.
    """
    try:
        return _connected(address, password)
    except Exception as error:
        said = _said(error)
        if any(words in said for words in PERMANENT):
            raise SettingsError(
                "The database cannot be opened.",
                where=address.url,
                received=said,
                fix="check the URL; the password comes from HEADGATE_METADATA_PASSWORD or `metadata.password_file`",
            ) from None
        raise UnansweredError(
            "The database server does not answer.",
            where=address.url,
            received=said,
            fix="start the server, or see to the network, and run the same command again: it goes on where this one "
            "stood",
        ) from None


def _connected(address: Address, password: str | None) -> Any:
    options: dict[str, Any] = dict(address.options)
    if address.kind == "postgresql":
        import psycopg

        return psycopg.connect(
            host=address.host,
            port=address.port,
            user=address.user,
            password=password,
            dbname=address.database,
            connect_timeout=CONNECT_TIMEOUT,
            autocommit=True,
            application_name="headgate",
            **options,
        )
    import pymysql

    if "ssl_verify" in options:
        options["ssl_verify_cert"] = options["ssl_verify_identity"] = options.pop("ssl_verify") == "true"
    return pymysql.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=(password or "").encode(),
        database=address.database,
        connect_timeout=CONNECT_TIMEOUT,
        autocommit=True,
        charset="utf8mb4",
        **options,
    )


def _said(error: Exception) -> str:
    """The last thing that a client library says, which is the server's own word where there is one."""
    text = str(error.args[-1]) if error.args else ""
    lines = [line.strip() for line in text.splitlines() if line.strip() and "multiple connection" not in line.lower()]
    return (lines[0] if lines else first_line(error) or type(error).__name__).removeprefix("connection failed: ")


@contextmanager
def alone(address: Address, password: str | None) -> Iterator[Any]:
    """A connection that no other process has at the same time: for making tables and types."""
    import psycopg

    with closing(connect(address, password)) as connection, closing(connection.cursor()) as cursor:
        try:
            if address.kind == "postgresql":
                cursor.execute(f"SET lock_timeout = '{PATIENCE}s'")
                cursor.execute("SELECT pg_advisory_lock(hashtext('headgate'))")
                held = True
            else:
                cursor.execute("SELECT GET_LOCK(%s, %s)", (f"headgate.{address.database}"[:64], PATIENCE))
                held = cursor.fetchone()[0] == 1
        except psycopg.errors.LockNotAvailable:
            held = False
        if not held:
            raise HeadgateError(
                f"Another process has been at work on the database's tables for {PATIENCE} seconds.",
                where=address.url,
                fix="if that is `headgate metadata copy`, wait until it is done; then run the same command again",
            )
        yield connection


def shorten_indices(connection: Any) -> None:
    """Makes ML Metadata's indices of texts take any length, on PostgreSQL."""
    with connection.transaction(), closing(connection.cursor()) as cursor:
        for index, table in SHORT_INDICES:
            cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", (index,))
            row = cursor.fetchone()
            if row and '"left"' not in row[0]:
                cursor.execute(f"DROP INDEX {index}")
                cursor.execute(f"CREATE INDEX {index} ON {table} (name, is_custom_property, left(string_value, 255))")
