"""A real MariaDB server for tests. Debian's package is `mariadb-server`."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from database_service import Database, DatabaseService


class MariadbService(DatabaseService):
    """MariaDB. The administrator comes in by the socket."""

    name = "mysql"
    user = "mysql"

    def _initialise(self) -> None:
        command = ["mariadb-install-db", "--no-defaults", f"--user={self.user}", f"--datadir={self._data}"]
        command += ["--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(command, check=True, capture_output=True, timeout=120)

    def _command(self) -> Sequence[str | Path]:
        place = [f"--datadir={self._data}", f"--socket={self._socket}", f"--port={self.port}"]
        cheap = ["--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=32M", "--skip-log-bin"]
        return ["mariadbd", "--no-defaults", f"--bind-address={self.host}", *place, *cheap]

    def _client(self, statement: str, database: str | None) -> Sequence[str | Path]:
        place = [f"--socket={self._socket}", "-u", "root", *([database] if database else [])]
        return ["mariadb", "--no-defaults", "--batch", "--skip-column-names", *place, "-e", statement]

    def _make(self, database: Database) -> None:
        self.ask(f"CREATE DATABASE {database.name} CHARACTER SET utf8mb4")
        password = database.password.replace("\\", r"\\").replace("'", r"\'")
        self.ask(f"CREATE USER {database.user}@'%' IDENTIFIED BY '{password}'")
        self.ask(f"GRANT ALL ON {database.name}.* TO {database.user}@'%'")

    def reader(self, database: Database) -> Database:
        """See DatabaseService."""
        user = replace(database, user=f"{database.user}_reader", password=secrets.token_hex(8))
        self.ask(f"CREATE USER {user.user}@'%' IDENTIFIED BY '{user.password}'")
        self.ask(f"GRANT SELECT ON {database.name}.* TO {user.user}@'%'")
        return user

    def disconnect(self, database: Database) -> None:
        """See DatabaseService."""
        self.ask(f"KILL USER {database.user}@'%'")

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _socket(self) -> Path:
        return self.folder / "socket"
