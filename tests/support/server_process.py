"""A server that tests start: on loopback, as an ordinary user, gone when the tests are, however they end."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
"""Of `prctl(2)`: the signal that a process gets when the one that started it ends."""


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def own_folder(name: str, user: str) -> Path:
    """A new folder that belongs to `user` if we are root: pytest's own may be read by us alone."""
    folder = Path(tempfile.mkdtemp(prefix=f"headgate-{name}-"))
    if os.geteuid() == 0:
        shutil.chown(folder, user, pwd.getpwnam(user).pw_gid)
    return folder


def as_user(user: str, command: Sequence[str | Path]) -> list[str]:
    """The command, as `user` if we are root: database servers refuse to run as root."""
    words = [str(word) for word in command]
    return ["runuser", "-u", user, "--", *words] if os.geteuid() == 0 else words


class ServerProcess:
    """A server's process and its children.

    Linux ends it with the thread that made it, so make it in the main thread.

    Args:
      command: its command line; it stays in the foreground.
      user: runs it if we are root.
      folder: its current folder, with the log of what it says.
      last: the signal that ends it at once.
    """

    def __init__(
        self, command: Sequence[str | Path], user: str, folder: Path, last: signal.Signals = signal.SIGKILL
    ) -> None:
        account = {"user": user, "group": pwd.getpwnam(user).pw_gid} if os.geteuid() == 0 else {}
        self._log = folder / "server.log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                # Called after the change of user, which would take the wish back.
                preexec_fn=lambda: ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, last),
                **account,
            )

    def wait_until(self, ready: Callable[[], bool], seconds: float = 60) -> None:
        """Waits until it answers.

        Raises:
          RuntimeError: it ended, or did not answer in time; with the end of its log.
        """
        end = time.monotonic() + seconds
        while not ready():
            if self._process.poll() is not None or time.monotonic() > end:
                said = self._log.read_text(errors="replace")[-2000:]
                self.stop()
                raise RuntimeError(f"The server did not start:\n{said}")
            time.sleep(0.05)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the server and all its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Ends the server and all its children; by SIGKILL if the signal does not do it in ten seconds."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
        self.send(signal.SIGKILL)
        self._process.wait()
