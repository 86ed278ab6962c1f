"""Fills in `data.path` where the settings name a source: a data set that ships with Headgate, or a generator."""

from __future__ import annotations

import glob
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pipeline.own_functions import require_functions
from pipeline.settings import PipelineSettings
from pipeline.settings_file import Loaded

_FEW = 10
"""How many images of a generator are enough for a check."""


class Located(NamedTuple):
    """Settings whose data lie somewhere.

    Attributes:
      settings: `data.path` filled in.
      notes: what whoever runs on these data must know.
    """

    settings: PipelineSettings
    notes: tuple[str, ...] = ()


def locate(
    loaded: Loaded,
    place: Callable[[str], Path],
    *,
    few: bool = False,
    fresh: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> Located:
    """Puts the data set that `data.source` names where `place` says, unless `data.path` is given.

    Args:
      loaded: the settings.
      place: the folder for a data set, by name.
      few: a few rows will do, where the data set is made.
      fresh: run a generator though its images are there.
      tell: told what takes a while.

    Raises:
      SettingsError: there is no such data set, or no such function.
      DataError: a generator yields what is no image with a label.
      HeadgateError: a generator failed.
    """
    require_functions(loaded)
    settings, name = loaded.settings, str(loaded.settings.data.source)
    note = ""
    if settings.data.path is not None:
        return Located(settings)
    if ":" in name:
        path = _generated(name, place(f"{settings.name}-{name.replace(':', '.')}"), few, fresh, tell)
    else:
        from data.sources import materialise

        path, note = materialise(name, place(name), few=few)
    data = settings.data.model_copy(update={"path": path})
    return Located(settings.model_copy(update={"data": data}), (note,) if note else ())


def _generated(name: str, place: Path, few: bool, fresh: bool, tell: Callable[[str], None]) -> str:
    """The pattern of a generator's images, made once for each version of its code; earlier ones are removed."""
    from components.dotted import load_function
    from components.fingerprint import code_fingerprint, user_modules
    from data import generator
    from data.files import write_once

    folder = place / code_fingerprint(*user_modules([name]))[:16]
    if fresh or not folder.exists():
        tell(f"collecting images from {name}")
        shutil.rmtree(place, ignore_errors=True)
        function = load_function(name, "data.source")
        write_once(folder, partial(generator.write, function, name, most=_FEW if few else None))
    return f"{glob.escape(str(folder))}/part-*.npz"
