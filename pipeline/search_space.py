"""Holds the space that tuning searches against the settings that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from components.training.tuned import placed, value_at
from components.tuning.settings import ParameterSettings, TuningSettings
from pipeline.document import Document, Path
from pipeline.problems import choice
from pipeline.settings import PipelineSettings
from pipeline.validation import validate
from schema.errors import SettingsError

SECTIONS = ("model", "training")
"""The sections whose settings can be tuned: a trial trains anew, and does nothing else again."""


SPACE: Path = ("tuning", "space")


@dataclass(frozen=True)
class _Trial(Document):
    """Settings as a trial would have them: whatever is wrong with them stands at one place of the search space."""

    where: str = ""

    def place(self, path: Path) -> str:
        return self.where


def by_path(document: Document) -> Document:
    """The document with a search space by dotted path, where it was written section in section, as by `--set`."""
    tuning: Any = document.data.get("tuning")
    space = tuning.get("space") if isinstance(tuning, dict) else None
    if not isinstance(space, dict):
        return document
    entries = dict(_entries(space, ()))
    dotted = {(*SPACE, *path): (*SPACE, ".".join(path)) for path in entries}

    def moved(places: Mapping[Path, Any]) -> dict[Path, Any]:
        found = {}
        for place, value in places.items():
            entry = next((each for each in dotted if place[: len(each)] == each), ())
            found[dotted.get(entry, ()) + place[len(entry) :]] = value
        return found

    flat = {".".join(path): value for path, value in entries.items()}
    data = document.data | {"tuning": tuning | {"space": flat}}
    return replace(document, data=data, lines=moved(document.lines), overrides=moved(document.overrides))


def _entries(space: Mapping[Any, Any], above: Path) -> Iterator[tuple[Path, Any]]:
    for key, value in space.items():
        path = (*above, str(key))
        if isinstance(value, dict) and value and not set(value) & set(ParameterSettings.model_fields):
            yield from _entries(value, path)
        else:
            yield path, value


def space_problems(settings: PipelineSettings, document: Document) -> Iterator[SettingsError]:
    """A problem for each name in the search space that is no setting, or whose setting refuses a value.

    Args:
      settings: settings that are valid in themselves.
      document: the file that they came from.
    """
    if settings.tuning is None:
        return
    data = settings.model_dump(mode="json", by_alias=True) | {"tuning": None}
    for name, parameter in settings.tuning.space.items():
        problem = _misplaced(name, settings.tuning, document) or _refused(
            name, parameter, settings.tuning.algorithm, data, document
        )
        if problem:
            yield problem


def _misplaced(name: str, tuning: TuningSettings, document: Document) -> SettingsError | None:
    """What is wrong with a name before anybody looks for it in the settings."""
    where = document.place((*SPACE, name))
    section, _, rest = name.partition(".")
    if section not in SECTIONS or not rest:
        return SettingsError(
            f"`{name}` cannot be tuned.",
            where=where,
            expected="the path of a setting below `model` or `training`, such as training.learning_rate",
            fix=choice(section, SECTIONS) if rest else "write the path in one word: training.learning_rate: [...]",
        )
    if name == "training.epochs":
        return SettingsError(
            f"`{name}` cannot be tuned.",
            where=where,
            expected="`tuning.epochs` for the length of a trial",
            fix="let `training.early_stopping` find how many epochs do good",
        )
    for whole in tuning.space:
        if name.startswith(f"{whole}."):
            return SettingsError(
                f"`{name}` is a part of `{whole}`, which is tuned as a whole.",
                where=where,
                fix="leave one of the two out",
            )
    return None


def _refused(
    name: str, parameter: ParameterSettings, algorithm: str, data: Mapping[str, Any], document: Document
) -> SettingsError | None:
    """The first problem with what a setting is to be tried with."""
    place = (*SPACE, name)
    ends = {end: getattr(parameter, end) for end in ("low", "high") if not parameter.values}
    taken: Any = None
    for value in (*ends.values(), *parameter.listed):
        try:
            trial = _Trial(placed(data, {name: value}), document.name, where=document.place(place))
            taken = value_at(validate(trial), name)
        except LookupError as error:
            return SettingsError(f"`{name}` is not a setting.", where=document.place(place), received=str(error))
        except SettingsError as error:
            return error
    if ends and (isinstance(taken, bool) or not isinstance(taken, int | float)):
        return SettingsError(
            f"`{name}` holds no number.",
            where=document.place(place),
            expected="a list of values to choose from",
            received=f"a range from {parameter.low} to {parameter.high}",
        )
    if algorithm == "grid" and not parameter.listed and (isinstance(taken, float) or parameter.scale == "log"):
        return SettingsError(
            f"A grid cannot try every number of `{name}`.",
            where=document.place(place),
            expected="a `step`, or a list of values",
            received=f"a range from {parameter.low} to {parameter.high}",
        )
    return None
