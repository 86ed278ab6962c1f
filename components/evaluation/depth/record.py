"""The file that holds judgement in depth; nothing heavy is imported here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE_NAME = "analysis.json"


def write(analysis: Mapping[str, Any], folder: str) -> None:
    """Writes `analysis.json` into the folder of a ModelBlessing.

    Args:
      analysis: from `Analysis.to_json`.
      folder: made if need be.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    Path(folder, FILE_NAME).write_text(json.dumps(analysis, allow_nan=False), encoding="utf-8")


def read(folder: str | Path) -> dict[str, Any]:
    """The content of `analysis.json`; empty where a blessing of an older Headgate has none."""
    path = Path(folder, FILE_NAME)
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return content
