"""Settings with the values that tuning found, or tries: what the Trainer and the Tuner have in common."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar

from schema.section import Section

FILE_NAME = "best_hyperparameters.txt"
"""What TFX's Tuner calls the file in a HyperParameters artifact."""

AnySection = TypeVar("AnySection", bound=Section)


def with_values(settings: AnySection, values: Mapping[str, Any]) -> AnySection:
    """Settings with other values at some places; `values` as for `placed`.

    Raises:
      LookupError: a path leads nowhere.
      ValidationError: the settings do not take a value.
    """
    data = placed(settings.model_dump(mode="json", by_alias=True), values)
    return type(settings).model_validate_json(json.dumps(data))


def placed(data: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of plain settings with other values at some places.

    Args:
      data: settings as nested dictionaries and lists.
      values: new values by dotted path, such as `model.layers.0.units`. A section that is null is made first.

    Raises:
      LookupError: a path leads into a list that is shorter, or into a value that holds no others.

    >>> placed({"layers": [{"units": 8}], "schedule": None}, {"layers.0.units": 16, "schedule.kind": "cosine"})
    {'layers': [{'units': 16}], 'schedule': {'kind': 'cosine'}}
    """
    copy = deepcopy(dict(data))
    for path, value in values.items():
        owner, *above, last = ("", *path.split("."))
        place: Any = copy
        for key in above:
            index = _index(place, key, owner)
            if isinstance(place, dict) and place.get(index) is None:
                place[index] = {}
            place, owner = place[index], f"{owner}.{key}".lstrip(".")
        place[_index(place, last, owner)] = value
    return copy


def _index(place: Any, key: str, name: str) -> Any:
    """What `key` is called in `place`, which the settings know as `name`."""
    if isinstance(place, dict):
        return key
    if not isinstance(place, list):
        raise LookupError(f"`{name}` holds no other settings")
    if not key.isdigit() or int(key) >= len(place):
        raise LookupError(f"`{name}` is a list of {len(place)}, counted from 0")
    return int(key)


def value_at(settings: Section, path: str) -> Any:
    """The value at a dotted path; None if there is nothing."""
    value: Any = settings.model_dump(mode="json", by_alias=True)
    for key in path.split("."):
        value = value[int(key)] if isinstance(value, list) else (value or {}).get(key)
    return value


def tuned_in(artifacts: Sequence[Any]) -> dict[str, Any]:
    """Plain values by dotted path from the HyperParameters of a step's input, as the Trainer got them.

    Args:
      artifacts: one HyperParameters artifact, or none where nothing was tuned.
    """
    for artifact in artifacts:
        return tuned_values(json.loads(Path(artifact.uri, FILE_NAME).read_text(encoding="utf-8")))
    return {}


def tuned_values(hyperparameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """Plain values by dotted path from KerasTuner's.

    Args:
      hyperparameters: the configuration of `keras_tuner.HyperParameters` that TFX hands to the Trainer; None where
        nothing was tuned. A value that was chosen from a list is there as JSON, a number from a range as it is;
        `tuner/...` is KerasTuner's own.
    """
    found = (hyperparameters or {}).get("values", {})
    return {
        path: json.loads(value) if isinstance(value, str) else value
        for path, value in found.items()
        if not path.startswith("tuner/")
    }
