"""How time bears on training: a model that has grown old, and a rest after each training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.dsl.components.base import base_driver
from tfx.orchestration import metadata
from tfx.orchestration.portable import base_driver as portable_driver
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.proto.orchestration.driver_output_pb2 import DriverOutput

from components.monitor.settings import MonitorSettings, MonitorStepSettings
from serving import releases

PROPERTY = "age"
"""The execution property that holds an `Age` as JSON. It is there only where the settings have a rule on time."""

TRAIN = "train"
"""The step that trains."""


@dataclass(frozen=True)
class Age:
    """What the clock says. Both are fixed moments: the cache sees a change when one passes, and at no other time.

    Attributes:
      overdue: since when the model in service is older than `max_age_days`: ISO 8601, UTC; None where it is not.
      rest: until when nothing is trained, since something was trained less than `cooldown_hours` ago; None if so.
    """

    overdue: str | None = None
    rest: str | None = None

    @classmethod
    def of(cls, execution_properties: Mapping[str, Any]) -> Age:
        """Reads what the driver noted."""
        return cls(**json.loads(execution_properties.get(PROPERTY) or "{}"))


def age(settings: MonitorSettings, released: datetime | None, trained: datetime | None, now: datetime) -> Age:
    """Applies the rules on time.

    Args:
      settings: the rules.
      released: when the model in service was released; None where there is none.
      trained: when a model was last trained on other data than these; None if never.
      now: the time; all times are aware of their zone.
    """
    overdue = rest = None
    if released and settings.max_age_days is not None:
        end = released + timedelta(days=settings.max_age_days)
        overdue = _iso(end) if now >= end else None
    if trained:
        end = trained + timedelta(hours=settings.cooldown_hours)
        rest = _iso(end) if now < end else None
    return Age(overdue, rest)


class Driver(base_driver.BaseDriver, portable_driver.BaseDriver):
    """Looks at the clock before TFX looks into its cache: what was right last week may not be so today."""

    def __init__(self, metadata_handle: metadata.Metadata) -> None:
        base_driver.BaseDriver.__init__(self, metadata_handle)
        portable_driver.BaseDriver.__init__(self, metadata_handle)

    def run(self, execution_info: ExecutionInfo) -> DriverOutput:
        """Adds the property `age`, which the cache then compares too."""
        output = DriverOutput()
        settings = MonitorStepSettings.model_validate_json(execution_info.exec_properties["settings"])
        rules = settings.monitor
        if rules.max_age_days is None and not rules.cooldown_hours:
            return output
        release = releases.in_service(Path(settings.serving_dir), settings.model)
        released = datetime.fromisoformat(release.manifest.created) if release else None
        found = age(rules, released, self._last_training(execution_info), datetime.now(UTC))
        output.exec_properties[PROPERTY].string_value = json.dumps(asdict(found))
        return output

    def _last_training(self, execution_info: ExecutionInfo) -> datetime | None:
        """When the pipeline last trained; None where that was on these very data: a run that was killed goes on."""
        given = {artifact.id for artifact in execution_info.input_dict["examples"]}
        with self._mlmd_connection as handle:
            store = handle.store
            name = f"{execution_info.pipeline_info.id}.{TRAIN}"
            node = store.get_context_by_type_and_name("node", name)
            executions = store.get_executions_by_context(node.id) if node else []
            done = [each for each in executions if each.last_known_state == mlmd.Execution.COMPLETE]
            if not done:
                return None
            last = max(done, key=lambda execution: execution.id)
            events = store.get_events_by_execution_ids([last.id])
        if given & {event.artifact_id for event in events if event.type == mlmd.Event.INPUT}:
            return None
        return datetime.fromtimestamp(last.last_update_time_since_epoch / 1000, UTC)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
