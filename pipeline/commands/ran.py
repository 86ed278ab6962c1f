"""Which pipeline a command that looks back is about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from schema.errors import HeadgateError, SettingsError

if TYPE_CHECKING:
    from pipeline.history import History
    from pipeline.workspace import Workspace


def ran_pipeline(history: History, workspace: Workspace, given: str | None) -> str:
    """The name of a pipeline that ran in a workspace.

    Args:
      history: the workspace's.
      workspace: the workspace.
      given: a name, or a settings file with one; None for the pipeline of the latest run.

    Raises:
      SettingsError: no such pipeline ran here, or none at all.
      HeadgateError: none was given, and the database cannot tell.
    """
    name = _name(given) if given else None
    try:
        ran = history.pipelines()
    except HeadgateError:
        if name is None:
            raise
        return name
    if not ran:
        raise SettingsError("No pipeline ran here yet.", where=str(workspace.root), fix="start a run: headgate run")
    if name is None:
        return ran[0]
    if name not in ran:
        from pipeline.problems import choice

        raise SettingsError(
            f"No pipeline `{name}` ran here.",
            where=str(workspace.root),
            expected=f"one of {', '.join(ran)}",
            received=name,
            fix=choice(name, ran),
        )
    return name


def _name(given: str) -> str:
    if Path(given).suffix not in (".yaml", ".yml"):
        return given
    from pipeline.settings_file import load

    return load(given, []).settings.name
