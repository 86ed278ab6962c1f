"""Measures functions in fresh processes, ours and a peer's in turn.

CPU seconds are those of the process and its children, user and system. The wall clock says nothing on a machine
that does other things too, and a process that has run before has caches that a first run lacks.
"""

from __future__ import annotations

import importlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar


@dataclass(frozen=True)
class Measurement:
    """One call in a fresh process.

    Attributes:
      cpu_seconds: CPU of the call and of its child processes.
      import_seconds: CPU of the process before the call: the interpreter, and importing the function's module.
      memory_bytes: how far the resident memory rose above what it was before the call.
      value: what the function returned.
    """

    cpu_seconds: float
    import_seconds: float
    memory_bytes: int
    value: Any


@dataclass(frozen=True)
class Result:
    """Medians of a comparison; `ratio` says how many times better ours is."""

    name: str
    ours: float
    peer: float
    peer_name: str
    unit: str
    ratio: float
    runs: int

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.ours:.3g} {self.unit}, {self.peer_name}: {self.peer:.3g} {self.unit}, "
            f"{self.ratio:.3g} times better (median of {self.runs})"
        )


class Unavailable(Exception):  # noqa: N818
    """A benchmark measures something that the machine has not got.

    Attributes:
      name: the benchmark's.
      reason: what is missing.
    """

    exit_code: ClassVar[int] = 69
    """`EX_UNAVAILABLE` of sysexits.h: nothing was measured, and nothing failed."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: not measured: {reason}")
        self.name = name
        self.reason = reason


def measure(function: str, *arguments: Any, python: str = sys.executable) -> Measurement:
    """Calls `package.module:function` with JSON values as arguments in a fresh process.

    Args:
      function: the function's dotted name.
      arguments: its arguments.
      python: the interpreter; a peer may have an environment of its own.

    Raises:
      RuntimeError: the process failed; the message ends with the end of its output.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        command = [python, "-m", "benchmarks.harness", str(answer), function, json.dumps(arguments)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{function} failed with exit code {done.returncode}:\n{done.stdout[-3000:]}")
        return Measurement(**json.loads(answer.read_text(encoding="utf-8")))


def compare(
    name: str,
    ours: Callable[[], float],
    peer: Callable[[], float],
    *,
    peer_name: str,
    unit: str = "CPU s",
    runs: int = 3,
) -> Result:
    """Takes both measurements in turn, `runs` times, and compares the medians; smaller is better."""
    pairs = [(ours(), peer()) for _ in range(runs)]
    ours_median, peer_median = (statistics.median(values) for values in zip(*pairs, strict=True))
    return Result(name, ours_median, peer_median, peer_name, unit, peer_median / max(ours_median, 1e-9), runs)


def cpu_seconds() -> float:
    """CPU of this process and of its children that have ended."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in usage)


def memory(field: str) -> int:
    """A field of the process' status in bytes: `VmRSS` is now, `VmHWM` the highest since the last reset."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(field))


def reset_peak() -> None:
    """Makes the present resident memory the highest so far."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def _main(answer: str, function: str, arguments: str) -> None:
    module, _, name = function.partition(":")
    call = getattr(importlib.import_module(module), name)
    imported, before = cpu_seconds(), memory("VmRSS")
    reset_peak()
    value = call(*json.loads(arguments))
    measured = Measurement(cpu_seconds() - imported, imported, memory("VmHWM") - before, value)
    Path(answer).write_text(json.dumps(asdict(measured)), encoding="utf-8")


if __name__ == "__main__":
    _main(*sys.argv[1:])
