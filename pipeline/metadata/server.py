"""ML Metadata on a database server: connections that come back, types that exist once, texts of every kind."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import ml_metadata
from ml_metadata.errors import AbortedError, AlreadyExistsError, InternalError, NotFoundError
from ml_metadata.proto import metadata_store_pb2 as mlmd
from ml_metadata.proto import metadata_store_service_pb2 as service

from pipeline.metadata import client, texts
from pipeline.metadata.address import Address, Kind
from schema.errors import HeadgateError, SettingsError, first_line

LOST = (
    *("server closed the connection", "terminating connection", "no connection to the server", "could not connect"),
    *("could not receive data", "could not send data", "SSL connection has been closed", "the database system is"),
    *("Lost connection", "gone away", "mysql_real_connect failed", "Can't connect", "Server shutdown in progress"),
)
"""What ML Metadata says when the server is gone. Of PostgreSQL's errors after that it says nothing at all."""

SPEECHLESS = "PostgreSQL metadata source error: "

CONFLICT = ("deadlock detected", "could not serialize access", "Duplicate entry", "duplicate key value")
"""What ML Metadata takes for a fault but only says that two transactions met."""

MAKING = ("subset of tables", "duplicate key", "already exists", "Duplicate")
"""What ML Metadata says when two processes make its tables."""

UNABLE: dict[Kind, str] = {
    "postgresql": "if the server or the URL asks for encryption: ML Metadata's client has none; connect by a tunnel",
    "mysql": "if the user comes in by anything but mysql_native_password: ML Metadata's client knows nothing else",
}
"""Why a server may take our plain client and not ML Metadata's, which gives no reason."""

DENIED = ("permission denied", "command denied", "Access denied")

TYPES: dict[str, tuple[str, Any, Any]] = {
    f"Put{kind}Type": (
        kind.lower() + "_type",
        getattr(service, f"Get{kind}TypeRequest"),
        getattr(service, f"Get{kind}TypeResponse"),
    )
    for kind in ("Artifact", "Execution", "Context")
}
"""The methods that register a type: the field that holds it, and the question whether it is there."""

ATTEMPTS = 8
"""How often a call is tried that met another transaction."""

log = logging.getLogger(__name__)


@dataclass
class Presence:
    """Whether this process has seen a server, and since when it has missed it."""

    seen: bool = False
    missed: float | None = None


@cache
def presence(_url: str) -> Presence:
    """What this process knows of the server at a URL."""
    return Presence()


class ServerStore(ml_metadata.MetadataStore):
    """A metadata store on PostgreSQL, MySQL or MariaDB that outlives the server's absence.

    A server that this process has never reached must answer at once; one that it has lost is waited for.

    Args:
      config: ML Metadata's connection config.
      address: the same as an address.
      password: the same as in the config.
      wait: seconds to wait for a server that is gone.
    """

    def __init__(self, config: mlmd.ConnectionConfig, address: Address, password: str | None, wait: float) -> None:
        self._wanted, self._address, self._password, self._wait = config, address, password, wait
        self._presence = presence(address.url)
        self._connect(_Waiting(self._presence, wait))

    def _connect(self, waiting: _Waiting) -> None:
        # MySQL's client breaks down when it is asked after it could not connect again by itself.
        self._metadata_store = None
        while True:
            try:
                super().__init__(self._wanted)
            except RuntimeError as error:
                _refuse_version(error, self._address)
                self._explain(error, waiting)
            else:
                self._presence.seen, self._presence.missed = True, None
                return

    def _explain(self, error: Exception, waiting: _Waiting) -> None:
        """Raises what a user should read, unless it is worth trying again, for which it has waited."""
        try:
            client.connect(self._address, self._password).close()
        except client.UnansweredError:
            if not self._presence.seen or not waiting.go_on():
                raise
        else:  # the server answers: it has come back, or somebody else makes its tables
            _refuse_denied(error, self._address)
            hopeful = self._presence.seen or any(words in str(error) for words in MAKING)
            if not hopeful or not waiting.go_on():
                raise HeadgateError(
                    "ML Metadata cannot use the database.",
                    where=self._address.url,
                    received=first_line(error),
                    fix=UNABLE[self._address.kind],
                ) from error

    def _call(self, method_name: str, request: Any, response: Any, extra_options: Any = None) -> None:
        """See MetadataStore: called for every question."""
        if method_name in TYPES and self._has_type(method_name, request, response):
            return
        if method_name not in TYPES:
            self._ask(method_name, request, response)
            return
        waiting = _Waiting(self._presence, self._wait)
        while True:
            try:
                # ML Metadata looks for a type and then writes it: two processes at once would write it twice.
                with client.alone(self._address, self._password):
                    self._ask(method_name, request, response)
                return
            except client.UnansweredError:
                if not waiting.go_on():
                    raise

    def _has_type(self, method_name: str, request: Any, response: Any) -> bool:
        """Answers from what is there, if a type has all that it is to have."""
        field, question, answer = TYPES[method_name]
        wanted = getattr(request, field)
        found = answer()
        try:
            self._ask(
                method_name.replace("Put", "Get"),
                question(type_name=wanted.name, type_version=wanted.version or None),
                found,
            )
        except NotFoundError:
            return False
        there = getattr(found, field)
        if any(there.properties.get(name) != kind for name, kind in wanted.properties.items()):
            return False
        response.type_id = there.id
        return True

    def _ask(self, method_name: str, request: Any, response: Any) -> None:
        attempt, waiting = 0, _Waiting(self._presence, self._wait)
        while True:
            if self._metadata_store is None:
                self._connect(waiting)
            try:
                self._call_method(method_name, request, response)
            except (AbortedError, InternalError) as error:
                attempt += 1
                lost = _lost(error)
                if attempt == ATTEMPTS or not (lost or _conflict(error)):
                    _refuse_denied(error, self._address)
                    raise
                if lost:
                    log.warning("The database is gone; waiting for it: %s", self._address.url)
                    self._connect(waiting)
                    continue
                time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311
            else:
                self._presence.missed = None
                return

    def _pywrap_cc_call(self, method: Callable[..., Any], request: Any, response: Any) -> None:
        """See MetadataStore: the way into its C++ library."""
        if self._address.kind == "postgresql":
            texts.encode(request)
        super()._pywrap_cc_call(method, request, response)
        if self._address.kind == "postgresql":
            texts.decode(response)


class _Waiting:
    """Waits longer from try to try, for as long as the server may be gone in all."""

    def __init__(self, presence: Presence, seconds: float) -> None:
        self._presence, self._seconds, self._pause = presence, seconds, 0.1

    def go_on(self) -> bool:
        """Waits; or says that it has been long enough, as it says at once the next time."""
        now = time.monotonic()
        if self._presence.missed is None:
            self._presence.missed = now
        if now - self._presence.missed > self._seconds:
            return False
        time.sleep(self._pause)
        self._pause = min(self._pause * 1.5, 2)
        return True


def _lost(error: Exception) -> bool:
    said = str(error)
    return said.strip() == SPEECHLESS.strip() or any(words in said for words in LOST)


def _conflict(error: Exception) -> bool:
    if isinstance(error, AlreadyExistsError):
        return False
    return isinstance(error, AbortedError) or any(words in str(error) for words in CONFLICT)


def _refuse_denied(error: Exception, address: Address) -> None:
    if any(words in str(error) for words in DENIED):
        raise SettingsError(
            "The database user has no right to do this.",
            where=address.url,
            expected="a user that may read and write all tables of the database, and for its first run make them",
            received=str(error).splitlines()[0].removeprefix(SPEECHLESS)[:300],
            fix="make the user the database's owner, or name another one in metadata.url",
        ) from error


def _refuse_version(error: Exception, address: Address) -> None:
    said = str(error)
    if "database version" in said and "library version" in said:
        raise SettingsError(
            "The database was made by another version of ML Metadata.",
            where=address.url,
            received=said.partition(". ")[0],
            fix="use an environment of its own version, or another database",
        ) from error
