"""Fingerprints of code: TFX's cache sees settings and data, but not that a function changed."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

STACK = (
    "tfx",
    "tensorflow",
    "keras",
    "tensorflow-transform",
    "tensorflow-data-validation",
    "tensorflow-model-analysis",
    "apache-beam",
)
"""Packages whose version is part of every fingerprint: results may change with any of them."""


def code_fingerprint(*modules: str) -> str:
    """Fingerprints the source of modules and packages, and the versions of the stack, without importing either.

    Args:
      modules: dotted names. A package counts with all its Python files, a module with its own file.

    Returns:
      SHA-256 as 64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for package in STACK:
        digest.update(f"{package}={version(package)}\n".encode())
    for path in sorted({path for module in modules for path in _sources(module)}):
        digest.update(f"{path.name}\n".encode() + _content(path))
    return digest.hexdigest()


def user_modules(names: Iterable[str | None]) -> list[str]:
    """The top-level packages of dotted names `package.module:function`; None and plain names are left out."""
    return [name.partition(":")[0].partition(".")[0] for name in names if name and ":" in name]


@cache
def _content(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def _sources(module: str) -> Iterator[Path]:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return
    origin = Path(spec.origin)
    if spec.submodule_search_locations:
        yield from (path for path in origin.parent.rglob("*.py"))
    else:
        yield origin
