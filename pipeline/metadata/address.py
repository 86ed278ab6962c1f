"""The address of a database server, as a URL without a password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

Kind = Literal["postgresql", "mysql"]

KINDS: dict[str, Kind] = {"postgresql": "postgresql", "postgres": "postgresql", "mysql": "mysql", "mariadb": "mysql"}
"""The kind of server by a URL's scheme."""

PORTS: dict[Kind, int] = {"postgresql": 5432, "mysql": 3306}

OPTIONS: dict[Kind, dict[str, str]] = {
    "postgresql": {name: name for name in ("sslmode", "sslrootcert", "sslcert", "sslkey")},
    "mysql": {"ssl_ca": "ca", "ssl_cert": "cert", "ssl_key": "key", "ssl_verify": "verify_server_cert"},
}
"""What may stand behind the `?` of a URL, with ML Metadata's names: how the connection is encrypted."""

FORM = "postgresql://USER@HOST:PORT/DATABASE or mysql://USER@HOST:PORT/DATABASE"


@dataclass(frozen=True)
class Address:
    """A database on a server.

    Attributes:
      kind: `mysql` is MariaDB, too.
      options: of the URL, by name.
    """

    kind: Kind
    host: str
    port: int
    user: str
    database: str
    options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, url: str) -> Address:
        """Reads a URL.

        Raises:
          ValueError: it is none, or holds a password. The message never quotes it.
        """
        try:
            parts = urlsplit(url)
            host, port, user, password = parts.hostname, parts.port, parts.username, parts.password
        except ValueError:
            raise ValueError(f"expected {FORM}") from None
        if password is not None:
            raise ValueError(
                "a password does not stand in the settings: put it into the environment variable "
                "HEADGATE_METADATA_PASSWORD, or into a file that `metadata.password_file` names"
            )
        kind = KINDS.get(parts.scheme)
        database = unquote(parts.path.removeprefix("/"))
        if kind is None or not host or not user or not database or "/" in database or parts.fragment:
            raise ValueError(f"expected {FORM}")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        if unknown := [name for name in options if name not in OPTIONS[kind]]:
            raise ValueError(f"`{unknown[0]}` is no option of the URL; there is {', '.join(OPTIONS[kind])}")
        return cls(kind, host, port or PORTS[kind], unquote(user), database, options)

    @property
    def url(self) -> str:
        """The URL, port and all."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        query = f"?{urlencode(self.options)}" if self.options else ""
        return f"{self.kind}://{_quoted(self.user)}@{host}:{self.port}/{_quoted(self.database)}{query}"


def _quoted(name: str) -> str:
    return quote(name, safe="")
