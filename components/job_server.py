"""A job server of Beam's: the program that takes pipelines from this process to an engine."""

from __future__ import annotations

import atexit
import ctypes
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any

from apache_beam.runners.portability import job_server

from schema.errors import HeadgateError

SECONDS = 60
"""Until it must listen."""

PR_SET_PDEATHSIG = 1
"""Of `prctl(2)`: the signal that a process gets when the one that started it ends."""


class JobServer(job_server.JobServer):
    """A job server that lives as long as this process, and no longer.

    Beam's own outlive a process that is killed.

    Args:
      command: from a free port, that it is to listen on, to its command line.
    """

    def __init__(self, command: Callable[[int], Sequence[str]]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._stub: Any = None

    def start(self) -> Any:
        """Starts it if it does not run; returns the stub of its service.

        Raises:
          HeadgateError: it did not start.
        """
        if self._process is None or self._process.poll() is not None:
            port = _free_port()
            command = self._command(port)
            self._process = _spawn(command)
            atexit.register(self.stop)
            self._wait(self._process, port, command)
            self._stub = job_server.ExternalJobServer(f"127.0.0.1:{port}", SECONDS).start()
        return self._stub

    def stop(self) -> None:
        """Ends it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _wait(self, process: subprocess.Popen[bytes], port: int, command: Sequence[str]) -> None:
        end = time.monotonic() + SECONDS
        while process.poll() is None and time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.1)
        late = process.poll() is None
        self.stop()
        raise HeadgateError(
            "Beam's job server did not start.",
            where=" ".join(command),
            expected=f"that it listens within {SECONDS} seconds",
            received="nothing" if late else f"exit code {process.returncode}",
            fix="what it said is at the end of the run's log",
        )


def _spawn(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        # What it says goes where this process' own noise goes: to the run's log.
        stdout=2,
        # Ctrl-C is this process' to handle.
        start_new_session=True,
        preexec_fn=_end_with_the_parent,
    )


def _end_with_the_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
