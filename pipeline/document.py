"""YAML documents that remember where each value stands, so that a mistake in one can be told by its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from schema.errors import SettingsError

Path = tuple[str, ...]
"""Keys (and list indexes as text) from the top of the document down to a value."""


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2.

    YAML 1.1, PyYAML's own, reads `no` as false, `1e-3` as text and `12:30` as 750.
    """

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


for tag, pattern, first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?(?:0|[1-9][0-9_]*)$", list("-+0123456789")),
    (
        "float",
        r"^(?:[-+]?(?:\.[0-9]+|[0-9][0-9_]*\.?[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        list("-+0123456789."),
    ),
    ("merge", r"^<<$", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), first)


class _Dumper(yaml.SafeDumper):
    """Quotes what the loader would else take for another type: PyYAML's own leaves the text `0E0` bare."""

    yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers


@dataclass(frozen=True)
class Document:
    """Settings as plain data, with the place of each value.

    Attributes:
      data: nested dicts, lists and scalars.
      name: the file's name as the user gave it, or a preset's.
      lines: line number (from 1) of each path.
      overrides: the `--set` argument that set a path, which then wins over its line.
    """

    data: dict[str, Any]
    name: str
    lines: Mapping[Path, int] = field(default_factory=dict, repr=False)
    overrides: Mapping[Path, str] = field(default_factory=dict, repr=False)

    def place(self, path: Path) -> str:
        """Where `path`, or what is nearest above it, was written: `FILE, line 12` or `--set a.b=c`."""
        above = [path[:length] for length in range(len(path), -1, -1)]
        for each in above:
            if each in self.overrides:
                return f"--set {_without_password(self.overrides[each])}"
        if path and path not in self.lines:
            below = (text for each, text in self.overrides.items() if each[: len(path)] == path)
            if text := next(below, None):
                return f"--set {_without_password(text)}"
        line = next((self.lines[each] for each in above if each in self.lines), None)
        return f"{self.name}, line {line}" if line else self.name


def _without_password(text: str) -> str:
    """What was typed, but for a password in a URL."""
    return re.sub(r"(://[^/@:]*):.*@", r"\1:***@", text)


def parse(text: str, name: str) -> Document:
    """Reads a YAML document.

    Args:
      text: the document.
      name: what to call it in errors.

    Raises:
      SettingsError: it is no YAML, no mapping, or a mapping in it has a key twice.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise SettingsError("The settings file is empty.", where=name, fix="start from one of `headgate init DATA`")
        lines: dict[Path, int] = {}
        _walk(node, (), lines, name)
        data = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise SettingsError(
            "The settings file is not valid YAML.",
            where=f"{name}, line {mark.line + 1}, column {mark.column + 1}" if mark else name,
            received=" ".join(part for part in (error.context, error.problem) if part),
            fix="check the indentation, the colons and the quotes there",
        ) from error
    except yaml.YAMLError as error:
        raise SettingsError("The settings file is not valid YAML.", where=name, received=str(error)) from error
    finally:
        loader.dispose()
    if not isinstance(data, dict):
        raise SettingsError(
            "The settings file holds no sections.",
            where=f"{name}, line 1",
            expected="`name: ...`, `data: ...` and so on at the top",
            received=describe(data),
        )
    return Document(data, name, lines)


def dump(data: dict[str, Any]) -> str:
    """The data as YAML that `parse` reads back as they are, keys in their order."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text


def _walk(node: yaml.Node, path: Path, lines: dict[Path, int], name: str) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*path, str(index)), lines, name)
    elif isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise SettingsError(
                    "A key is a single word.", where=f"{name}, line {line}", received="a list or mapping"
                )
            if key.value in seen:
                raise SettingsError(
                    f"`{'.'.join((*path, key.value))}` is given twice.",
                    where=f"{name}, line {line}",
                    received=f"the first one is in line {seen[key.value]}",
                    fix="keep one of the two",
                )
            seen[key.value] = line
            lines[(*path, key.value)] = line
            _walk(value, (*path, key.value), lines, name)


def override(document: Document, assignments: list[str]) -> Document:
    """The document with `a.b=value` assignments applied, each value read as YAML.

    Raises:
      SettingsError: an assignment cannot be read or does not fit the document.
    """
    data = _copy(document.data)
    overrides = dict(document.overrides)
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals or not all(key.split(".")):
            raise SettingsError(
                "An override cannot be read.", where=f"--set {text}", expected="KEY=VALUE, such as training.epochs=5"
            )
        path = tuple(key.split("."))
        _assign(data, path, _value(value, text), text)
        overrides = {old: by for old, by in overrides.items() if old[: len(path)] != path}
        overrides[path] = text
    return Document(data, document.name, document.lines, overrides)


def _value(text: str, assignment: str) -> Any:
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise SettingsError(
            "The value of an override cannot be read.",
            where=f"--set {assignment}",
            expected="a YAML value, such as 5, adam, [a, b] or {min: 0.6}",
            received=text,
            fix="put the whole argument in quotes",
        ) from error


def _assign(data: Any, path: Path, value: Any, assignment: str) -> None:
    for depth, key in enumerate(path):
        last = depth == len(path) - 1
        if isinstance(data, list):
            if not key.isdigit() or int(key) >= len(data):
                raise SettingsError(
                    f"`{'.'.join(path[:depth])}` is a list of {len(data)}.",
                    where=f"--set {assignment}",
                    expected=f"a number from 0 to {len(data) - 1}" if data else "the whole list, such as [a, b]",
                    received=key,
                )
            index: Any = int(key)
        elif isinstance(data, dict):
            # A key that YAML read as a number is found by its text.
            index = next((known for known in data if str(known) == key), key)
        else:
            raise SettingsError(
                f"`{'.'.join(path[:depth])}` holds {describe(data)}, nothing can be set inside it.",
                where=f"--set {assignment}",
            )
        if last:
            data[index] = value
        else:
            if isinstance(data, dict) and data.get(index) is None:
                data[index] = {}
            data = data[index]


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def describe(value: Any) -> str:
    """A value as a reader of the file would name it, cut to a line."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return f"a mapping with {', '.join(map(str, list(value)[:5])) or 'nothing in it'}"
    if isinstance(value, list):
        return "a list with nothing in it" if not value else f"a list, {str(value)[:60]}"
    text = str(value)
    shown = text if len(text) <= 60 else text[:57] + "..."
    return f"the text `{shown}`" if isinstance(value, str) else shown
