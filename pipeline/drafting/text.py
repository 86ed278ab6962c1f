"""Values and names as they stand in a settings file."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from schema.remote.addresses import is_remote, told


def flow(value: object) -> str:
    """A value as YAML on one line; quoted where a reader could take it for something else."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    plain = isinstance(value, str) and re.fullmatch(r"[A-Za-z_./][A-Za-z0-9_./-]*", value)
    return (
        str(value)
        if plain and str(value).lower() not in ("null", "true", "false", "yes", "no", "y", "n", "on", "off", "~")
        else json.dumps(value, ensure_ascii=False)
    )


def one_line(text: str) -> str:
    """At most a hundred characters of a text, without line ends."""
    return " ".join(text.split())[:100]


def pipeline_name(data: Path) -> str:
    """A pipeline's name made of a file's or folder's."""
    name = re.sub(r"[^a-z0-9_-]+", "_", data.resolve().name.lower().partition(".")[0]).strip("_-")
    return name if name[:1].isalpha() else f"pipeline_{name}".rstrip("_")


def path_from(output: Path, data: Path) -> str:
    """The data's path as seen from a settings file: relative where they lie near each other."""
    address = told(str(data))
    if is_remote(address):
        return address
    path = os.path.relpath(data.resolve(), output.resolve().parent)
    return str(data.resolve()) if path.count("..") > 2 else path
