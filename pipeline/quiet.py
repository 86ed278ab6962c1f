"""Keeps the noise of TensorFlow, Beam and TFX off the screen: it goes to the run's log file."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@contextlib.contextmanager
def screen() -> Iterator[TextIO]:
    """A stream to where `sys.stdout` goes now, through a descriptor of its own.

    It keeps writing to the screen while `quiet` points descriptor 1 at a log file.
    """
    try:
        descriptor = os.dup(sys.stdout.fileno())
    except (io.UnsupportedOperation, AttributeError):  # a test's stream, with no descriptor behind it
        yield sys.stdout
        return
    with os.fdopen(descriptor, "w", buffering=1, encoding=sys.stdout.encoding, errors="replace") as stream:
        yield stream


@contextlib.contextmanager
def quiet(path: Path) -> Iterator[None]:
    """While inside, everything printed and logged in this process goes to the end of the file `path`.

    C++ libraries write to descriptors 1 and 2, so these are pointed at the file, not only Python's streams;
    logging (absl's, too) and warnings follow. All of it is restored on the way out, however that happens.

    A file that cannot be written is no reason to fail: then it all goes nowhere.
    """
    log = _opened(path)
    try:
        with _descriptors(log), _streams(), _logging(log):
            yield
    finally:
        with contextlib.suppress(OSError):  # the disk is full
            log.close()


def unwritable(path: Path) -> str | None:
    """Why a log file cannot be written; None if it can."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a").close()
    except OSError as error:
        return error.strerror or type(error).__name__
    return None


def _opened(path: Path) -> TextIO:
    return Path(os.devnull if unwritable(path) else path).open("a", encoding="utf-8")


@contextlib.contextmanager
def _descriptors(log: TextIO) -> Iterator[None]:
    sys.stdout.flush()
    sys.stderr.flush()
    kept = {number: os.dup(number) for number in (1, 2)}
    try:
        for number in kept:
            os.dup2(log.fileno(), number)
        yield
    finally:
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)


@contextlib.contextmanager
def _streams() -> Iterator[None]:
    """Streams that do not write to descriptors 1 and 2 (notebooks, tests) are swapped for ones that do.

    Streams that do are left alone: libraries imported inside keep references to them, which stay good.
    """
    before = sys.stdout, sys.stderr
    for number, name in ((1, "stdout"), (2, "stderr")):
        if not _writes_to(getattr(sys, name), number):
            setattr(sys, name, os.fdopen(number, "w", buffering=1, closefd=False, errors="replace"))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError, OSError):  # closed by someone inside; or the disk is full
            sys.stdout.flush()
            sys.stderr.flush()
        sys.stdout, sys.stderr = before


def _writes_to(stream: TextIO, number: int) -> bool:
    try:
        return stream.fileno() == number
    except (io.UnsupportedOperation, AttributeError, ValueError):
        return False


@contextlib.contextmanager
def _logging(log: TextIO) -> Iterator[None]:
    from absl import logging as absl_logging

    handler = logging.StreamHandler(log)
    handler.setFormatter(logging.Formatter(FORMAT))
    root = logging.getLogger()
    handlers, level, verbosity = root.handlers[:], root.level, absl_logging.get_verbosity()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    absl_logging.set_verbosity(absl_logging.INFO)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        absl_logging.set_verbosity(verbosity)
        root.setLevel(level)
        root.handlers[:] = handlers
