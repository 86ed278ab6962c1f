"""User code enters by dotted name: `package.module:function`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from schema.errors import SettingsError


def split_name(name: str, setting: str) -> tuple[str, str]:
    """Splits `package.module:function`.

    Args:
      name: the dotted name.
      setting: where in the settings it stands, for the message.

    Returns:
      Module and function name.

    Raises:
      SettingsError: if the name has another form.
    """
    module, _, function = name.partition(":")
    if not module or not function:
        raise SettingsError(
            "A function is named by module and function.",
            where=setting,
            expected="package.module:function",
            received=name,
        )
    return module, function


def load_function(name: str, setting: str) -> Callable[..., Any]:
    """Imports the function behind a dotted name.

    Args:
      name: `package.module:function`; the module must be importable.
      setting: where in the settings it stands, for the message.

    Returns:
      The function.

    Raises:
      SettingsError: if the module cannot be imported or has no such function.
    """
    module, function = split_name(name, setting)
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            "A function that the settings name cannot be loaded.",
            where=setting,
            expected="an importable package.module:function (modules beside the settings file are found)",
            received=f"{name} ({error})",
        ) from error
