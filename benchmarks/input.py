"""The Trainer's input pipeline, from TFRecords of images: against the same network fed from memory, against a loader in
Python, and its memory as the data grow.

On a CPU, network and pipeline share the cores: what the pipeline takes, the network lacks. So CPU seconds are counted,
those of the cheapest epoch of each process.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.harness import Result, compare, measure

ROWS = 1600
EPOCHS = 6


def cnn(runs: int, rows: int = ROWS) -> Result:
    """The convolutional network on 64 x 64 x 3."""
    return _training("input", "colour", runs, rows)


def dense(runs: int, rows: int = 10 * ROWS) -> Result:
    """The dense network on 28 x 28 x 1."""
    return _training("input_dense", "digit", runs, rows)


def loader(runs: int, rows: int = ROWS) -> Result:
    """Batches of 64 x 64 x 3 without a network."""
    with _pictures("colour", rows) as folder:
        return compare(
            "input_loader",
            lambda: _milliseconds("stream", folder, "colour", rows),
            lambda: _milliseconds("stream_in_python", folder, "colour", rows),
            peer_name="a loader in Python",
            unit="CPU ms per 1,000 images",
            runs=runs,
        )


def memory(runs: int, rows: int = 4 * ROWS) -> Result:
    """Memory of reading and of two epochs, cached on disk, on four times the images against once."""
    with _pictures("colour", rows) as once, _pictures("colour", 4 * rows) as fourfold:
        return compare(
            "input_memory",
            lambda: _mebibytes(fourfold, rows),
            lambda: _mebibytes(once, rows),
            peer_name="a quarter of the images",
            unit="MiB",
            runs=runs,
        )


def _training(name: str, kind: str, runs: int, rows: int) -> Result:
    with _pictures(kind, rows) as folder:
        return compare(
            name,
            lambda: _milliseconds("train", folder, kind, rows),
            lambda: _milliseconds("train_from_memory", folder, kind, rows),
            peer_name="from memory",
            unit="CPU ms per 1,000 images",
            runs=runs,
        )


@contextmanager
def _pictures(kind: str, rows: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        measure("benchmarks.pictures:write", folder, kind, rows)
        yield folder


def _milliseconds(function: str, folder: str, kind: str, rows: int) -> float:
    """CPU milliseconds for 1,000 images in the cheapest epoch."""
    measured = measure(f"benchmarks.feeding:{function}", folder, kind, EPOCHS)
    return min(measured.value["epochs"]) / rows * 1e6


def _mebibytes(folder: str, rows: int) -> float:
    measured = measure("benchmarks.feeding:stream", folder, "colour", 2, "disk", rows // 2)
    return measured.memory_bytes / 2**20
