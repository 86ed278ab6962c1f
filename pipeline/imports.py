"""How the large libraries are imported."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """Imports without garbage collection: what they make stays for good, and to look it all through again and again
    took 1.2 of the 5 CPU seconds that TensorFlow, Beam and TFX need to import.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
