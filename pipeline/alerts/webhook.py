"""Delivers an alert to a webhook."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from threading import Thread
from urllib.parse import SplitResult, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from pipeline.alerts.secret import UndeliverableError, from_environment, from_file
from pipeline.alerts.settings import WebhookSettings

TRIES = 4
WAIT = 0.5
"""Seconds before the second try; each later wait is twice as long."""
TRY_SECONDS = 10.0
"""To connect, and to wait for the answer, at most."""
AGAIN = (429, 500, 502, 503, 504)
"""Answers that another try may mend."""

_CAUSES = {
    "NewConnectionError": "the connection was refused, or its host is not there",
    "NameResolutionError": "the host's name is not known",
    "ConnectTimeoutError": "no connection in time",
    "ReadTimeoutError": "no answer in time",
    "ProtocolError": "the connection broke",
    "SSLError": "the certificate, or the encryption, was not accepted",
    "ProxyError": "the proxy did not let it through",
}
"""By urllib3's classes. What these say themselves quotes the address."""


def address(settings: WebhookSettings) -> str:
    """The webhook's address.

    Raises:
      UndeliverableError: it is not there, or none.
    """
    url = from_file(settings.url_file) if settings.url_file else from_environment(settings.url_env or "")
    if _split(url) is None:
        raise UndeliverableError("the address is none: it starts with https:// and names a host")
    return url


def host(url: str) -> str:
    """As much of an address as may be told: host and port."""
    parts = _split(url)
    if parts is None:
        return "?"
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def post(url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> None:
    """Posts JSON, and tries again where that may help. A redirect is not followed: it would take the secrets along.

    Args:
      url: the address.
      headers: by name, the environment variable that holds the value.
      body: the JSON.
      seconds: for all tries together.

    Raises:
      UndeliverableError: nobody took it.
    """
    values = {name: from_environment(variable) for name, variable in headers.items()}
    outcome: list[str] = []
    # In a thread of its own, since a server that sends a byte now and then outlives every timeout of a socket.
    thread = Thread(target=lambda: outcome.append(_post(url, values, body, seconds)), daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise UndeliverableError(f"it was not taken within {seconds:g} s")
    if outcome[0]:
        raise UndeliverableError(outcome[0])


def _post(url: str, headers: Mapping[str, str], body: bytes, seconds: float) -> str:
    """Why it was not delivered; empty if it was."""
    # Its warnings quote the address, and they would go to the run's log.
    logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)
    wait = min(TRY_SECONDS, seconds)
    retry = Retry(
        total=TRIES - 1,
        redirect=False,
        allowed_methods=None,
        status_forcelist=AGAIN,
        backoff_factor=WAIT,
        retry_after_max=max(1, int(seconds)),
        raise_on_status=False,
    )
    try:
        with requests.Session() as session:
            for scheme in ("https://", "http://"):
                session.mount(scheme, HTTPAdapter(max_retries=retry))
            response = session.post(
                url,
                data=body,
                headers={"Content-Type": "application/json", "User-Agent": "headgate", **headers},
                timeout=(wait, wait),
                allow_redirects=False,
                stream=True,  # nobody reads what it answers
                auth=lambda request: request,  # else requests puts what ~/.netrc says over a header of the settings
            )
            return _judged(response.status_code)
    except Exception as error:
        return _cause(error)


def _judged(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"the answer was {status}, a redirect, which is not followed"
    return f"the answer was {status}" + (f", {TRIES} times" if status in AGAIN else "")


def _cause(error: Exception) -> str:
    """What went wrong, by the class of the innermost error alone."""
    inner = error.args[0] if error.args else error
    reason = getattr(inner, "reason", inner)
    for kind in (type(reason), type(inner), type(error)):
        if kind.__name__ in _CAUSES:
            return _CAUSES[kind.__name__]
    return type(error).__name__


def _split(url: str) -> SplitResult | None:
    """The parts of an address of the web; None if it is none."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  raises where it is no number
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") and parts.hostname else None
