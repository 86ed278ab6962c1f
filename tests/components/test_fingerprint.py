"""A fingerprint follows the source, and nothing but the source and the versions of the stack."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from components import fingerprint
from components.fingerprint import code_fingerprint, user_modules


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "somebodys_nets"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "nets.py").write_text("def build(): ...\n")
    (folder / "helpers.py").write_text("WIDTH = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def fresh(*modules: str) -> str:
    """A fingerprint as a new process would take it."""
    fingerprint._content.cache_clear()
    importlib.invalidate_caches()
    return code_fingerprint(*modules)


def test_unchanged_code_keeps_its_fingerprint(package: Path) -> None:
    assert fresh("somebodys_nets") == fresh("somebodys_nets")


def test_a_helper_beside_the_function_counts(package: Path) -> None:
    before = fresh("somebodys_nets")
    (package / "helpers.py").write_text("WIDTH = 4\n")
    assert fresh("somebodys_nets") != before


def test_other_rooms_do_not_count(package: Path) -> None:
    before = fresh("components.gate")
    (package / "helpers.py").write_text("WIDTH = 5\n")
    assert fresh("components.gate") == before


def test_a_new_version_of_the_stack_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fresh("components.gate")
    monkeypatch.setattr(fingerprint, "version", lambda package: "0.0")
    assert fresh("components.gate") != before


def test_users_code_is_found_by_its_top_package() -> None:
    assert user_modules(["nets.deep:build", None, "dense", "prep:fn"]) == ["nets", "prep"]


def test_what_a_users_module_imports_from_beside_it_counts(package: Path) -> None:
    (package / "nets.py").write_text("def build():\n    from widths import WIDTH\n")
    (package.parent / "widths.py").write_text("import depths, json, nowhere\n")
    (package.parent / "depths.py").write_text("import somebodys_nets.nets\n")
    importlib.invalidate_caches()
    assert user_modules(["somebodys_nets.nets:build"]) == ["depths", "somebodys_nets", "widths"]


@pytest.mark.parametrize("module", ["keras", "json", "math"])
def test_what_installed_modules_import_does_not_count(module: str) -> None:
    assert user_modules([f"{module}:anything"]) == [module]


def test_a_users_module_that_does_not_parse_has_no_imports(package: Path) -> None:
    (package / "nets.py").write_text("import (")
    assert user_modules(["somebodys_nets:build"]) == ["somebodys_nets"]
