"""Runs that are started in the same second, and what a run that was killed leaves running."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from small_pipeline import sales, started

pytestmark = pytest.mark.slow


def test_of_runs_started_in_the_same_second_one_runs_and_the_others_say_so(released):
    released.span(2, sales(seed=2))
    processes = [
        subprocess.Popen(released.argv("run"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    try:
        ended = [(*process.communicate(timeout=600), process.returncode) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert sorted(code for _, _, code in ended) == [0, 1, 1]
    for _, told, code in ended:
        assert code == 0 or "is going on" in told
    assert [row.version for row in released.history.runs()] == [2, 1]


def test_workers_of_a_run_that_was_killed_end_with_it(released):
    released.change(lambda settings: settings.update(beam={"mode": "multi_processing", "workers": 2}))
    released.span(2, sales(seed=2))
    with started(released, "statistics: started") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        family = _mentioning(released.folder)
        deadline = time.monotonic() + 60
        while family and time.monotonic() < deadline:
            time.sleep(0.5)
            family = _mentioning(released.folder)
    assert family == []


def _mentioning(folder: Path) -> list[int]:
    """Processes that work in a folder: a run's workers inherit where it was started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                if (entry / "cwd").readlink() == folder:
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
