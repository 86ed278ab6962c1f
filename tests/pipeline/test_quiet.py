"""Noise goes to the log file, whoever makes it; the screen comes back whatever happens."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from pipeline.quiet import quiet, screen


def make_noise() -> None:
    print("from print")
    print("from stderr", file=sys.stderr)
    os.write(1, b"from descriptor 1\n")
    os.write(2, b"from descriptor 2\n")
    subprocess.run(["sh", "-c", "echo from a child; echo from its stderr >&2"], check=True)
    logging.getLogger("beam").info("from logging")
    logging.getLogger("absl").warning("from absl")
    warnings.warn("from warnings", stacklevel=1)


NOISE = (
    "from print", "from stderr", "from descriptor 1", "from descriptor 2", "from a child", "from its stderr",
    "from logging", "from absl", "from warnings",
)  # fmt: skip


@pytest.mark.filterwarnings("always")
def test_all_noise_goes_to_the_log_and_the_screen_stays_reachable(tmp_path, capfd):
    log = tmp_path / "logs/r1.log"
    with screen() as stream, quiet(log):
        make_noise()
        print("progress", file=stream)
    print("after")
    seen = capfd.readouterr()
    assert seen.out == "progress\nafter\n"
    assert seen.err == ""
    written = log.read_text(encoding="utf-8")
    for noise in NOISE:
        assert noise in written


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_everything_is_restored_after_a_failure(tmp_path, capfd, failure):
    root = logging.getLogger()
    before = sys.stdout, sys.stderr, root.handlers[:], root.level
    with pytest.raises(failure), quiet(tmp_path / "log"):
        raise failure
    assert (sys.stdout, sys.stderr, root.handlers[:], root.level) == before
    os.write(1, b"back\n")
    assert capfd.readouterr().out == "back\n"


def test_a_second_run_adds_to_the_log(tmp_path):
    for word in ("one", "two"):
        with quiet(tmp_path / "log"):
            print(word)
    assert (tmp_path / "log").read_text(encoding="utf-8") == "one\ntwo\n"


def test_no_descriptor_is_left_open(tmp_path):
    def opened() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    with screen(), quiet(tmp_path / "log"):
        pass
    before = opened()
    for _ in range(5):
        with screen(), quiet(tmp_path / "log"):
            pass
    assert opened() == before
