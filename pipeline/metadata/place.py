"""Where a workspace's ML Metadata is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ml_metadata
from ml_metadata.errors import AlreadyExistsError
from ml_metadata.proto import metadata_store_pb2 as mlmd

from pipeline.alerts.secret import UndeliverableError, from_file
from pipeline.metadata import client
from pipeline.metadata.address import FORM, OPTIONS, Address, Kind
from pipeline.metadata.server import ServerStore
from pipeline.metadata.settings import MetadataSettings
from pipeline.workspace import Workspace
from schema.errors import SettingsError

PASSWORD = "HEADGATE_METADATA_PASSWORD"  # noqa: S105
"""The environment variable with the password."""

OWNER = "headgate.workspace"
"""Type of the contexts that say which workspace has a pipeline's runs."""


@dataclass(frozen=True)
class Metadata:
    """A workspace's database.

    Attributes:
      file: the sqlite file, which holds the runs unless `address` is given.
      address: the server; None for sqlite.
      settings: where its password is, and how long to wait for it.
    """

    file: Path
    address: Address | None = None
    settings: MetadataSettings = field(default_factory=MetadataSettings)

    @classmethod
    def of(cls, workspace: Workspace, settings: MetadataSettings | None = None) -> Metadata:
        """The database that a workspace's runs are in.

        Args:
          workspace: the workspace; it remembers the server that its runs are on.
          settings: a run's own. Default: whatever the workspace remembers.

        Raises:
          SettingsError: the settings name another database than the one that has the workspace's runs.
        """
        found = cls._remembered(workspace)
        if settings is None or settings.url is None:
            return found
        wanted = cls.at(workspace, settings)
        if found.address is None and not workspace.metadata.exists():
            return wanted
        if found.where != wanted.where:
            raise SettingsError(
                "The runs of this workspace are in another database than the one that the settings name.",
                where="metadata.url",
                expected=found.where,
                received=wanted.where,
                fix=f"copy them: headgate metadata copy --workspace {workspace.root} --to {wanted.where}"
                if found.address is None
                else f"set metadata.url to {found.where}, or choose another workspace",
            )
        return wanted

    @classmethod
    def at(cls, workspace: Workspace, settings: MetadataSettings) -> Metadata:
        """The database that settings name."""
        address = Address.parse(settings.url) if settings.url else None
        return cls(workspace.metadata, address, settings)

    @classmethod
    def _remembered(cls, workspace: Workspace) -> Metadata:
        path = workspace.metadata_url
        try:
            return cls.at(workspace, MetadataSettings.model_validate_json(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return cls(workspace.metadata)
        except (OSError, ValueError) as error:
            raise SettingsError(
                "The file that names the workspace's database cannot be read.",
                where=str(path),
                received=error.strerror if isinstance(error, OSError) else "not what Headgate writes there",
                fix='write {"url": "postgresql://USER@HOST:PORT/DATABASE"} into it',
            ) from None

    def remember(self, workspace: Workspace) -> None:
        """Notes the server in the workspace, so that commands find it that see no settings; sqlite needs no note."""
        if self.address is None:
            return
        noted = self.settings.model_copy(update={"url": self.address.url})
        text = noted.model_dump_json(indent=1) + "\n"
        path = workspace.metadata_url
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            half = path.with_name(f".{path.name}.{os.getpid()}")
            half.write_text(text, encoding="utf-8")
            half.replace(path)

    def prepare(self, *pipelines: str) -> None:
        """Makes a server's database ready for the workspace's runs; a file needs nothing.

        Args:
          *pipelines: what is to be run there.

        Raises:
          SettingsError: the database, the user or the password cannot be used, or another workspace has runs of such a
            pipeline there.
          HeadgateError: the server does not answer.
        """
        if self.address is not None:
            with self.alone() as connection:
                self.make_tables(connection)
            for name in pipelines:
                self._claim(name)

    def make_tables(self, connection: Any) -> None:
        """Makes ML Metadata's tables, where they are not there yet, such that they take what we write."""
        self.open()
        if self.kind == "postgresql":
            client.shorten_indices(connection)

    def _claim(self, pipeline: str) -> None:
        """Notes which workspace has a pipeline's runs: two would take each other's files from the cache."""
        store, here = self.open(), str(self.file.parent)
        if store.get_context_by_type_and_name(OWNER, pipeline) is None:
            owner = mlmd.Context(type_id=store.put_context_type(mlmd.ContextType(name=OWNER)), name=pipeline)
            owner.custom_properties["path"].string_value = here
            with suppress(AlreadyExistsError):  # by another run at this moment
                store.put_contexts([owner])
        found = store.get_context_by_type_and_name(OWNER, pipeline)
        if (there := found.custom_properties["path"].string_value) != here:
            raise SettingsError(
                f"The database has runs of `{pipeline}` from another workspace.",
                where=self.where,
                expected=there,
                received=here,
                fix="give the pipeline another name, or name a database of its own in metadata.url",
            )

    def connect(self) -> Any:
        """A plain connection to the server.

        Raises:
          SettingsError: the database, the user or the password cannot be used.
          HeadgateError: the server does not answer.
        """
        return client.connect(self._on_a_server(), self.password)

    @contextmanager
    def alone(self) -> Iterator[Any]:
        """A plain connection to the server that no other process has at the same time.

        Raises:
          SettingsError: the database, the user or the password cannot be used.
          HeadgateError: the server does not answer.
        """
        with client.alone(self._on_a_server(), self.password) as connection:
            yield connection

    def _on_a_server(self) -> Address:
        if self.address is None:
            raise SettingsError("The database is on no server.", where=str(self.file), expected=FORM)
        return self.address

    @property
    def kind(self) -> Kind:
        """The kind of server."""
        return self._on_a_server().kind

    @property
    def where(self) -> str:
        """The database, in words that hold no secret."""
        return self.address.url if self.address else str(self.file)

    @property
    def exists(self) -> bool:
        """Whether there is something to read: asked of no server."""
        return self.address is not None or self.file.exists()

    @property
    def plain_config(self) -> mlmd.ConnectionConfig:
        """ML Metadata's connection config without a password: what may be written to a file."""
        return _server(self.address) if self.address else self._sqlite()

    def open(self) -> ml_metadata.MetadataStore:
        """Connects; a database without ML Metadata's tables gets them.

        Raises:
          SettingsError: the database, the user or the password cannot be used.
          HeadgateError: the server does not answer.
          RuntimeError: the sqlite file cannot be read.
        """
        if self.address is None:
            return ml_metadata.MetadataStore(self._sqlite())
        password = self.password
        return ServerStore(_server(self.address, password), self.address, password, self.settings.wait)

    def _sqlite(self) -> mlmd.ConnectionConfig:
        config = mlmd.ConnectionConfig()
        config.sqlite.filename_uri = str(self.file)
        config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        return config

    @property
    def password(self) -> str | None:
        """The server's password; None leaves it to the client library, which for PostgreSQL reads ~/.pgpass.

        Raises:
          SettingsError: the file with it cannot be used.
        """
        if PASSWORD in os.environ:
            return os.environ[PASSWORD]
        if self.settings.password_file is None:
            return None
        try:
            return from_file(self.settings.password_file)
        except UndeliverableError as error:
            raise SettingsError(
                "The database's password cannot be read.", where="metadata.password_file", received=str(error)
            ) from None


def _server(address: Address, password: str | None = None) -> mlmd.ConnectionConfig:
    config = mlmd.ConnectionConfig()
    quoted = _quoted if address.kind == "postgresql" else str
    if address.kind == "postgresql":
        server = config.postgresql
        server.host, server.port, server.dbname = address.host, str(address.port), quoted(address.database)
        encryption = server.ssloption
    else:
        server = config.mysql
        server.host, server.port, server.database = address.host, address.port, address.database
        encryption = server.ssl_options
    server.user, server.skip_db_creation = quoted(address.user), True
    if password is not None:
        server.password = quoted(password)
    for name, value in address.options.items():
        key = OPTIONS[address.kind][name]
        setattr(encryption, key, value == "true" if key == "verify_server_cert" else quoted(value))
    return config


def _quoted(value: str) -> str:
    """A value of PostgreSQL's connection strings: ML Metadata puts one together, and quotes nothing."""
    escaped = value.replace("\\", r"\\").replace("'", r"\'")
    return f"'{escaped}'"
