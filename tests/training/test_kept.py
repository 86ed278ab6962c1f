"""Where a training keeps what it needs to go on: found again after a crash, shared with nobody."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from components.training.kept import FORGOTTEN_AFTER, Kept

HOLDS = """
import sys, time
from pathlib import Path
from components.training.kept import Kept
with Kept(Path(sys.argv[1]), "key") as kept:
    (kept.path / "checkpoint").touch()
    print(kept.path.name, flush=True)
    time.sleep(600)
"""


def test_a_training_that_was_killed_finds_its_folder_again(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "key\n"
        with Kept(tmp_path, "key") as kept:
            assert kept.path.name == "key-2"
        other.kill()
    with Kept(tmp_path, "key") as kept:
        assert kept.path.name == "key"
        assert (kept.path / "checkpoint").exists()


def test_a_training_that_fails_leaves_its_folder(tmp_path):
    with Kept(tmp_path, "key") as kept:
        (kept.path / "checkpoint").touch()
    assert (tmp_path / "key/checkpoint").exists()


def test_what_another_training_keeps_stays(tmp_path):
    with Kept(tmp_path, "other") as other, Kept(tmp_path, "key") as kept:
        kept.remove()
        assert other.path.exists()
        assert not kept.path.exists()


def test_the_last_one_leaves_nothing(tmp_path):
    with Kept(tmp_path / "trainings", "key") as kept:
        kept.remove()
    assert not (tmp_path / "trainings").exists()


def test_what_nobody_went_on_with_for_a_week_is_removed(tmp_path):
    left, recent = tmp_path / "left", tmp_path / "recent"
    for folder in (left, recent):
        with Kept(tmp_path, folder.name):
            (folder / "checkpoint").touch()
    old = time.time() - FORGOTTEN_AFTER - 60
    for path in (left / "checkpoint", left / ".lock", left):
        if path.exists():
            os.utime(path, (old, old))
    with Kept(tmp_path, "key") as kept:
        kept.remove()
    assert not left.exists()
    assert recent.exists()
