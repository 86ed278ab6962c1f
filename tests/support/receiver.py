"""A web server that takes alerts, and answers as it is told to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

SECRET = "T0P/S3CRET"  # noqa: S105
"""In the address's path and query; it must turn up nowhere else."""


@dataclass
class Receiver:
    """What came, and what is answered.

    Attributes:
      answers: status codes in turn, the last one again and again.
      headers: of every answer.
      delay: seconds until an answer.
      taken: JSON that came.
      seen: headers that came with it.
    """

    answers: Sequence[int] = (200,)
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    taken: list[Any] = field(default_factory=list)
    seen: list[dict[str, str]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        """The address, with secrets in it."""
        return f"http://127.0.0.1:{self.port}/services/{SECRET}?token={SECRET}"


@contextmanager
def receiving(**how: Any) -> Iterator[Receiver]:
    """A receiver at a port of its own on this machine."""
    receiver = Receiver(**how)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.taken.append(json.loads(body))
            receiver.seen.append(dict(self.headers))
            Event().wait(receiver.delay)  # tests replace time.sleep
            self.send_response(receiver.answers[min(len(receiver.taken), len(receiver.answers)) - 1])
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def do_GET(self) -> None:
            receiver.taken.append("a redirect was followed")
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_port
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
