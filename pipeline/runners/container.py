"""A pipeline's settings as they hold in a container of the image that `deploy/Dockerfile` builds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.models.settings import IMAGENET
from pipeline.document import dump, parse
from pipeline.settings_file import PATHS, Loaded
from pipeline.validation import validate
from schema.curation import curated_path
from schema.errors import SettingsError

ROOT = Path(__file__).resolve().parents[2]
"""Headgate's own files on this machine."""

IMAGE_ROOT = Path("/opt/headgate")
"""Headgate's own files in the image."""

IMAGE_BASE = Path("/pipelines")
"""Where an image built on ours holds the settings file's folder: schemas, weights, code of the user's own."""

OF_THE_IMAGE = (("schema", "path"), ("model", "weights"))
"""Settings that name files which may lie in the image; data and secrets do not."""


def in_container(loaded: Loaded, workspace: Path) -> str:
    """The settings with paths that a container finds.

    Args:
      loaded: the settings of this machine.
      workspace: where containers find the workspace.

    Returns:
      The settings as YAML, every default written out.

    Raises:
      SettingsError: they name a file or folder that no container has.
    """
    data = loaded.settings.model_dump(mode="json", by_alias=True)
    schema = curated_path(loaded.settings.schema_, loaded.settings.name, loaded.file)
    if schema:
        data["schema"]["path"] = str(schema.absolute())
    for path in PATHS:
        section = _section(data, path)
        value = section.get(path[-1]) if isinstance(section, dict) else None
        if isinstance(value, str) and value != IMAGENET and "://" not in value:
            section[path[-1]] = _place(path, Path(value), loaded.base, workspace)
    document = parse(dump(data), loaded.document.name)
    validate(document)
    return dump(data)


def _section(data: Any, path: tuple[str, ...]) -> Any:
    for key in path[:-1]:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _place(path: tuple[str, ...], value: Path, base: Path, workspace: Path) -> str:
    """Where a container finds a file of this machine."""
    if value.is_relative_to(workspace):
        return str(value)
    if path in OF_THE_IMAGE:
        for here, there in ((ROOT, IMAGE_ROOT), (base, IMAGE_BASE)):
            if value.is_relative_to(here):
                return str(there / value.relative_to(here))
    among = f", or beside the settings, in the image's {IMAGE_BASE}" if path in OF_THE_IMAGE else ""
    raise SettingsError(
        f"`{'.'.join(path)}` names a place on this machine, which a cluster does not have.",
        where=f"{'.'.join(path)}: {value}",
        expected=f"a remote path such as s3://BUCKET/FOLDER, a path in the cluster's workspace {workspace}{among}",
    )
