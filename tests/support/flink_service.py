"""A Flink cluster of one JobManager and two TaskManagers, each in a process of its own on this machine."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import yaml

ROOT = Path(__file__).resolve().parents[2]
UV = shutil.which("uv") or str(ROOT / ".cache/uv/bin/uv")
"""Where there is none, scripts/setup installs one."""

VERSION = "1.19"
LIBRARIES = "apache-flink-libraries==1.19.3"
HOME = ROOT / f".cache/flink-{VERSION}"
"""Flink itself, and the job server that drives it."""
JOB_SERVER = HOME / f"flink-job-server-{VERSION}.jar"

OPENS = (
    *("java.base/sun.net.util", "java.base/java.lang", "java.base/java.lang.reflect", "java.base/java.net"),
    *("java.base/java.io", "java.base/java.nio", "java.base/java.text", "java.base/java.time", "java.base/java.util"),
    *("java.base/java.util.concurrent", "java.base/java.util.concurrent.atomic"),
    *("java.base/java.util.concurrent.locks", "java.base/sun.nio.ch", "java.rmi/sun.rmi.registry"),
)
"""Packages of Java 17 that Flink 1.19 reaches into, as its own configuration opens them."""

SETTINGS: dict[str, Any] = {
    "jobmanager.rpc.address": "127.0.0.1",
    "jobmanager.bind-host": "127.0.0.1",
    "rest.address": "127.0.0.1",
    "rest.bind-address": "127.0.0.1",
    "taskmanager.host": "127.0.0.1",
    "taskmanager.bind-host": "127.0.0.1",
    # Two parts on two machines; one machine can hold both when the other is lost.
    "parallelism.default": 2,
    "taskmanager.numberOfTaskSlots": 2,
    "taskmanager.load-balance.mode": "SLOTS",
    # Without its start scripts, Flink does not work these out. Transform is a job of many small operations with many
    # ways between them, each of which holds network buffers.
    "taskmanager.cpu.cores": 2.0,
    "taskmanager.memory.framework.heap.size": "128m",
    "taskmanager.memory.framework.off-heap.size": "128m",
    "taskmanager.memory.task.heap.size": "384m",
    "taskmanager.memory.task.off-heap.size": "0m",
    "taskmanager.memory.managed.size": "128m",
    "taskmanager.memory.network.min": "256m",
    "taskmanager.memory.network.max": "256m",
    "taskmanager.memory.jvm-metaspace.size": "256m",
    "taskmanager.memory.jvm-overhead.min": "192m",
    "taskmanager.memory.jvm-overhead.max": "192m",
    "restart-strategy.type": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": 3,
    "restart-strategy.fixed-delay.delay": "1 s",
    "heartbeat.interval": 1000,
    "heartbeat.timeout": 10000,
}


def lacking() -> str:
    """What this machine lacks to run the cluster, and what to install; empty if nothing."""
    programs = {"java": "openjdk-17-jre-headless", "mvn": "maven", UV: "uv"}
    missing = [name for name in programs if not shutil.which(name)]
    if not missing:
        return ""
    return f"Flink needs {', '.join(missing)}: install {', '.join(programs[name] for name in missing)}"


def fetch() -> None:
    """Flink's libraries from PyPI and a job server built from Maven's, once for all runs of the tests."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / ".fetch").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (HOME / "pyflink").is_dir():
            _call(UV, "pip", "install", "--python", sys.executable, "--no-deps", "--target", str(HOME), LIBRARIES)
        if not JOB_SERVER.is_file():
            target = HOME / "build"
            _call("mvn", "-q", "-B", "-f", str(ROOT / "scripts/flink-job-server"), "package", f"-Dtarget={target}")
            (target / JOB_SERVER.name).rename(JOB_SERVER)
            shutil.rmtree(target)


def _call(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class FlinkCluster:
    """The cluster's processes and what its REST service tells.

    Args:
      folder: for configuration, logs and scratch files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.master = f"127.0.0.1:{free_port()}"
        self._managers: list[subprocess.Popen[bytes]] = []
        self._numbers = 0
        (folder / "conf").mkdir(parents=True)
        (folder / "tmp").mkdir()
        own = {
            "jobmanager.rpc.port": free_port(),
            "rest.port": int(self.master.rpartition(":")[2]),
            "io.tmp.dirs": str(folder / "tmp"),
        }
        (folder / "conf/config.yaml").write_text(yaml.safe_dump({**SETTINGS, **own}), encoding="utf-8")
        self._job_manager = self._start(
            "jobmanager", "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint", "512m"
        )
        for _ in range(2):
            self.add_task_manager()
        self.wait_for_task_managers(2)

    @property
    def settings(self) -> dict[str, Any]:
        """The `beam` section for this cluster."""
        return {"runner": "flink", "flink_master": self.master, "job_server_jar": str(JOB_SERVER)}

    def add_task_manager(self) -> None:
        """Starts one more."""
        self._numbers += 1
        self._managers.append(
            self._start(
                f"taskmanager-{self._numbers}",
                "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
                "512m",
                *("-XX:MaxDirectMemorySize=448m", "-XX:MaxMetaspaceSize=256m"),
            )
        )

    def kill_task_manager(self) -> None:
        """SIGKILL to the one that has run for longest."""
        process = self._managers.pop(0)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def wait_for_task_managers(self, number: int, timeout: float = 120) -> None:
        """Waits until so many have registered."""
        end = time.monotonic() + timeout
        while True:
            try:
                if self.get("overview").get("taskmanagers", 0) >= number:
                    return
            except requests.ConnectionError:
                pass
            assert time.monotonic() < end, f"no {number} TaskManagers: see {self._folder}"
            time.sleep(0.2)

    def get(self, path: str) -> Any:
        """What the REST service answers."""
        return requests.get(f"http://{self.master}/{path}", timeout=10).json()

    def jobs(self) -> list[Mapping[str, Any]]:
        """Name, state and times of all jobs, the oldest first."""
        return sorted(self.get("jobs/overview")["jobs"], key=lambda job: job["start-time"])

    def ended(self, job: str, timeout: float = 120) -> str:
        """The state in which a job ended, once it has."""
        end = time.monotonic() + timeout
        while (found := self.get(f"jobs/{job}"))["end-time"] < 0:
            assert time.monotonic() < end, f"job {job} did not end"
            time.sleep(0.2)
        return found["state"]

    def stop(self) -> None:
        """Ends all of it."""
        for process in (*self._managers, self._job_manager):
            end(process)

    def _start(self, name: str, main: str, heap: str, *options: str) -> subprocess.Popen[bytes]:
        opens = [f"--add-opens={package}=ALL-UNNAMED" for package in OPENS]
        command = ["java", f"-Xmx{heap}", "-XX:TieredStopAtLevel=1", *options, *opens]
        command += ["-cp", str(HOME / "pyflink/lib/*"), main, "--configDir", str(self._folder / "conf")]
        return spawn(command, self._folder / f"{name}.log")


@contextmanager
def worker_pool(code: Path, log: Path) -> Iterator[str]:
    """A pool of Python workers with the code in a folder, as one stands on each machine of a cluster; HOST:PORT."""
    port = free_port()
    command = [sys.executable, "-m", "components.flink.workers", "--port", str(port)]
    process = spawn(command, log, {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{code}"})
    try:
        wait_for_port(port)
        yield f"127.0.0.1:{port}"
    finally:
        end(process)


def spawn(command: list[str], log: Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Starts a program in a process group of its own that does not outlive the tests."""
    with log.open("ab") as stream:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
            # PR_SET_PDEATHSIG of prctl(2)
            preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGKILL),
        )


def end(process: subprocess.Popen[bytes]) -> None:
    """Kills a process group."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for_port(port: int, timeout: float = 60) -> None:
    """Waits until something listens."""
    end = time.monotonic() + timeout
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < end, f"nothing listens on {port}"
        time.sleep(0.1)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
