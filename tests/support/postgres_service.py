"""A real PostgreSQL server for tests. Debian's package is `postgresql`."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from database_service import Database, DatabaseService
from server_process import as_user

ADMINISTRATOR = "postgres"


def programs() -> Path | None:
    """The folder with `postgres` and `initdb`; None where it is not installed."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return folders[-1] if folders else None


class PostgresService(DatabaseService):
    """PostgreSQL. Passwords are asked for over TCP; the administrator comes in by the socket."""

    name = "postgresql"
    user = "postgres"

    def _initialise(self) -> None:
        command = ["initdb", "-D", self._data, "-U", ADMINISTRATOR, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        command += ["--auth-local=trust", "--auth-host=scram-sha-256"]
        command[0] = programs() / "initdb"
        subprocess.run(as_user(self.user, command), check=True, capture_output=True, cwd="/", timeout=120)

    def _command(self) -> Sequence[str | Path]:
        settings = {
            "listen_addresses": self.host,
            "unix_socket_directories": self.folder,
            "fsync": "off",
            "max_connections": 100,
        }
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return [programs() / "postgres", "-D", self._data, "-p", str(self.port), *options]

    def _client(self, statement: str, database: str | None) -> Sequence[str | Path]:
        place = ["-h", self.folder, "-p", str(self.port), "-U", ADMINISTRATOR, "-d", database or "postgres"]
        return ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", *place, "-c", statement]

    def _make(self, database: Database) -> None:
        password = database.password.replace("'", "''")
        self.ask(f"CREATE USER {database.user} PASSWORD '{password}'")
        self.ask(f"CREATE DATABASE {database.name} OWNER {database.user}")

    def reader(self, database: Database) -> Database:
        """See DatabaseService."""
        user = replace(database, user=f"{database.user}_reader", password=secrets.token_hex(8))
        self.ask(f"CREATE USER {user.user} PASSWORD '{user.password}'")
        self.ask(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user.user}", database.name)
        return user

    def disconnect(self, database: Database) -> None:
        """See DatabaseService."""
        ended = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{database.user}'"  # noqa: S608
        self.ask(ended)

    @property
    def _data(self) -> Path:
        return self.folder / "data"
