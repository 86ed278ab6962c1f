"""Settings of the spans that `headgate data make` writes, from its options."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from data.source import Source
from pipeline.document import Document, override
from pipeline.problems import one_error, translate
from schema.errors import SettingsError
from schema.section import Section


def span_settings(
    source: Source, spans: int, given: Mapping[str, Any], assignments: Sequence[str], name: str
) -> list[Section]:
    """The settings of each span.

    Args:
      source: the data set.
      spans: how many.
      given: values by setting, the same for every span.
      assignments: `KEY=VALUE`, which win over `given`; with `KEY=VALUE,VALUE,...` each span has its own.
      name: of the command, for messages.

    Raises:
      SettingsError: there is no such setting, or a value cannot be used.
    """
    values = [_of_each_span(text, spans) for text in assignments]
    return [_settings(source, given, [each[span] for each in values], name) for span in range(spans)]


def _of_each_span(text: str, spans: int) -> list[str]:
    key, equals, value = text.partition("=")
    values = value.split(",")
    if len(values) == 1:
        return [text] * spans
    if len(values) != spans:
        raise SettingsError(
            f"`{key}` has a value for some of the spans.",
            where=f"--set {text}",
            expected=f"one value, or {spans}: one for each span",
            received=f"{len(values)} values",
        )
    return [f"{key}{equals}{each.strip()}" for each in values]


def _settings(source: Source, given: Mapping[str, Any], assignments: list[str], name: str) -> Section:
    document = override(Document(dict(given), name), assignments)
    try:
        return source.settings.model_validate_json(json.dumps(document.data, default=str))
    except ValidationError as error:
        raise one_error(translate(error, document, source.settings), name) from None
