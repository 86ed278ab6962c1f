"""`headgate ui`: the index and the pages of a workspace for a browser, read only.

Runs are looked up in ML Metadata by the names in the address; no part of an address ever becomes part of a path.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.history import History, RunRow
from pipeline.report.index import index_page
from pipeline.report.page import render
from pipeline.workspace import Workspace
from schema.errors import HeadgateError

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
"""Beside the policy that each page carries itself."""


def app(workspace: Workspace, host: str = "127.0.0.1") -> ASGIApp:
    """The application.

    Args:
      workspace: whose runs to show.
      host: the name or address that it is served under, allowed besides every address and this machine's own name.
    """
    pages = _Pages(workspace)
    routes = [
        Route("/", pages.index),
        Route("/index.html", pages.index),
        Route("/{pipeline}/{page}.html", pages.run),
    ]
    handlers = {HTTPException: _not_found, HeadgateError: _cannot}
    return _Guard(Starlette(routes=routes, exception_handlers=handlers), {"localhost", socket.gethostname(), host})


class _Pages:
    """Answers requests. Pages are kept in the workspace, and written anew once there is something new to say."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._writing = threading.Lock()

    def index(self, request: Request) -> Response:
        """All runs."""
        return HTMLResponse(index_page(self._workspace, lambda row: True))

    def run(self, request: Request) -> Response:
        """One run."""
        row = self._row(request.path_params["pipeline"], request.path_params["page"])
        from pipeline.report.write import current  # brings Altair

        with self._writing:
            return HTMLResponse(current(self._workspace, row))

    def _row(self, pipeline: str, page: str) -> RunRow:
        row = History(self._workspace).row_of(pipeline, page)
        if row is None:
            raise HTTPException(404)
        return row


class _Guard:
    """Refuses what other pages in the same browser might ask for, and adds headers that keep them out.

    A page whose name an attacker has pointed at this address (DNS rebinding) asks under that name: only addresses and
    the names that the server goes by are answered.
    """

    def __init__(self, app: ASGIApp, names: set[str]) -> None:
        self._app = app
        self._names = {name.lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        answer: ASGIApp = self._app if self._allowed(host) else PlainTextResponse(f"Not served under {host!r}.\n", 421)
        await answer(scope, receive, _with_headers(send))

    def _allowed(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
            return name in self._names or bool(ipaddress.ip_address(name))
        except ValueError:
            return False


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
            message = {**message, "headers": [*message["headers"], *headers]}
        await send(message)

    return sending


def _not_found(request: Request, error: Exception) -> Response:
    code = error.status_code if isinstance(error, HTTPException) else 500
    what = "There is no such page." if code == 404 else "This server only answers questions."
    parts = {"fix": "go to the list of all runs: a run may have another name, or its workspace is another one"}
    return HTMLResponse(render("message.html", what=what, parts=parts if code == 404 else {}), code)


def _cannot(request: Request, error: Exception) -> Response:
    told = error.parts if isinstance(error, HeadgateError) else {}
    what = told.pop("what", None) or "The page could not be made."
    return HTMLResponse(render("message.html", what=what, parts=told), 500)
