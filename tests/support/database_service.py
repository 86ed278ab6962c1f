"""What the tests' database servers have in common."""

from __future__ import annotations

import secrets
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from server_process import ServerProcess, free_port, own_folder


@dataclass(frozen=True)
class Database:
    """An empty database and the user that owns it.

    Attributes:
      url: without the password, as `metadata.url` wants it.
    """

    scheme: str
    host: str
    port: int
    user: str
    name: str
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.user}@{self.host}:{self.port}/{self.name}"


class DatabaseService(ABC):
    """A database server from Debian's packages, with a data folder and a port of its own.

    `fresh()` gives an empty database with a user of its own, for a test or a whole service such as Airflow.
    `stop()` and `start()`, or `paused()`, are what a fault of the server looks like.
    """

    name: ClassVar[str]
    user: ClassVar[str]
    host = "127.0.0.1"

    def __init__(self) -> None:
        self.folder = own_folder(self.name, self.user)
        self.port = free_port()
        self._process: ServerProcess | None = None
        self._made = 0
        try:
            self._initialise()
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        self._process = ServerProcess(self._command(), self.user, self.folder)
        self._process.wait_until(self._answers)

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Ends the server; its data stay."""
        if self._process:
            self._process.stop(number)
            self._process = None

    @contextmanager
    def paused(self) -> Any:
        """While inside, the server neither answers nor hangs up."""
        self._process.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send(signal.SIGCONT)

    def close(self) -> None:
        """Ends the server and removes its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def fresh(self, password: str | None = None) -> Database:
        """Makes an empty database and the user that owns it; a password is drawn unless given."""
        self._made += 1
        name = f"{self.name}_{self._made}"
        database = Database(
            self.name, self.host, self.port, f"user_{self._made}", name, password or secrets.token_hex(8)
        )
        self._make(database)
        return database

    def ask(self, statement: str, database: str | None = None) -> str:
        """Asks the server as its administrator; returns what it says, columns parted by `|`."""
        return subprocess.run(
            [str(word) for word in self._client(statement, database)],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout.strip()

    def _answers(self) -> bool:
        try:
            return self.ask("SELECT 1") == "1"
        except subprocess.CalledProcessError:
            return False

    @abstractmethod
    def reader(self, database: Database) -> Database:
        """The same database, for a new user that may read all its tables and change none."""

    @abstractmethod
    def disconnect(self, database: Database) -> None:
        """Ends all connections to a database, as an administrator may, or a proxy that finds them idle."""

    @abstractmethod
    def _initialise(self) -> None: ...

    @abstractmethod
    def _command(self) -> Sequence[str | Path]: ...

    @abstractmethod
    def _client(self, statement: str, database: str | None) -> Sequence[str | Path]: ...

    @abstractmethod
    def _make(self, database: Database) -> None: ...


def wait_for(what: Any, seconds: float = 60) -> None:
    """Waits until `what()` is true."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)
