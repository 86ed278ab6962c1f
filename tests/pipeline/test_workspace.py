from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from pipeline.workspace import Workspace
from schema.errors import SettingsError


def test_naming_things_touches_nothing(tmp_path):
    workspace = Workspace(tmp_path / "w")
    assert workspace.log("taxi", "r1") == tmp_path / "w/logs/taxi/r1.log"
    assert workspace.drift("taxi") == tmp_path / "w/drift/taxi.jsonl"
    assert not workspace.root.exists()


def test_the_root_is_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Workspace(Path("w")).root == tmp_path / "w"


def test_ensure_makes_the_folder(tmp_path):
    assert Workspace(tmp_path / "a/b").ensure().root.is_dir()


def test_a_file_is_no_workspace(tmp_path):
    (tmp_path / "w").write_text("")
    with pytest.raises(SettingsError, match="not a folder"):
        Workspace(tmp_path / "w").ensure()
    with pytest.raises(SettingsError, match="cannot be made"):
        Workspace(tmp_path / "w/below").ensure()


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(SettingsError, match="cannot be written to"):
        Workspace(tmp_path).ensure()


def test_a_run_s_files_have_plain_names(tmp_path):
    workspace = Workspace(tmp_path)
    assert workspace.log("taxi", "20260131-120000-ab12").name == "20260131-120000-ab12.log"
    log = workspace.log("taxi", "manual__2026-01-31T00:00:00+00:00")
    assert log.parent == tmp_path / "logs/taxi"
    assert re.fullmatch(r"manual__2026-01-31T00-00-00-00-00-[0-9a-f]{8}\.log", log.name)


def test_runs_with_names_alike_have_files_of_their_own(tmp_path):
    names = {Workspace(tmp_path).log("taxi", run).name for run in ("a:b", "a+b", "a/b", "../a-b", "a-b", "é" * 300)}
    assert len(names) == 6
    assert all(len(name) < 120 and "/" not in name for name in names)
