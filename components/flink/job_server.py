"""Starts Beam's job server, which hands pipelines to Flink: one process of Java for all pipelines of this one."""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from apache_beam.runners.portability import job_server
from apache_beam.utils.subprocess_server import JavaHelper

from components.flink.cluster import flink_version
from components.flink.jar import job_server as find_jar
from schema.errors import HeadgateError

JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""It translates pipelines and then waits: a plain collector and a light compiler start it sooner."""

SECONDS = 60
"""Until it must listen."""

PR_SET_PDEATHSIG = 1
"""Of `prctl(2)`: the signal that a process gets when the one that started it ends."""


def java() -> str:
    """The Java program.

    Raises:
      HeadgateError: there is none.
    """
    program = JavaHelper.get_java()
    if not shutil.which(program):
        raise HeadgateError(
            "Beam's job server for Flink needs Java, and there is none.",
            where="JAVA_HOME" if os.environ.get("JAVA_HOME") else "PATH",
            expected="Java 11 or later",
            received=program if os.environ.get("JAVA_HOME") else None,
            fix="install it (Debian: apt install openjdk-17-jre-headless), or name a job server that runs elsewhere as "
            "beam.job_endpoint",
        )
    return program


class JobServer(job_server.JobServer):
    """A job server that lives as long as this process, and no longer.

    Args:
      master: HOST:PORT of the Flink cluster.
      jar: the server; None to take the one that Beam publishes.
    """

    def __init__(self, master: str, jar: Path | None) -> None:
        self._master = master
        self._jar = jar
        self._process: subprocess.Popen[bytes] | None = None
        self._stub: Any = None

    def start(self) -> Any:
        """Starts it if it does not run; returns the stub of its service.

        Raises:
          HeadgateError: the cluster does not answer, there is no Java or no jar that fits, or the server broke down.
        """
        flink = flink_version(self._master)
        if self._process is None or self._process.poll() is not None:
            self._stub = self._launch([java(), *JVM, "-jar", str(find_jar(flink, self._jar))])
        return self._stub

    def stop(self) -> None:
        """Ends it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _launch(self, command: list[str]) -> Any:
        folder = tempfile.TemporaryDirectory(prefix="headgate-flink-")
        port = _free_port()
        options = {
            "flink-master": self._master,
            "artifacts-dir": folder.name,
            "job-host": "127.0.0.1",
            "job-port": port,
        }
        command += [word for name, value in options.items() for word in (f"--{name}", str(value))]
        # What it says goes where this process' own noise goes: to the run's log.
        self._process = subprocess.Popen(
            [*command, "--artifact-port", "0", "--expansion-port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=2,
            # Ctrl-C is this process' to handle: it cancels the job first, for which it needs the server.
            start_new_session=True,
            preexec_fn=_end_with_the_parent,
        )
        atexit.register(folder.cleanup)
        atexit.register(self.stop)
        self._wait(port, command)
        return job_server.ExternalJobServer(f"127.0.0.1:{port}", SECONDS).start()

    def _wait(self, port: int, command: list[str]) -> None:
        assert self._process is not None  # noqa: S101  for mypy
        end = time.monotonic() + SECONDS
        while self._process.poll() is None and time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.1)
        self.stop()
        raise HeadgateError(
            "Beam's job server did not start.",
            where=" ".join(command),
            expected=f"that it listens within {SECONDS} seconds",
            received=f"exit code {self._process.returncode}",
            fix="what it said is at the end of the run's log",
        )


def _end_with_the_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
