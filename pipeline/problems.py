"""Turns what pydantic finds wrong with settings into errors that a reader of the file can act on."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.document import Document, Path, describe
from schema.errors import SettingsError

MOST = 10
"""How many problems of one file are told at once."""

_EXPECTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "model_type": "a mapping (`key: value` lines)",
    "dict_type": "a mapping (`key: value` lines)",
    "tuple_type": "a list, such as [a, b]",
    "list_type": "a list, such as [a, b]",
}
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


class SettingsErrors(SettingsError):  # noqa: N818
    """Several errors of one file, told together.

    Attributes:
      problems: each of them.
    """

    def __init__(self, what: str, problems: Sequence[SettingsError]) -> None:
        super().__init__(what)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join([self.what, *(f"\n{problem}" for problem in self.problems[:MOST])])


def one_error(problems: Sequence[SettingsError], name: str) -> SettingsError:
    """All of `problems` (one or more) as a single error; `name` is the file's."""
    if len(problems) == 1:
        return problems[0]
    first = f"; the first {MOST}" if len(problems) > MOST else ""
    return SettingsErrors(f"{len(problems)} problems in {name}{first}:", problems)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that `name` was probably meant to be."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return close[0] if close else None


def choice(name: str, names: Iterable[str]) -> str | None:
    """A fix that names the nearest valid name."""
    close = nearest(name, names)
    return f"did you mean `{close}`?" if close else None


def translate(error: ValidationError, document: Document, model: type[BaseModel]) -> list[SettingsError]:
    """Problems, one for each value that is wrong, in the order of the file's sections.

    Args:
      error: what pydantic raised for `document.data`.
      document: the settings and their places.
      model: the model that was asked to take them.
    """
    groups: dict[tuple[Path, str], list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        path, inside = _path(detail, document.data)
        # The members of a union fail one by one at the same place: told as one problem.
        kind = detail["type"] if detail["type"] in ("missing", "extra_forbidden", "value_error") else "value"
        groups.setdefault((path, kind if inside else "key"), []).append(detail)
    return [_problem(path, details, document, model) for (path, _), details in groups.items()]


def _path(detail: ErrorDetails, data: Any) -> tuple[Path, bool]:
    """The error's path in the document, and whether it is about a value (not about a mapping's key).

    pydantic's own path holds union members and `[key]` besides; these are not in the data and left out.
    """
    location, path = detail["loc"], []
    for part in location:
        if isinstance(data, dict):
            match = next((key for key in data if str(key) == str(part)), None)
            if match is None:
                continue
            data = data[match]
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            continue
        path.append(str(part))
    if detail["type"] == "missing":
        path.append(str(location[-1]))
    if detail["type"].startswith("union_tag"):
        path.append(detail["ctx"]["discriminator"].strip("'"))
    return tuple(path), location[-1:] != ("[key]",)


def _problem(path: Path, details: list[ErrorDetails], document: Document, model: type[BaseModel]) -> SettingsError:
    detail = details[0]
    dotted = ".".join(path)
    if detail["type"] == "extra_forbidden":
        names = _names(model, path[:-1], detail["loc"])
        return SettingsError(
            f"`{dotted}` is not a setting.",
            where=document.place(path),
            expected=f"one of {', '.join(names)}",
            received=path[-1],
            fix=choice(path[-1], names),
        )
    if detail["type"] in ("missing", "union_tag_not_found"):
        return SettingsError(
            f"`{dotted}` is missing.", where=document.place(path[:-1]), fix=f"give a value for `{path[-1]}`"
        )
    if detail["type"] == "value_error":
        return _sentence(str(detail["ctx"]["error"]), path, document)
    expected = " or ".join(dict.fromkeys(_expected(each) for each in details))
    received = path[-1] if detail["loc"][-1:] == ("[key]",) else detail.get("ctx", {}).get("tag", detail["input"])
    return SettingsError(
        f"`{dotted}` cannot be used as it is." if path else "The settings cannot be used as they are.",
        where=document.place(path),
        expected=expected,
        received=describe(received),
        fix=choice(str(received), [name for each in details for name in _choices(each)]),
    )


def _expected(detail: ErrorDetails) -> str:
    """What one of pydantic's errors asks for, in words."""
    if detail["type"] in _EXPECTED:
        return _EXPECTED[detail["type"]]
    context = detail.get("ctx", {})
    if detail["type"] in ("literal_error", "union_tag_invalid"):
        return ", ".join(_choices(detail))
    if detail["type"] == "string_pattern_mismatch":
        return f"text of the form {context['pattern']}"
    unit = "characters" if detail["type"].startswith("string") else "entries"
    if detail["type"] in ("too_short", "string_too_short"):
        return f"{context['min_length']} or more {unit}"
    if detail["type"] in ("too_long", "string_too_long"):
        return f"{context['max_length']} or fewer {unit}"
    bounds = [f"{words} {context[key]:g}" for key, words in _BOUNDS.items() if key in context]
    return bounds[0] if bounds else detail["msg"].removeprefix("Input should be ").split(",")[0]


def _choices(detail: ErrorDetails) -> list[str]:
    context = detail.get("ctx", {})
    return re.findall(r"'([^']*)'", context.get("expected", context.get("expected_tags", "")))


def _sentence(message: str, path: Path, document: Document) -> SettingsError:
    """An error that a settings model words itself, such as ``slice `day`: ...``, with the place it is about."""
    about = re.match(r"([a-z_]+(?:\.[a-z0-9_]+)+): ", message)
    if about:
        path = tuple(about[1].split("."))
        message = message[about.end() :]
    message, _, received = message.partition("; received ")
    dotted = ".".join(path)
    return SettingsError(
        f"`{dotted}`: {message}." if dotted else f"{message[:1].upper()}{message[1:]}.",
        where=document.place(_culprit(document, path, re.findall(r"`([^`]+)`", message))),
        received=received or None,
    )


def _culprit(document: Document, below: Path, names: list[str]) -> Path:
    """The path below `below` that an error about `names` is best shown at.

    An override that has one of the names in it, since it was typed last; else the key least deep that is one of
    them; else `below` itself.
    """
    for path, text in document.overrides.items():
        if path[: len(below)] == below and any(re.search(rf"\b{re.escape(name)}\b", text) for name in names):
            return path
    for name in names:
        keys = [path for path in document.lines if path[: len(below)] == below and path[len(below) :][-1:] == (name,)]
        if keys:
            return min(keys, key=len)
    return below


def _names(model: type[BaseModel], path: Path, tags: Iterable[object]) -> list[str]:
    """Names of the settings in the section at `path`; `tags` choose among the members of a union."""
    annotation: Any = model
    for part in path:
        annotation = _inside(annotation, part, tags)
    owner = _model(annotation, tags)
    return [field.alias or name for name, field in owner.model_fields.items()] if owner else []


def _inside(annotation: Any, part: str, tags: Iterable[object]) -> Any:
    owner = _model(annotation, tags)
    if owner:
        fields = {field.alias or name: field for name, field in owner.model_fields.items()}
        return fields[part].annotation if part in fields else None
    for each in _members(annotation):
        arguments = get_args(each)
        if get_origin(each) is dict:
            return arguments[1]
        if get_origin(each) in (tuple, list):
            return arguments[0]
    return None


def _model(annotation: Any, tags: Iterable[object]) -> type[BaseModel] | None:
    models = [each for each in _members(annotation) if isinstance(each, type) and issubclass(each, BaseModel)]
    tagged = (each for each in models if not _literals(each).isdisjoint(tags))
    return next(tagged, models[0] if models else None)


def _literals(model: type[BaseModel]) -> set[object]:
    """Values that a model's fields are confined to, such as the tag that tells it from other members of a union."""
    annotations = (field.annotation for field in model.model_fields.values())
    return {value for each in annotations if get_origin(each) is Literal for value in get_args(each)}


def _members(annotation: Any) -> list[Any]:
    """The types that an annotation allows: unions taken apart, `Annotated` unwrapped."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [member for each in get_args(annotation) for member in _members(each)]
    return [annotation]
