"""Hands an alert to a program."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence

from pipeline.alerts.secret import UndeliverableError


def run(command: Sequence[str], body: bytes, seconds: float) -> None:
    """Runs a program with the alert on its standard input. What it prints goes nowhere: it may be secret.

    Args:
      command: the program and its arguments.
      body: the JSON.
      seconds: until it is ended, with all that it started.

    Raises:
      UndeliverableError: it cannot be started, fails, or does not end in time.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise UndeliverableError(f"it cannot be started: {error.strerror}") from None
    try:
        process.communicate(body, timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise UndeliverableError(f"it did not end within {seconds:g} s") from None
    if process.returncode:
        raise UndeliverableError(f"it ended with exit code {process.returncode}")
