"""Turns a document into settings, or tells everything that is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from pipeline.document import Document, describe
from pipeline.problems import one_error, translate
from pipeline.settings import PipelineSettings
from schema.errors import SettingsError


def validate(document: Document) -> PipelineSettings:
    """The settings of a document.

    Raises:
      SettingsError: the values that are wrong, all of them at once, each with its place.
    """
    try:
        # As JSON, since YAML's keys may be numbers where the settings have text, such as class labels.
        settings = PipelineSettings.model_validate_json(json.dumps(document.data, default=str))
    except ValidationError as error:
        raise one_error(translate(error, document, PipelineSettings), document.name) from None
    problems = list(_coerced(document.data, settings.model_dump(by_alias=True), (), document))
    if problems:
        raise one_error(problems, document.name)
    return settings


def _coerced(raw: Any, typed: Any, path: tuple[str, ...], document: Document) -> Iterator[SettingsError]:
    """Values that pydantic took for another type than they were written as: "5" for 5, true for 1."""
    if isinstance(raw, dict) and isinstance(typed, dict):
        by_name = {str(key): value for key, value in typed.items()}
        for key, value in raw.items():
            yield from _coerced(value, by_name.get(str(key)), (*path, str(key)), document)
    elif isinstance(raw, list) and isinstance(typed, tuple):
        for index, (value, other) in enumerate(zip(raw, typed, strict=False)):
            yield from _coerced(value, other, (*path, str(index)), document)
    elif isinstance(raw, bool | str) and isinstance(typed, bool | int | float) and type(raw) is not type(typed):
        yield SettingsError(
            f"`{'.'.join(path)}` cannot be used as it is.",
            where=document.place(path),
            expected="true or false" if isinstance(typed, bool) else "a number",
            received=describe(raw),
            fix="write it without quotes" if isinstance(raw, str) else None,
        )
