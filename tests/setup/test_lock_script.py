"""scripts/lock: the lock and pyproject.toml belong together, and no index is named."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = '[project]\ndependencies = ["a>=1"]\n'


@pytest.fixture(scope="module")
def lock():
    loader = importlib.machinery.SourceFileLoader("lock_script", str(ROOT / "scripts/lock"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("lock_script", loader))
    loader.exec_module(module)
    return module


def test_what_is_composed_passes_the_check_and_names_no_index(lock):
    exported = "# made by\n--index-url https://mirror.invalid/simple\na==1 \\\n    --hash=sha256:00\n"
    text = lock.compose(exported, PYPROJECT)
    assert lock.problem(text, PYPROJECT) is None
    assert "mirror" not in text
    assert "a==1" in text


def test_a_change_of_the_dependencies_is_found(lock):
    text = lock.compose("a==1\n", PYPROJECT)
    assert "older than the dependencies" in lock.problem(text, PYPROJECT.replace("a>=1", "a>=2"))
    assert lock.problem(text, PYPROJECT + "[tool.ruff]\nline-length = 100\n") is None


def test_an_edit_by_hand_is_found(lock):
    text = lock.compose("a==1\n", PYPROJECT)
    assert "edited by hand" in lock.problem(text.replace("a==1", "a==2"), PYPROJECT)
    assert "not written by" in lock.problem("a==1\n", PYPROJECT)


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-gpu.lock", "requirements-airflow.lock"])
def test_the_committed_locks_pin_everything_with_hashes(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"\n(?=\S)", text) if not entry.startswith("#")]
    for entry in entries:
        assert entry.startswith("./scripts/") or ("==" in entry and "--hash=sha256:" in entry)
    assert "://" not in text
