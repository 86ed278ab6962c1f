"""Loads a pipeline's settings: a preset or a YAML file, and overrides from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.models.settings import IMAGENET
from pipeline.document import Document, dump, override, parse
from pipeline.problems import choice, one_error
from pipeline.search_space import by_path, space_problems
from pipeline.settings import PipelineSettings
from pipeline.validation import validate
from schema.errors import SettingsError
from schema.remote.addresses import is_remote

PRESETS = Path(__file__).parent / "presets"
PATHS = (
    ("artifacts",),
    ("data", "path"),
    ("data", "root"),
    ("schema", "path"),
    ("model", "weights"),
    ("release", "directory"),
    ("alerts", "webhook", "url_file"),
    ("beam", "job_server_jar"),
    ("beam", "prism"),
    ("metadata", "password_file"),
)
"""Settings that are paths."""


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
    written = parse(_read(path), f"preset {pipeline}" if preset else pipeline)
    document = by_path(override(written, list(overrides)))
    _make_absolute(document, base)
    settings = validate(document)
    problems = list(space_problems(settings, document))
    if problems:
        raise one_error(problems, document.name)
    plain = settings.model_dump(mode="json", by_alias=True)
    text = dump(plain)
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


def _stays(value: str) -> bool:
    return value == IMAGENET or is_remote(value)


def _make_absolute(document: Document, base: Path) -> None:
    """Relative paths start at the file's folder; those of `--set` at the current one, where it was typed."""
    for path in PATHS:
        values: Any = document.data
        for section in path[:-1]:
            values = values.get(section) if isinstance(values, dict) else None
        key = path[-1]
        if isinstance(values, dict) and isinstance(values.get(key), str) and not _stays(values[key]):
            typed = any(path[:length] in document.overrides for length in range(1, len(path) + 1))
            values[key] = str((Path.cwd() if typed else base) / Path(values[key]).expanduser())
