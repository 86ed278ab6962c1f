"""Settings of alerts: the `alerts` section."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from schema.section import Section

Event = Literal["drift", "performance", "blocked", "not_blessed", "failed"]

EVENTS: tuple[Event, ...] = get_args(Event)


def _variable(name: str) -> str:
    """Lets the name of an environment variable pass. What else was put here may be a secret, and is not quoted."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError("here stands the name of an environment variable, such as ALERT_URL, never the secret itself")
    return name


Variable = Annotated[str, AfterValidator(_variable)]


class WebhookSettings(Section):
    """An address that takes JSON by POST. It is a secret, and so are the headers: they stand elsewhere."""

    url_env: Variable | None = None
    """Environment variable with the address."""
    url_file: Path | None = None
    """File with the address; nobody but its owner may read it (mode 600)."""
    headers: dict[str, Variable] = {}
    """Headers by name, each with the environment variable that has its value: `{Authorization: PAGER_TOKEN}`."""

    @model_validator(mode="after")
    def _one_address(self) -> WebhookSettings:
        if (self.url_env is None) == (self.url_file is None):
            raise ValueError("a webhook has one of `url_env` and `url_file`")
        return self


class AlertSettings(Section):
    """Who is told what a run came to. An alert that cannot be delivered never fails the run."""

    on: tuple[Event, ...] = EVENTS
    """What is told: that features drifted, that the model in service does worse than at its release, that data were
    blocked, that a model was not blessed, that a run failed."""
    webhook: WebhookSettings | None = None
    """Default: none."""
    command: tuple[str, ...] = ()
    """A program and its arguments; it reads the alert as JSON on its standard input. No shell is involved. Default:
    none."""
    timeout: float = Field(30, gt=0, le=600)
    """Seconds for one alert in all, with the tries that failed and the waits between them."""

    @property
    def receivers(self) -> bool:
        """Whether anybody is to be told."""
        return self.webhook is not None or bool(self.command)
