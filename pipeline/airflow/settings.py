"""Settings of a pipeline that Airflow runs: the `schedule` section."""

from __future__ import annotations

import re
from datetime import date
from typing import Literal

from pydantic import Field, field_validator, model_validator

from schema.section import Section

PRESETS = ("@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")

_FIELD = re.compile(r"[0-9A-Za-z*/,#-]+")


class ScheduleSettings(Section):
    """When an orchestrator runs the pipeline, and what it does when a step fails. `headgate run` does not look here."""

    cron: str | None = None
    """Five fields, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@quarterly`, `@yearly`; in UTC. Each run is for the
    interval that ends as it starts. Default: runs start by hand, or by `asset`."""
    asset: str | None = Field(None, min_length=1, pattern=r"^[\x21-\x7e]+$")
    """Name of the Airflow asset that stands for new data: whenever it is updated, the pipeline runs. An update may name
    a span, `{"span": 7}`. Default: none."""
    start: date | None = None
    """First day whose data are read. Needed with `cron`."""
    catch_up: bool = False
    """Whether intervals that have passed since `start` are run too."""
    span: Literal["latest", "date", "days"] = "latest"
    """Which span the run of an interval reads. `latest`: the latest one there is. `date`: the day on which the interval
    begins, as `20260131`. `days`: a number that grows by one a day."""
    first_span: int | None = Field(None, ge=0)
    """The span of the day `start`, with `span: days`. Default: days are counted from 1970-01-01, as TFX counts them."""
    max_active_runs: int = Field(1, ge=1)
    """Runs at a time. More than one needs ML Metadata on a server."""
    retries: int = Field(2, ge=0)
    """How often a step is tried again that failed for a reason that may pass. What settings, data or a verdict ended is
    not tried again."""
    retry_delay: float = Field(60, gt=0)
    """Seconds before the first retry. Each further one waits twice as long, an hour at most."""
    timeout: float = Field(6 * 3600, gt=0)
    """Seconds after which a step is stopped, and tried again."""
    timeouts: dict[str, float] = {}
    """The same by step, for those that need another bound: `{train: 86400}`."""
    training_pool: str = Field("default_pool", min_length=1)
    """Airflow's pool for the steps that train: its slots say how many may use the GPUs at once."""

    @field_validator("cron")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value is None or value in PRESETS:
            return value
        fields = value.split()
        if len(fields) != 5 or not all(_FIELD.fullmatch(field) for field in fields):
            raise ValueError(f"five fields such as `30 4 * * 1`, or one of {', '.join(PRESETS)}; received {value!r}")
        return value

    @model_validator(mode="after")
    def _agree(self) -> ScheduleSettings:
        if self.cron and self.asset:
            raise ValueError("`cron` and `asset` are two ways to start a run: give one of them")
        if self.cron and self.start is None:
            raise ValueError("`cron` needs `start`, the first day whose data are read")
        if self.catch_up and self.cron is None:
            raise ValueError("`catch_up` needs `cron`: without it there are no intervals to run")
        if self.catch_up and self.span == "latest":
            raise ValueError("`catch_up` needs `span: date` or `days`: each interval would read the latest span")
        if self.first_span is not None and (self.span != "days" or self.start is None):
            raise ValueError("`first_span` needs `span: days` and `start`, the day that has this span")
        return self
