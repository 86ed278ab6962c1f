"""Sends alerts, and tells what became of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.alerts import command, webhook
from pipeline.alerts.secret import UndeliverableError
from pipeline.alerts.settings import AlertSettings, WebhookSettings
from pipeline.summary import AlertResult, finite


def send(settings: AlertSettings, alert: Mapping[str, Any]) -> list[AlertResult]:
    """Sends an alert to whoever the settings name.

    Args:
      settings: the `alerts` section.
      alert: what to tell, plain data.

    Returns:
      A result for each receiver, in words that hold no secret. Nothing is raised.
    """
    body = json.dumps(finite(alert)).encode()
    results = []
    if settings.webhook is not None:
        results.append(_to_webhook(settings.webhook, body, settings.timeout))
    if settings.command:
        name = f"command {Path(settings.command[0]).name}"
        results.append(_result(name, lambda: command.run(settings.command, body, settings.timeout)))
    return results


def _to_webhook(settings: WebhookSettings, body: bytes, seconds: float) -> AlertResult:
    try:
        url = webhook.address(settings)
    except UndeliverableError as error:
        return AlertResult("webhook", False, str(error))
    return _result(f"webhook at {webhook.host(url)}", lambda: webhook.post(url, settings.headers, body, seconds))


def _result(receiver: str, deliver: Callable[[], None]) -> AlertResult:
    try:
        deliver()
    except UndeliverableError as error:
        return AlertResult(receiver, False, str(error))
    return AlertResult(receiver, True)
