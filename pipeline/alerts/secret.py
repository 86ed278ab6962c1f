"""Secrets: read where they stand, handed to their receiver, and told to nobody else."""

from __future__ import annotations

import os
import stat
from pathlib import Path


class UndeliverableError(Exception):
    """Why an alert was not delivered, in words that hold no secret."""


def from_environment(variable: str) -> str:
    """The value of an environment variable.

    Raises:
      UndeliverableError: it is not set, or empty.
    """
    value = os.environ.get(variable, "").strip()
    if not value:
        raise UndeliverableError(f"the environment variable {variable} is not set")
    return value


def from_file(path: Path) -> str:
    """The content of a file, without white space around it.

    Raises:
      UndeliverableError: it cannot be read, is empty, or others than its owner may read it.
    """
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise UndeliverableError(f"others may read {path}: chmod 600 {path}")
            value = file.read().strip()
    except OSError as error:
        raise UndeliverableError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UndeliverableError(f"{path} is no text") from None
    if not value:
        raise UndeliverableError(f"{path} is empty")
    return value
