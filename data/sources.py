"""The data sets that ship with Headgate, by the name that `data.source` in a settings file gives them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path

from data import classification, taxi
from schema.errors import SettingsError

Source = Callable[[Path], str]
"""Takes a folder that it may write to, and returns the path or pattern of its files."""

SOURCES: Mapping[str, Source] = {"classification": classification.source, "taxi": taxi.source}


def materialise(name: str, directory: Path) -> str:
    """Puts the data source called `name` into `directory`, unless it is there already.

    Returns:
      The path or pattern of its files, as `data.path` takes it.

    Raises:
      SettingsError: there is no such source.
    """
    if name in SOURCES:
        return SOURCES[name](directory)
    close = difflib.get_close_matches(name, SOURCES, n=1)
    raise SettingsError(
        f"`{name}` is no data source.",
        where="data.source",
        expected=", ".join(SOURCES),
        received=name,
        fix=f"did you mean `{close[0]}`?" if close else "give the path of your own files as data.path",
    )
