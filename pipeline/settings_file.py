"""Loads a pipeline's settings: a preset or a YAML file, and overrides from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from components.models.settings import IMAGENET
from pipeline.document import Document, describe, override, parse
from pipeline.problems import choice, one_error, translate
from pipeline.settings import PipelineSettings
from schema.errors import SettingsError

PRESETS = Path(__file__).parent / "presets"
_PATHS = (("data", "path"), ("data", "root"), ("schema", "path"), ("model", "weights"))


@dataclass(frozen=True)
class Loaded:
    """Settings that passed every check that can be made without looking at data.

    Attributes:
      settings: typed, with relative paths made absolute.
      text: the same as YAML, every default written out.
      base: folder that relative paths start from: the settings file's, or for a preset the current one.
      file: the settings file; None for a preset, which ships with Headgate.
      document: the file as it was written, for telling later problems by their line.
    """

    settings: PipelineSettings
    text: str
    base: Path
    file: Path | None
    document: Document = field(repr=False, compare=False)

    @property
    def preset(self) -> bool:
        """Whether these are settings that ship with Headgate."""
        return self.file is None


def presets() -> list[str]:
    """Names of the pipelines that ship with Headgate."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def load(pipeline: str, overrides: Sequence[str] = ()) -> Loaded:
    """Reads and checks the settings of `pipeline`.

    Args:
      pipeline: a preset's name, or the path of a YAML file.
      overrides: `a.b=value` assignments that win over the file; values are YAML.

    Raises:
      SettingsError: anything that is wrong, all of it at once, by file and line.
    """
    path, preset = _find(pipeline)
    base = Path.cwd() if preset else path.resolve().parent
    document = override(parse(_read(path), f"preset {pipeline}" if preset else pipeline), list(overrides))
    _make_absolute(document, base)
    settings = _validate(document)
    plain = settings.model_dump(mode="json", by_alias=True)
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
    return Loaded(settings, text, base, None if preset else path.resolve(), document)


def _find(pipeline: str) -> tuple[Path, bool]:
    if pipeline in presets():
        return PRESETS / f"{pipeline}.yaml", True
    path = Path(pipeline).expanduser()
    if path.is_file():
        return path, False
    nearby = [str(each) for suffix in ("*.yaml", "*.yml") for each in path.parent.glob(suffix)]
    raise SettingsError(
        f"There is no pipeline `{pipeline}`.",
        expected=f"a YAML file, or one of the presets {', '.join(presets())}",
        received="a folder" if path.is_dir() else "neither a file nor a preset of that name",
        fix=choice(pipeline, [*presets(), *nearby]) or "draft a file from your data: headgate init DATA.csv",
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(
            "The settings file is not UTF-8 text.", where=f"{path}, byte {error.start}", fix="save it as UTF-8"
        ) from error
    except OSError as error:
        raise SettingsError("The settings file cannot be read.", where=str(path), received=error.strerror) from error


def _make_absolute(document: Document, base: Path) -> None:
    """Relative paths start at the file's folder; those of `--set` at the current one, where it was typed."""
    for section, key in _PATHS:
        values = document.data.get(section)
        if isinstance(values, dict) and isinstance(values.get(key), str) and values[key] != IMAGENET:
            typed = any(path in document.overrides for path in ((section,), (section, key)))
            values[key] = str((Path.cwd() if typed else base) / Path(values[key]).expanduser())


def _validate(document: Document) -> PipelineSettings:
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
