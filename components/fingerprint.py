"""Fingerprints of code: TFX's cache sees settings and data, but not that a function changed."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

STACK = (
    "tfx",
    "tensorflow",
    "keras",
    "ai-edge-litert",
    "keras-tuner",
    "tensorflow-transform",
    "tensorflow-data-validation",
    "tensorflow-model-analysis",
    "apache-beam",
    "pillow",
)
"""Packages whose version is part of every fingerprint: results may change with any of them."""

_INSTALLED = frozenset(Path(path) for path in sysconfig.get_paths().values())


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
    """The top-level modules of dotted names `package.module:function`, and those beside them that they import.

    Args:
      names: dotted names; None and plain names are left out.

    Returns:
      Names of modules and packages, sorted. Nothing is imported.
    """
    found: set[str] = set()
    waiting = {name.partition(":")[0].partition(".")[0] for name in names if name and ":" in name}
    while waiting:
        module = waiting.pop()
        found.add(module)
        waiting |= set(_imported_from_beside(module)) - found
    return sorted(found)


def _imported_from_beside(module: str) -> Iterator[str]:
    """Modules in the same folder that a module imports; none for an installed one, which has a version instead."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None or not spec.has_location:  # a built-in module has no file
        return
    folder = Path(spec.origin).parent.parent if spec.submodule_search_locations else Path(spec.origin).parent
    if folder in _INSTALLED:
        return
    for path in _sources(module):
        for name in _imports(path):
            if (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file():
                yield name


def _imports(path: Path) -> Iterator[str]:
    """Top-level names that a file imports, wherever in it; none if it does not parse."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@cache
def _content(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def _sources(module: str) -> Iterator[Path]:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None or not spec.has_location:
        return
    origin = Path(spec.origin)
    if spec.submodule_search_locations:
        yield from (path for path in origin.parent.rglob("*.py"))
    else:
        yield origin
