"""A clock that jumps, between runs and during one: what is newer is told by ML Metadata's numbers, not by times."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from small_pipeline import invoke, sales, started

pytestmark = pytest.mark.slow

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


def test_a_run_under_a_clock_that_jumps_back_is_the_newest_all_the_same(released, monkeypatch, tmp_path):
    if not LIBRARY.exists():
        pytest.skip("apt-get install faketime")
    released.span(2, sales(seed=2))
    clock = tmp_path / "clock"
    clock.write_text("-3d", encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setenv("LD_PRELOAD", str(LIBRARY))
        patch.setenv("FAKETIME_TIMESTAMP_FILE", str(clock))
        patch.setenv("FAKETIME_NO_CACHE", "1")
        patch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        with started(released, "transform: started") as process:
            clock.write_text("-5d", encoding="utf-8")
            output, _ = process.communicate(timeout=600)
            assert process.returncode == 0, output
    place = ("--workspace", str(released.workspace.root))
    [newest, first] = invoke(["runs", "--json", *place]).json
    assert (newest["version"], first["version"]) == (2, 1)
    assert newest["started"] < first["started"]
    shown = invoke(["show", "--json", *place]).json
    assert shown["release"]["version"] == 2
    assert all(step["seconds"] >= 0 for step in shown["steps"])
    assert newest["seconds"] > 0
    page = (released.workspace.reports / "index.html").read_text(encoding="utf-8")
    assert page.index(newest["run_id"]) < page.index(first["run_id"])
    assert released.run().json["nothing_to_do"]
    lines = [json.loads(line) for line in released.workspace.drift("sales").read_text("utf-8").splitlines()]
    assert {line["run_id"] for line in lines} == {newest["run_id"]}


def test_the_next_run_does_not_depend_on_what_time_the_last_one_took_it_for(released):
    """Ten years ahead, then now: the release of the run in the future is in service, and is compared with."""
    if not LIBRARY.exists():
        pytest.skip("apt-get install faketime")
    released.span(2, sales(seed=2))
    future = ["faketime", "-f", "+10y", *released.argv("run", "--json", "--no-report")]
    ended = subprocess.run(future, capture_output=True, text=True, timeout=600, check=False, cwd=released.folder)
    assert json.loads(ended.stdout)["release"]["version"] == 2
    released.span(3, sales(seed=3))
    again = released.run()
    assert (again.code, again.json["release"]["version"]) == (0, 3)
    assert again.json["drift"]["reference"].startswith("span 2 ")
    assert [row.version for row in released.history.runs()] == [3, 2, 1]
