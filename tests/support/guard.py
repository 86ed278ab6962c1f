"""A program that runs another one, and ends it and all that came of it when its own standard input closes.

    python tests/support/guard.py COMMAND...

Whoever started it holds the other end of that pipe: if it dies, however suddenly, nothing is left running. Processes
that moved to a session or group of their own are found too, since orphans become the guard's children.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
"""Of `prctl(2)`: orphans below this process become its children."""


def main(command: list[str]) -> None:
    """Runs the command until standard input closes."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.SIG_IGN)
    subprocess.Popen(command, stdin=subprocess.DEVNULL)
    sys.stdin.buffer.read()
    while children := Path("/proc/thread-self/children").read_text(encoding="ascii").split():
        for child in children:
            os.kill(int(child), signal.SIGKILL)
            os.waitpid(int(child), 0)  # its own children are ours now


if __name__ == "__main__":
    main(sys.argv[1:])
